"""What requests say inline of somebody's channel data, judged by the channels that it is for.

The operation of its own knows the channel before it reads. A recipient who is described in another
request may name any number of channels, so what is said for them is read where they are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from domain.channels.channel_data import check_unknown, read_data, takes_data
from domain.channels.rows import ChannelHere
from domain.kit.json_types import JsonObject
from domain.kit.violations import Violations
from domain.recipients.inline import InlineRecipient
from models.queries.channels.channels import channels_here
from runtime.database import Connection


async def read_inline_data(
    connection: Connection, environment_id: UUID, people: Sequence[InlineRecipient]
) -> Sequence[InlineRecipient]:
    """Return people with their channel data as it is to be stored.

    Raises:
        InvalidParams: with everything that the providers of the channels do not take.
    """
    named = {UUID(channel_id) for person in people for channel_id in person.unread}
    if not named:
        return people
    channels = await channels_here(connection, environment_id, named)
    violations = Violations()
    read = []
    for person in people:
        if person.unread:
            data = dict(person.channel_data or {})
            for channel_id, place in person.unread.items():
                channel = channels.get(UUID(channel_id))
                data[channel_id] = violations.read(_read, channel, data[channel_id], place)
            person = replace(person, channel_data=data, unread={})
        read.append(person)
    violations.raise_any()
    return read


def _read(channel: ChannelHere | None, given: JsonObject, place: str) -> JsonObject:
    if channel is None or not takes_data(channel.channel_type, channel.provider):
        return check_unknown(given, place)  # nothing is sent by it, until it is set up
    return read_data(channel.channel_type, channel.provider, given, place)
