"""What Amazon SES tells of an e-mail, as feedback of an identity or by a configuration set.

Source: Amazon SES docs, "Amazon SNS notification contents", "Contents of event data that Amazon SES
publishes to Amazon SNS". Both say the same in the same words, but for the name of the event; tags
are in what a configuration set publishes alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.deliveries.reports import ReportedStatus, StatusReport
from domain.kit.clock import parse_instant
from domain.kit.json_types import JsonValue
from domain.messages.statuses import DeliveryStatus
from providers.email.callbacks import MESSAGE_ID
from providers.rest import listed, text_at

# Bounces of an address that is good. SES has given the e-mail up; but those of no special kind are
# also answers such as that somebody is on holiday, to an e-mail that has arrived.
_TRANSIENT_BOUNCE = "Transient"
_GIVEN_UP = frozenset(
    {"MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected"}
    | {"CustomTimeoutExceeded"}
)
# SES takes an e-mail to such an address, and does not send it.
_SUPPRESSED = "OnAccountSuppressionList"


def reports_of(event: JsonValue) -> list[StatusReport]:
    """Return what an event says of each mailbox; nothing when it decides nothing."""
    message_id = text_at(event, "mail", "tags", MESSAGE_ID, 0)
    external_id = text_at(event, "mail", "messageId")
    if message_id is None and external_id is None:
        return []
    sent_at = parse_instant(text_at(event, "mail", "timestamp"))
    return [
        StatusReport(message_id, status, external_id, details, address, sent_at)
        for status, details, address in _told(event)
    ]


def _told(event: JsonValue) -> Iterator[tuple[ReportedStatus, str | None, str | None]]:
    kind = text_at(event, "eventType") or text_at(event, "notificationType")
    if kind == "Delivery":
        for address in listed(event, "delivery", "recipients"):
            yield DeliveryStatus.DELIVERED, None, text_at(address)
    elif kind == "Bounce":
        why = text_at(event, "bounce", "bounceSubType")
        has_bounced = text_at(event, "bounce", "bounceType") != _TRANSIENT_BOUNCE
        if not has_bounced and why not in _GIVEN_UP:
            return
        status: ReportedStatus = DeliveryStatus.BOUNCED
        if not has_bounced:
            status = DeliveryStatus.UNDELIVERED
        for box in listed(event, "bounce", "bouncedRecipients"):
            words = text_at(box, "diagnosticCode") or (why and f"Amazon SES says: {why}.")
            yield status, words, text_at(box, "emailAddress")
    elif kind == "Complaint":
        # Only who has got an e-mail can complain of it.
        is_held_back = text_at(event, "complaint", "complaintSubType") == _SUPPRESSED
        words = "The address is on the account's suppression list." if is_held_back else None
        status = DeliveryStatus.BOUNCED if is_held_back else DeliveryStatus.DELIVERED
        for box in listed(event, "complaint", "complainedRecipients"):
            yield status, words, text_at(box, "emailAddress")
    elif kind == "Reject":
        yield DeliveryStatus.UNDELIVERED, text_at(event, "reject", "reason"), None
