"""How far somebody reaches who calls with a public key."""

from __future__ import annotations

from dataclasses import dataclass

from domain.channels.types import ChannelType
from domain.kit.user_tokens import TenantScope
from domain.messages.messages import Message
from domain.messages.statuses import PENDING_DELIVERY
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True)
class Reach:
    """Which messages whoever has a public key may see and touch.

    A mobile application reports that a push was opened, with its user's token. Where nothing proves
    who is calling, only what feeds show is open, as their lists are. None of them
    reaches an item that waits for its send window.

    Attributes:
        is_anonymous: whether only items of feeds.
        user_id: whose, where that is proven.
        tenants: of which tenants, where the caller is kept to some.
    """

    is_anonymous: bool
    user_id: str | None = None
    tenants: TenantScope | None = None

    def covers(self, message: Message) -> bool:
        """Tell whether a message may be seen and touched."""
        return (
            not _is_held_back(message)
            and (not self.is_anonymous or message.channel_type == ChannelType.IN_APP_FEED)
            and (self.user_id is None or message.recipient == RecipientRef.user(self.user_id))
            and (self.tenants is None or self.tenants.covers(message.tenant_id))
        )


def _is_held_back(message: Message) -> bool:
    """Tell whether a feed does not show a message yet, because of its send window."""
    is_item = message.channel_type == ChannelType.IN_APP_FEED
    return is_item and message.delivery_status in PENDING_DELIVERY
