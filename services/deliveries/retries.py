"""Send a message again: because somebody asked for it, or because its delivery was lost."""

from __future__ import annotations

from uuid import UUID

from domain.channels.kinds import delivery_queue
from domain.channels.types import ChannelType
from domain.contract.deliveries import DeliverMessageInput, MessageDeliveryInput
from domain.deliveries.claims import OverdueDelivery, RetryFilter, RetryRequest
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.principals import EnvironmentScope
from domain.messages.statuses import DeliveryStatus
from models.queries.deliveries import deliveries as statements
from services import effect_kinds, effects
from services.channels.channels import find_channel
from services.engine import Engine, Unit
from services.named import require_named
from services.temporal_calls import start_delivery

_RETRIED_AT_ONCE = 200


async def retry_message(engine: Engine, environment: EnvironmentScope, message_id: UUID) -> None:
    """Send an undelivered or bounced message once more, with eight new attempts.

    It is on its way once this returns, whether Temporal is there or not: then the sweep starts it.

    Raises:
        NotFound: there is no such message here.
        Unprocessable: `message_not_retriable`, it was delivered or is still on its way.
        Unavailable: the database is away; nothing has changed.
    """
    async with engine.unit() as unit:
        if await _send_again(unit, environment, message_id):
            return
        if await statements.standing(unit.connection, environment.id, message_id) is None:
            raise NotFound(f"There is no message {message_id} in this environment.")
        raise Unprocessable(
            "Only an undelivered or bounced message can be retried.", code="message_not_retriable"
        )


async def _send_again(unit: Unit, environment: EnvironmentScope, message_id: UUID) -> bool:
    """Put a message on its way again; tells whether it had failed."""
    message = await statements.requeue(unit.connection, environment.id, message_id, unit.now)
    if message is None:
        return False
    channel_type = ChannelType(message.channel_type)
    payload = effect_kinds.manual_retry(
        message_id,
        message.retry_count,
        workflow_key=message.workflow_key,
        queue=delivery_queue(channel_type),
        label=f"manual retry {message.retry_count} by {channel_type.value}",
    )
    await effects.owe(unit, environment.id, effect_kinds.DELIVER_MESSAGE, payload)
    return True


async def retry_messages(
    engine: Engine, environment: EnvironmentScope, wanted: RetryRequest
) -> int:
    """Send all messages once more that failed and to which a filter applies; returns how many.

    They are on their way once this returns. What Temporal does not take at once, the sweep starts.

    Raises:
        NotFound: there is no such channel, workflow or tenant.
        Unavailable: the database is away; what was put on its way until then stays so.
    """
    channel_id = None
    if wanted.channel is not None:
        async with engine.connection() as connection:
            channel_id = (await find_channel(connection, wanted.channel)).id
    filters = RetryFilter(
        statuses=(DeliveryStatus(wanted.status),),
        channel_id=channel_id,
        workflow=wanted.workflow,
        tenant=wanted.tenant,
        since=wanted.since,
        until=wanted.until,
    )
    now, total = engine.clock(), 0
    while True:
        async with engine.unit() as unit:
            ids = await statements.retriable_messages(
                unit.connection, environment.id, filters, now=now, limit=_RETRIED_AT_ONCE
            )
            # In the order in which everybody locks several of them.
            for message_id in sorted(ids):
                # One that somebody else has sent again meanwhile is not this one's.
                total += await _send_again(unit, environment, message_id)
        if len(ids) < _RETRIED_AT_ONCE:
            break
    if not total:
        async with engine.connection() as connection:
            await require_named(
                connection, environment.id, workflow=wanted.workflow, tenant=wanted.tenant
            )
    return total


async def deliver_again(engine: Engine, delivery: OverdueDelivery) -> None:
    """Take up a delivery that nobody works on any more, apart from its run.

    Harmless to repeat, and beside a run that still delivers: one of them claims the message.

    Raises:
        RPCError: Temporal did not take it.
    """
    channel_type, message_id = ChannelType(delivery.channel_type), str(delivery.message_id)
    await start_delivery(
        engine.temporal,
        MessageDeliveryInput(
            DeliverMessageInput(message_id, str(delivery.environment_id), delivery.retry),
            queue=delivery_queue(channel_type),
            label=f"taken up again, by {channel_type.value}",
        ),
        environment=delivery.environment,
        workflow_key=delivery.workflow_key,
        again=True,  # one that was terminated
    )
