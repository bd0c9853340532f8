"""Deliveries: who works on which, what they are given, and what an attempt changes.

The fields of the rows name columns of `deliveries` and `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.deliveries.checks import CheckedMessage
from domain.deliveries.delivery import Exchange
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Instant, Shape
from domain.messages.events import NewMessageEvent
from domain.messages.statuses import PENDING_DELIVERY, DeliveryStatus

# Why a message waits whose channel is held, in words for operators.
HELD_BY_OPERATOR = "an operator holds the channel"
_HELD_SECONDS = (10.0, 300.0)


def held_wait(age: float) -> float:
    """Return after how many seconds a message of a held channel looks whether it was released.

    Args:
        age: for how many seconds the message has waited.
    """
    least, most = _HELD_SECONDS
    return min(max(age / 4, least), most)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChannel:
    """A channel that an operator holds in an environment, and how many messages wait for it."""

    channel_key: str
    environment: str
    since: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Who works on which delivery: `owner` names one attempt of one process."""

    message_id: UUID
    environment_id: UUID
    retry: int
    owner: UUID

    @property
    def message(self) -> CheckedMessage:
        """Return what is asked for, once the vendor has taken it."""
        return CheckedMessage(self.message_id, self.environment_id, self.retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedMessage:
    """A message, on which channel, and to whom."""

    id: UUID
    environment_id: UUID
    channel_id: UUID
    channel_type: str
    collection: str
    recipient_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage(AddressedMessage):
    """A message that is to be sent, with all that its provider needs.

    Attributes:
        provider: of its channel; None when the channel is gone.
        provider_settings: sealed; None when the channel is not configured in this environment.
        channel_data: what its recipient has stored for the channel.
        data: what it keeps of its trigger's data.
        attempts: how often the provider has answered.
        interruptions: how many claims never came back.
        age: seconds since it could first have been sent.
        is_held: whether an operator holds its channel.
    """

    workflow_run_id: UUID | None
    content: JsonObject
    provider: str | None
    provider_settings: bytes | None
    channel_data: JsonObject | None
    workflow_key: str
    data: JsonObject
    attempts: int
    interruptions: int
    age: float
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(AddressedMessage):
    """Where a message stands that could not be claimed.

    Attributes:
        retry_count: how often it was retried by hand.
        retry: which retry its delivery is of; like what follows, None when it is not on its way.
        due_in: seconds until it is due.
        leased_for: seconds until its lease ends; None when nobody has claimed it.
    """

    delivery_status: str
    retry_count: int
    retry: int | None
    due_in: float | None
    leased_for: float | None

    def is_open_for(self, claim: Claim) -> bool:
        """Tell whether there is something left to do for a claim."""
        is_pending = self.delivery_status in PENDING_DELIVERY
        return is_pending and self.retry_count == claim.retry and self.retry is not None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What one attempt changes.

    Attributes:
        accepted: whether the provider took the message.
        after: seconds until the next attempt; None when the status is final.
        log_id: of the call in the delivery log, so that it is logged once however often the record
            is stored.
        known_as: the vendor's name of the message, where the vendor may tell of it by that alone.
        asked_after: seconds until its vendor is asked for it; None when it is not.
    """

    claim: Claim
    attempt: int
    status: str
    accepted: bool
    after: float | None
    metadata: JsonObject
    events: list[NewMessageEvent]
    exchange: Exchange | None
    log_id: UUID
    now: datetime
    known_as: str | None = None
    asked_after: float | None = None

    def without_words(self) -> AttemptRecord:
        """Leave out whatever the provider said, and keep what it means."""
        events = [
            replace(event, data={**event.data, "failure_details": "(they could not be stored)"})
            if event.data and "failure_details" in event.data
            else event
            for event in self.events
        ]
        return replace(self, exchange=None, metadata={}, known_as=None, events=events)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeuedMessage:
    """A message that was put on its way again; `retry_count` counts this time in."""

    id: UUID
    channel_type: str
    workflow_key: str
    retry_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedDelivery:
    """A message that waits until another instant than before; `retry` is the one it is in."""

    id: UUID
    channel_type: str
    workflow_key: str
    retry: int
    due_at: datetime
    was_due_at: datetime


class DeliveryWaitRequest(Shape):
    """When a message is sent."""

    until: Instant | None = Field(None, description="When to send it; at once if it is left out.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueDelivery:
    """A delivery that nobody works on though it was due long ago; `environment` is a slug."""

    message_id: UUID
    environment_id: UUID
    environment: str
    channel_type: str
    retry: int
    due_at: datetime
    workflow_key: str
    recipient_run_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryFilter:
    """Which of the messages that failed are sent again: all that is given applies."""

    statuses: tuple[DeliveryStatus, ...]
    channel_id: UUID | None = None
    workflow: str | None = None
    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class RetryRequest(Shape):
    """Which messages that failed are sent again."""

    status: Literal["undelivered", "bounced"] = Field(
        "undelivered", description="Only messages with this status."
    )
    channel: str | None = Field(None, description="Only messages on the channel with this key.")
    workflow: str | None = Field(None, description="Only messages of this workflow.")
    tenant: str | None = Field(None, description="Only messages of this tenant.")
    since: Instant | None = Field(None, description="Only messages made at or after this time.")
    until: Instant | None = Field(None, description="Only messages made before this time.")
