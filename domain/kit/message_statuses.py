"""The names of the statuses of messages, and their order.

Source: Knock docs, "Message statuses". What follows from them is in `domain/messages/statuses.py`.
They stand here because conditions speak of them, and people bring conditions along.
"""

from __future__ import annotations

from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where a message stands on its way to the provider; exclusive."""

    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    QUEUED = "queued"
    NOT_SENT = "not_sent"
    SENT = "sent"
    DELIVERED = "delivered"


class EngagementStatus(StrEnum):
    """What the recipient did with a message; several may hold at once."""

    SEEN = "seen"
    READ = "read"
    INTERACTED = "interacted"
    LINK_CLICKED = "link_clicked"
    ARCHIVED = "archived"


# Lowest first; a rank comparison in a step condition follows this order.
MESSAGE_STATUS_RANK: dict[str, int] = {
    name: rank
    for rank, name in enumerate(
        (
            "skipped",
            "undelivered",
            "bounced",
            "delivery_attempted",
            "queued",
            "not_sent",
            "sent",
            "delivered",
            "seen",
            "read",
            "interacted",
            "link_clicked",
            "archived",
        )
    )
}
# "interacted" and "link_clicked" share a rank.
MESSAGE_STATUS_RANK["link_clicked"] = MESSAGE_STATUS_RANK["interacted"]
