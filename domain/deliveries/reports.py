"""What vendors tell of messages after they have taken them (Knock docs: "Delivery tracking")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.messages.statuses import DeliveryStatus

ReportedStatus = Literal[
    DeliveryStatus.UNDELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED
]
# Which of several reports of one message counts: a later one may follow an earlier one of these.
_ORDER = (DeliveryStatus.UNDELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED)
_LONGEST_DETAILS = 1_000


@dataclass(frozen=True, slots=True)
class Callback:
    """A request of a vendor, as it came.

    Attributes:
        raw: the bytes of its body, which a signature is made of.
        headers: by name in small letters.
        url: where it was sent to, with its query, as the vendor knows it.
    """

    raw: bytes
    headers: Mapping[str, str]
    url: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a message.

    Attributes:
        message_id: as we have told the vendor; perhaps nothing of ours. None when it says the
            external id alone.
        status: delivered, bounced or undelivered.
        external_id: the vendor's name of what was sent, so that what was told of something earlier
            that was sent for the message is not taken for this one.
        details: the vendor's words.
        address: whose mailbox it is about; None when the vendor does not say.
        sent_at: when the vendor took what it is about; None when it does not say.
    """

    message_id: str | None
    status: ReportedStatus
    external_id: str | None = None
    details: str | None = None
    address: str | None = None
    sent_at: datetime | None = None

    @property
    def event_data(self) -> dict[str, str] | None:
        """Return what the event of the message tells of it."""
        return event_data(self.status, self.details)


def event_data(status: ReportedStatus, details: str | None) -> dict[str, str] | None:
    """Return what the event of a status tells: nothing of a delivery, else the vendor's words."""
    if status is DeliveryStatus.DELIVERED:
        return None
    what = "bounced" if status is DeliveryStatus.BOUNCED else "was not delivered"
    words = (details or f"The provider reported that it {what}.")[:_LONGEST_DETAILS]
    return {"failure_reason": "fatal_error", "failure_details": words}


class NotGenuine(Exception):
    """A callback lacks the proof that it comes from the vendor."""


class NotNow(Exception):
    """A callback cannot be judged now; the vendor is to come back with it."""


def counts_more(status: ReportedStatus, than: ReportedStatus) -> bool:
    """Tell which of two things that were told of one message counts: see `final_reports`."""
    return _ORDER.index(status) > _ORDER.index(than)


def final_reports(reports: Mapping[StatusReport, UUID]) -> dict[UUID, StatusReport]:
    """Return one report for each message: a bounce before a delivery, and that before a failure.

    Args:
        reports: each with the message that it is about.
    """
    found: dict[UUID, StatusReport] = {}
    for report, message_id in reports.items():
        known = found.get(message_id)
        if known is None or counts_more(report.status, known.status):
            found[message_id] = report
    return found
