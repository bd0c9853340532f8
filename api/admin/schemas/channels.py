"""Wire shapes of channels and of those that are held."""

from __future__ import annotations

from typing import Self

from api.management.channels.schemas import ChannelOut
from domain.deliveries.claims import HeldChannel
from domain.kit.answers import Moment, Out


class ChannelBodyOut(Out):
    """The channel as it is now."""

    channel: ChannelOut


class HeldChannelOut(Out):
    """A channel that is held, and how many of its messages are on their way."""

    channel: str
    environment: str
    since: Moment
    messages: int

    @classmethod
    def of(cls, held: HeldChannel) -> Self:
        """Write a hold."""
        return cls(
            channel=held.channel_key,
            environment=held.environment,
            since=held.since,
            messages=held.messages,
        )


class HeldChannelsOut(Out):
    """All channels that are held."""

    entries: list[HeldChannelOut]


class CallbackOut(Out):
    """Where a vendor tells what became of messages."""

    url: str
