"""The orders to deliver that a walk returns."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.channels.kinds import delivery_queue
from domain.channels.types import ChannelType
from domain.contract.runs import DeliveryOrder
from domain.messages.statuses import PENDING_DELIVERY
from models.queries.runs import walks
from runtime.database import Connection


def delivery_order(
    identifier: str, step_ref: str, channel_type: ChannelType, scheduled_at: datetime | None
) -> DeliveryOrder:
    """Say which queue takes a message, and when at the earliest."""
    return DeliveryOrder(
        message_id=identifier,
        queue=delivery_queue(channel_type),
        label=f"{step_ref} by {channel_type.value}",
        not_before=scheduled_at.timestamp() if scheduled_at else None,
    )


async def open_deliveries(
    connection: Connection, workflow_run_id: UUID, run_id: UUID, *, step_ref: str | None = None
) -> list[DeliveryOrder]:
    """Return the deliveries of messages made earlier that have reached no final status."""
    return [
        delivery_order(
            str(message.id),
            message.step_ref,
            ChannelType(message.channel_type),
            message.scheduled_at,
        )
        for message in await walks.messages_of_run(connection, workflow_run_id, run_id)
        if message.delivery_status in PENDING_DELIVERY and step_ref in (None, message.step_ref)
    ]
