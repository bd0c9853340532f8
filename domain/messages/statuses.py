"""The vocabularies of status, and what the product does with which of them.

Source: Knock docs, "Message statuses".
"""

from __future__ import annotations

from domain.kit.message_statuses import DeliveryStatus, EngagementStatus

__all__ = [
    "ENGAGEMENT_COLUMNS",
    "FAILED_DELIVERY",
    "PENDING_DELIVERY",
    "RETRIABLE_DELIVERY",
    "REVERSIBLE",
    "DeliveryStatus",
    "EngagementStatus",
]

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
