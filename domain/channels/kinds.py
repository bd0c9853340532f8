"""The table of channel types. A new one is a file here, and its line."""

from __future__ import annotations

from collections.abc import Mapping

from domain.channels.chat import Chat
from domain.channels.email import Email
from domain.channels.http import Http
from domain.channels.in_app_feed import InAppFeed
from domain.channels.in_app_guide import InAppGuide
from domain.channels.kind import ChannelKind
from domain.channels.push import Push
from domain.channels.sms import Sms
from domain.channels.types import ChannelType

CHANNEL_KINDS: Mapping[ChannelType, ChannelKind] = {
    ChannelType.IN_APP_FEED: InAppFeed(),
    ChannelType.EMAIL: Email(),
    ChannelType.SMS: Sms(),
    ChannelType.PUSH: Push(),
    ChannelType.CHAT: Chat(),
    ChannelType.HTTP: Http(),
    ChannelType.IN_APP_GUIDE: InAppGuide(),
}
# Those that steps make messages of.
STEP_KINDS: Mapping[ChannelType, ChannelKind] = {
    name: kind for name, kind in CHANNEL_KINDS.items() if kind.has_steps
}

# Those whose messages recipients read here, so that nobody has to send them.
READ_HERE: tuple[ChannelType, ...] = tuple(
    name for name, kind in CHANNEL_KINDS.items() if not kind.needs_provider
)


def find_kind(channel_type: str) -> ChannelKind | None:
    """Return what is known of a stored channel type; None when only another version knows it."""
    return CHANNEL_KINDS[ChannelType(channel_type)] if channel_type in list(ChannelType) else None


def delivery_queue(channel_type: ChannelType) -> str:
    """Return the task queue of deliveries. Raises LookupError for a type that needs none."""
    queue = CHANNEL_KINDS[channel_type].queue
    if queue is None:
        raise LookupError(f"messages of type {channel_type} are not delivered by a provider")
    return queue
