"""Reads and writes what recipients store for channels.

Source: Knock docs, "Setting channel data". Whoever stores something for somebody unknown makes them
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.channels.channel_data import read_data, shown_data, takes_data
from domain.channels.rows import ChannelHere
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.channels.channels import get_channel_here
from models.queries.recipients import channel_data as statements
from models.queries.recipients.recipients import hold_recipient
from runtime.database import Connection
from services.engine import Engine
from services.triggers.audience_entries import identify
from services.waits.changes import tell_of_updates

_MISSING = "The recipient has no data for this channel."


@dataclass(frozen=True, slots=True)
class ChannelDataView:
    """What a recipient has stored for a channel, as it is read back."""

    channel_id: UUID
    provider: str
    data: JsonObject


async def get_channel_data(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef, channel_id: UUID
) -> ChannelDataView:
    """Return what a recipient has stored for a channel. Raises NotFound."""
    async with engine.connection() as connection:
        channel = await get_channel_here(connection, environment.id, channel_id)
        data = await statements.get_channel_data(connection, environment.id, ref, channel_id)
    if channel is None or data is None:
        raise NotFound(_MISSING)
    return _view(channel, data)


async def set_channel_data(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    channel_id: UUID | None,
    given: JsonObject,
) -> ChannelDataView:
    """Store data of a recipient for a channel, in the place of what is there.

    Args:
        engine: the parts of this process.
        environment: where.
        ref: whose; made known if nobody knows them.
        channel_id: for which channel; None for what cannot be the id of one.
        given: what its provider takes.

    Raises:
        Unprocessable: `channel_invalid`: there is no such channel, it is not set up in this
            environment, or it stores nothing of recipients.
        InvalidParams: with everything that its provider does not take.
        NotFound: the recipient was deleted at the same time.
    """
    async with engine.unit() as unit:
        channel = await _usable(unit.connection, environment, channel_id)
        data = read_data(channel.channel_type, channel.provider, given, "data")
        said = InlineRecipient(ref, properties={}, channel_data={str(channel.id): data})
        # Nobody begins to wait for a change of theirs meanwhile.
        await identify(unit, environment, [said], holds=True)
        stored = await statements.get_channel_data(unit.connection, environment.id, ref, channel.id)
    if stored is None:  # deleted by somebody else between two statements
        raise NotFound("The recipient was deleted at the same time.")
    return _view(channel, stored)


async def add_channel_data(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    channel_id: UUID,
    given: JsonObject,
) -> None:
    """Store data of a recipient for a channel, beside what else is there.

    Raises:
        Unprocessable, InvalidParams: see `set_channel_data`.
    """
    async with engine.unit() as unit:
        channel = await _usable(unit.connection, environment, channel_id)
        await hold_recipient(unit.connection, environment.id, ref)
        known = await statements.get_channel_data(unit.connection, environment.id, ref, channel.id)
        added = read_data(channel.channel_type, channel.provider, given, "data")
        data = {**(known or {}), **added}
        said = InlineRecipient(ref, properties={}, channel_data={str(channel.id): data})
        await identify(unit, environment, [said], holds=True)


async def unset_channel_data(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef, channel_id: UUID
) -> None:
    """Forget what a recipient has stored for a channel; what is not there is forgotten already."""
    async with engine.unit() as unit:
        await hold_recipient(unit.connection, environment.id, ref)
        if await statements.delete_channel_data(unit.connection, environment.id, ref, channel_id):
            await tell_of_updates(unit, environment.id, [ref])


async def _usable(
    connection: Connection, environment: EnvironmentScope, channel_id: UUID | None
) -> ChannelHere:
    """Return a channel that recipients store data for. Raises Unprocessable."""
    found = await get_channel_here(connection, environment.id, channel_id or new_id())
    if found is None:
        problem = "There is no channel with this id."
    elif not found.is_configured:
        problem = f"The channel {found.key} is not configured in {environment.slug}."
    elif not takes_data(found.channel_type, found.provider):
        problem = f"The channel {found.key} does not store recipient data."
    else:
        return found
    raise Unprocessable(problem, code="channel_invalid")


def _view(channel: ChannelHere, data: JsonObject) -> ChannelDataView:
    shown = shown_data(channel.channel_type, channel.provider, data)
    return ChannelDataView(channel.id, channel.provider, shown)
