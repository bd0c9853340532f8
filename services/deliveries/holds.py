"""Hold a channel and release it: its messages are made, wait, and go out when it is released."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from domain.channels.kinds import find_kind
from domain.deliveries.claims import HeldChannel, OverdueDelivery
from domain.kit.errors import Unprocessable
from domain.kit.ids import FIRST_ID
from domain.kit.principals import EnvironmentScope
from models.queries.channels import holds
from runtime.database import Connection
from runtime.logs import get_logger
from services.at_once import each_at_once
from services.channels.channels import find_channel
from services.deliveries.retries import deliver_again
from services.engine import Engine
from services.in_pages import in_pages

_log = get_logger(__name__)

# How many waiting messages are read at a time, and for how long a release goes on.
_PAGE_SIZE = 200
_SECONDS = 5.0


async def held_channels(engine: Engine) -> list[HeldChannel]:
    """Return the channels that are held in any environment, held longest first."""
    async with engine.connection() as connection:
        return await holds.held_channels(connection)


async def hold_channel(engine: Engine, environment: EnvironmentScope, key: str) -> int:
    """Send no message of a channel until it is released; held twice is held once.

    What is handed to the provider at this moment still goes out.

    Returns:
        How many messages of the channel are on their way now, and wait.

    Raises:
        NotFound: there is no such channel.
        Unprocessable: `channel_not_holdable`, its messages are delivered without a provider.
    """
    async with engine.unit() as unit:
        channel = await find_channel(unit.connection, key)
        kind = find_kind(channel.channel_type)
        if kind is not None and not kind.needs_provider:
            raise Unprocessable(
                "Messages of this channel are delivered without a provider.",
                code="channel_not_holdable",
            )
        await holds.hold_channel(unit.connection, environment.id, channel.id, unit.now)
        return await holds.messages_on_their_way(unit.connection, environment.id, channel.id)


async def release_channel(engine: Engine, environment: EnvironmentScope, key: str) -> int:
    """Let the messages of a channel go out; released twice is released once.

    Those that have waited are delivered at once, apart from their runs; what there is no time for,
    or Temporal does not take, within five minutes, when its run looks again.

    Returns:
        How many messages of the channel are on their way now: those that have waited, and those
        that are with the provider, or wait for their window or their next attempt.

    Raises:
        NotFound: there is no such channel.
    """
    async with engine.unit() as unit:
        channel = await find_channel(unit.connection, key)
        await holds.release_channel(unit.connection, environment.id, channel.id)
        unit.after(partial(_send_on, engine, environment.id, channel.id))
        return await holds.messages_on_their_way(unit.connection, environment.id, channel.id)


async def _send_on(engine: Engine, environment_id: UUID, channel_id: UUID) -> None:
    """Deliver for some seconds what has waited. Never raises: the channel is released."""

    async def read(
        connection: Connection, last: OverdueDelivery | None
    ) -> Sequence[OverdueDelivery]:
        after = last.message_id if last else FIRST_ID
        return await holds.send_on(
            connection, environment_id, channel_id, after=after, limit=_PAGE_SIZE
        )

    async def deliver_all(held: Sequence[OverdueDelivery]) -> bool:
        await each_at_once(held, partial(deliver_again, engine))
        return True

    try:
        async with asyncio.timeout(2 * _SECONDS):
            await in_pages(engine, read, deliver_all, size=_PAGE_SIZE, seconds=_SECONDS)
    except Exception as error:
        _log.warning(
            "released_messages_wait", channel_id=str(channel_id), error=type(error).__name__
        )
