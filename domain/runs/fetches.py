"""The requests of fetch steps, as they are stored while they are under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.deliveries.delivery import Exchange
from domain.kit.json_types import JsonObject, JsonValue


class FetchResult(StrEnum):
    """How an attempt went."""

    DONE = "done"
    AGAIN = "again"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FetchAttempt:
    """Which attempt at the request of which step."""

    run_id: UUID
    environment_id: UUID
    step_ref: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunFetch:
    """A request that is to be sent.

    Attributes:
        request: sealed.
        interruptions: how often this attempt was begun and never recorded.
    """

    request: bytes
    interruptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What came of an attempt.

    Attributes:
        result: how it went.
        error: one sentence for the author, or None when it went well.
        exchange: the call, with secrets blanked; None when none was made.
        milliseconds: how long it took.
        at: when it ended.
        answer: what joins the data of the run.
    """

    result: FetchResult
    error: str | None = None
    exchange: Exchange | None = None
    milliseconds: int = 0
    at: datetime
    answer: JsonValue = None

    def trace(self) -> JsonObject:
        """Return what the run's story tells of it."""
        call = self.exchange
        told: JsonObject = {
            "request": call.request if call else None,
            "response": call.response if call else None,
            "duration_ms": self.milliseconds,
            "at": self.at.isoformat(),
        }
        return told if self.error is None else {**told, "error": self.error}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFetch:
    """Where a request stands: `result` and `trace` are None until the attempt is recorded."""

    attempt: int
    result: str | None
    trace: JsonObject | None
    answer: JsonValue
