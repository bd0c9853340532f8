"""Lets messages that wait be sent at another instant, as operators ask for."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from domain.channels.kinds import delivery_queue
from domain.channels.types import ChannelType
from domain.deliveries.claims import MovedDelivery
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.principals import EnvironmentScope
from models.queries.deliveries.deliveries import standing
from models.queries.deliveries.waits import move_delivery as move
from services import effect_kinds, effects
from services.engine import Engine

MAX_WAIT = timedelta(days=30)


async def move_delivery(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, until: datetime | None
) -> MovedDelivery:
    """Let a message that waits for an attempt, or for its send window, be sent at another instant.

    Attempts are counted as before. Whoever was to send it then, its run above all, finds out when
    it looks; where that would be too late, a Temporal workflow of its own sends it.

    Args:
        engine: the parts of this process.
        environment: where.
        message_id: which.
        until: when; at once for None.

    Raises:
        NotFound: there is no such message here.
        Unprocessable: `message_not_waiting`, it has reached its end, or is with its provider now;
            `wait_too_long`, it would wait for more than thirty days.
        Unavailable: the database is away; nothing has changed.
    """
    async with engine.unit() as unit:
        if until is not None and until > unit.now + MAX_WAIT:
            raise Unprocessable("A message can wait for at most thirty days.", code="wait_too_long")
        moved = await move(unit.connection, environment.id, message_id, until=until, now=unit.now)
        if moved is None:
            if await standing(unit.connection, environment.id, message_id) is None:
                raise NotFound(f"There is no message {message_id} in this environment.")
            raise Unprocessable(
                "Only a message that waits for an attempt or its send window can be moved.",
                code="message_not_waiting",
            )
        is_wanted_now = until is None or until <= unit.now
        # One that is due already may still have whoever sends it sleep, as after an absence.
        if is_wanted_now or moved.due_at < moved.was_due_at:
            channel_type = ChannelType(moved.channel_type)
            payload = effect_kinds.moved_delivery(
                moved, queue=delivery_queue(channel_type), label=f"moved, by {channel_type.value}"
            )
            await effects.owe(unit, environment.id, effect_kinds.DELIVER_MOVED, payload)
    return moved
