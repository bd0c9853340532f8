"""The vocabularies of status, and which delivery status may follow which.

Source: Knock docs, "Message statuses".
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

# A message in one of these still waits for its provider.
PENDING_DELIVERY = (DeliveryStatus.QUEUED, DeliveryStatus.DELIVERY_ATTEMPTED)
# A message in one of these did not reach its provider, and never will by itself.
FAILED_DELIVERY = (DeliveryStatus.UNDELIVERED, DeliveryStatus.BOUNCED, DeliveryStatus.NOT_SENT)
# One in these can be sent once more by hand.
RETRIABLE_DELIVERY = (DeliveryStatus.UNDELIVERED, DeliveryStatus.BOUNCED)

# What a recipient can take back.
REVERSIBLE = (EngagementStatus.SEEN, EngagementStatus.READ, EngagementStatus.ARCHIVED)
# The column of `messages` that tells when each was, in the order that a message lists them.
ENGAGEMENT_COLUMNS: dict[EngagementStatus, str] = {
    status: f"{status}_at" for status in EngagementStatus
}
