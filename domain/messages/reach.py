"""How far somebody reaches who calls with a public key."""

from __future__ import annotations

from dataclasses import dataclass

from domain.channels.types import ChannelType
from domain.kit.user_tokens import TenantScope
from domain.messages.messages import Message
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True)
class Reach:
    """Which messages whoever has a public key may see and touch: in-app ones.

    Attributes:
        user_id: whose, where that is proven.
        tenants: of which tenants, where the caller is kept to some.
    """

    user_id: str | None = None
    tenants: TenantScope | None = None

    def covers(self, message: Message) -> bool:
        """Tell whether a message may be seen and touched."""
        return (
            message.channel_type == ChannelType.IN_APP_FEED
            and (self.user_id is None or message.recipient == RecipientRef.user(self.user_id))
            and (self.tenants is None or self.tenants.covers(message.tenant_id))
        )
