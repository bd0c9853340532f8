"""Hold a channel and release it: its messages are made, wait, and go out when it is released."""

from __future__ import annotations

from domain.channels.kinds import find_kind
from domain.kit.errors import Unprocessable
from domain.kit.principals import EnvironmentScope
from models.queries.channels import holds
from services.channels.channels import find_channel
from services.engine import Engine


async def hold_channel(engine: Engine, environment: EnvironmentScope, key: str) -> int:
    """Send no message of a channel until it is released; held twice is held once.

    What is handed to the provider at this moment still goes out.

    Returns:
        How many messages of the channel are on their way now, and wait.

    Raises:
        NotFound: there is no such channel.
        Unprocessable: `channel_not_holdable`, its messages are delivered as they are made.
    """
    async with engine.unit() as unit:
        channel = await find_channel(unit.connection, key)
        kind = find_kind(channel.channel_type)
        if kind is not None and not kind.needs_provider:
            raise Unprocessable(
                "Messages of this channel are delivered as they are made.",
                code="channel_not_holdable",
            )
        await holds.hold_channel(unit.connection, environment.id, channel.id, unit.now)
        return await holds.messages_on_their_way(unit.connection, environment.id, channel.id)


async def release_channel(engine: Engine, environment: EnvironmentScope, key: str) -> int:
    """Let the messages of a channel go out, within five minutes; released twice is released once.

    Returns:
        How many messages of the channel have waited.

    Raises:
        NotFound: there is no such channel.
    """
    async with engine.unit() as unit:
        channel = await find_channel(unit.connection, key)
        await holds.release_channel(unit.connection, environment.id, channel.id)
        return await holds.messages_on_their_way(unit.connection, environment.id, channel.id)
