"""Asking a vendor what became of a message: how often, when, and what is known of it meanwhile.

Source: Knock docs, "Delivering notifications": up to ten checks within thirty minutes, until a
definite answer. When each is made is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from uuid import UUID

from domain.deliveries.delivery import Exchange
from domain.deliveries.reports import ReportedStatus
from domain.kit.json_types import JsonObject

# Seconds before each check: soon at first, as most messages arrive at once.
WAITS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 480.0, 480.0, 205.0)
MOST_CHECKS = len(WAITS)
WITHIN_SECONDS = tuple(accumulate(WAITS))[-1]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a vendor has answered.

    Attributes:
        status: what became of the message for good; None while that is open.
        details: the vendor's words for a failure.
        exchange: the call, for the delivery log.
    """

    status: ReportedStatus | None
    details: str | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class CheckedMessage:
    """Which message is asked for: as it was sent by its `retry`-th retry by hand."""

    message_id: UUID
    environment_id: UUID
    retry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunCheck:
    """A check that has begun, with all that its provider needs.

    Attributes:
        checks: how many were begun, this one included.
        external_id: what the vendor calls the message.
        provider: of its channel; None when the channel is gone.
        provider_settings: sealed; None when the channel is not configured in this environment.
        is_held: whether an operator holds its channel.
        age: seconds since the vendor took the message.
    """

    id: UUID
    environment_id: UUID
    channel_id: UUID
    channel_type: str
    recipient_id: str
    content: JsonObject
    checks: int
    external_id: str | None
    provider: str | None
    provider_settings: bytes | None
    is_held: bool
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStanding:
    """When the next check is due that could not begin; `is_open` tells that nothing has decided."""

    due_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartableCheck:
    """What the start of checks in Temporal needs; `environment` is a slug."""

    message_id: UUID
    environment_id: UUID
    environment: str
    channel_type: str
    workflow_key: str
    retry: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRecord:
    """What one check changes.

    Attributes:
        finding: what the vendor has answered; its status is None while that is open.
        after: seconds until the next check; None when there is none.
        event_id: of the event that tells the status.
        log_id: of the call in the delivery log; like the event it is stored once, however often
            that is tried.
    """

    message: CheckedMessage
    finding: Finding
    after: float | None
    event_id: UUID
    log_id: UUID
    now: datetime
