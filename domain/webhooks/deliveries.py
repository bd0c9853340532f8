"""Deliveries of events to endpoints: where each stands, and what is logged of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.deliveries.delivery import Exchange
from domain.kit.filters import Bounds, Filter
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Instant, Shape
from domain.webhooks.events import EVENT_TYPES, TEST

# Knock docs, "Outbound webhooks": eight attempts, then the event is given up.
MAX_ATTEMPTS = 8
_FIRST_WAIT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 3_600.0


class DeliveryState(StrEnum):
    """Where the delivery of an event stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)


def wait_after(attempt: int, wish: float | None = None) -> float:
    """Return the seconds from an attempt to the next one: three times as many each time.

    Args:
        attempt: 1 for the first.
        wish: seconds that the endpoint asked for; the longer wait counts, up to an hour.
    """
    planned = min(_FIRST_WAIT_SECONDS * 3.0 ** (attempt - 1), _LONGEST_WAIT_SECONDS)
    return max(planned, min(wish or 0.0, _LONGEST_WAIT_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """The delivery of an event to an endpoint, as the log lists it.

    Attributes:
        attempts: requests since it was made, or asked for anew.
        status_code: of the newest answer; None when there was none.
        error: what was wrong with the newest attempt.
        due_at: when the next attempt is due.
        redeliveries: how often an operator has asked for it anew.
    """

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    state: str
    attempts: int
    status_code: int | None
    error: str | None
    due_at: datetime
    redeliveries: int
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """One request; secrets are already redacted. `response` is None when no answer came."""

    id: UUID
    attempt: int
    status_code: int | None
    error: str | None
    milliseconds: int
    request: JsonObject
    response: JsonObject | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartableDelivery:
    """What the start of a delivery in Temporal needs; `environment` is a slug."""

    id: UUID
    environment_id: UUID
    environment: str
    endpoint_id: UUID
    event_id: UUID
    event_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunDelivery:
    """A delivery whose next attempt begins, with all that it needs.

    Attributes:
        sealed: URL and keys of the endpoint; None when it was deleted.
        age: seconds since the event was stored, or its delivery asked for anew.
    """

    id: UUID
    environment_id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    attempts: int
    interruptions: int
    body: str
    sealed: bytes | None
    next_key_at: datetime | None
    is_enabled: bool | None
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What came of an attempt.

    Attributes:
        error: None when it succeeded.
        ends: whether no other attempt follows a failure.
        wish: seconds that the endpoint asked to be left alone for.
        log_id: of the request in the log, so that it is logged once however often the outcome is
            stored.
    """

    attempt: int
    status_code: int | None = None
    error: str | None = None
    ends: bool = False
    exchange: Exchange | None = None
    milliseconds: int = 0
    wish: float | None = None
    log_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class DeliveryFilters:
    """Which deliveries of an endpoint a list holds."""

    state: Annotated[
        DeliveryState | None, Filter("Only deliveries in this state.", name="status")
    ] = None
    event_type: Annotated[
        str | None, Filter("Only events of this type.", choices=(*EVENT_TYPES, TEST))
    ] = None
    inserted_at: Annotated[Bounds, Filter("Bounds for the time it was made, ISO 8601")] = field(
        default_factory=Bounds
    )


class RedeliveryRequest(Shape):
    """Which deliveries are made again."""

    status: Annotated[DeliveryState, Field(strict=False)] = Field(
        DeliveryState.FAILED, description="`failed`, or `delivered` to deliver everything again."
    )
    since: Instant | None = Field(None, description="Only deliveries made at or after this time.")
    until: Instant | None = Field(None, description="Only deliveries made before this time.")
