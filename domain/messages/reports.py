"""What vendors tell of messages after they have taken them (Knock docs: "Delivery tracking")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.messages.statuses import DeliveryStatus

ReportedStatus = Literal[DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED]
_LONGEST_DETAILS = 1_000


@dataclass(frozen=True, slots=True)
class Callback:
    """A request of a vendor, as it came.

    Attributes:
        raw: the bytes of its body, which a signature is made of.
        headers: by name in small letters.
    """

    raw: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a message.

    Attributes:
        message_id: as we have told the vendor; perhaps nothing of ours.
        status: delivered or bounced.
        external_id: the vendor's name of the e-mail, so that what was told of an earlier one that
            was sent for the message is not taken for this one.
        details: the vendor's words.
        address: whose mailbox it is about; None when the vendor does not say.
    """

    message_id: str
    status: ReportedStatus
    external_id: str | None = None
    details: str | None = None
    address: str | None = None

    @property
    def event_data(self) -> dict[str, str] | None:
        """Return what the event of the message tells of it."""
        if self.status is DeliveryStatus.DELIVERED:
            return None
        words = (self.details or "The provider says that it bounced.")[:_LONGEST_DETAILS]
        return {"failure_reason": "fatal_error", "failure_details": words}


class NotGenuine(Exception):
    """A callback lacks the proof that it comes from the vendor."""


def final_reports(reports: list[StatusReport]) -> list[StatusReport]:
    """Return one report for each message, a bounce rather than a delivery."""
    found: dict[str, StatusReport] = {}
    for report in reports:
        known = found.get(report.message_id)
        if known is None or known.status is DeliveryStatus.DELIVERED:
            found[report.message_id] = report
    return list(found.values())
