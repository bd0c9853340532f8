"""Store what came of an attempt, and say when the next one is due."""

from __future__ import annotations

import random
from itertools import chain, repeat

from domain.deliveries.checks import WAITS
from domain.deliveries.claims import AttemptRecord, Claim
from domain.deliveries.delivery import Bounced, DeliveryFailure, Exchange, Outcome, Retry
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.messages.events import MessageEventType, NewMessageEvent
from domain.messages.statuses import DeliveryStatus
from models.queries.deliveries import deliveries as statements
from services.attempts import TryAgain
from services.engine import Engine
from services.until_stored import until_stored
from services.waits.telling import hurry

# Eight answers of the provider within 30 minutes (Knock docs, "Delivering notifications").
DELIVERY_ATTEMPTS = 8
_FIRST_WAIT_SECONDS = 14.0
_LONGEST_WAIT_SECONDS = 900.0
# Seconds between attempts to store what a provider answered: twenty minutes in all.
_QUICK_WAITS = (0.2, 0.5, *(1.0,) * 10)
_SLOW_WAIT, _SLOW_WAITS = 5.0, 240
_REASON_CHARACTERS = 1_000
_ACCEPTED = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.NOT_SENT)

_Events = list[tuple[MessageEventType, JsonObject | None]]


async def record_outcome(engine: Engine, claim: Claim, attempt: int, outcome: Outcome) -> str:
    """Store that the provider took the message and return the message's status."""
    metadata = dict(outcome.metadata)
    if outcome.external_id is not None:
        metadata["external_id"] = outcome.external_id
    return await _record(
        engine,
        claim,
        attempt,
        outcome.status,
        [(MessageEventType.of(outcome.status), None)],
        accepted=outcome.status in _ACCEPTED,
        exchange=outcome.exchange,
        metadata=metadata,
        known_as=outcome.external_id if outcome.is_told_by_name else None,
        asked_after=WAITS[0] * engine.settings.delivery_retry_factor
        if outcome.is_asked_for
        else None,
    )


async def record_failure(
    engine: Engine, claim: Claim, attempt: int, failure: DeliveryFailure
) -> str:
    """Store that the provider did not take the message.

    One that is tried again is queued until then: that an attempt was made, its events tell.

    Returns:
        The message's status: final, unless another claim has it now.

    Raises:
        TryAgain: there are attempts left.
    """
    retryable = isinstance(failure, Retry)
    attempted: JsonObject = {
        "attempt": attempt,
        "max_attempts": DELIVERY_ATTEMPTS,
        "retryable": retryable,
    }
    events: _Events = [(MessageEventType.DELIVERY_ATTEMPTED, attempted)]
    if isinstance(failure, Retry) and attempt < DELIVERY_ATTEMPTS:
        events.append((MessageEventType.QUEUED, None))
        wait = wait_after(engine, attempt, failure.after)
        status = await _record(
            engine,
            claim,
            attempt,
            DeliveryStatus.QUEUED,
            events,
            exchange=failure.exchange,
            after=wait,
        )
        if status != DeliveryStatus.QUEUED:
            return status
        # Also where another attempt was quicker: whoever looks again finds out what is left to do.
        raise TryAgain(wait, "the provider did not accept it")
    why = "retries_exhausted" if retryable else "fatal_error"
    return await _record_end(engine, claim, attempt, failure, why=why, events=events)


async def record_interruptions(engine: Engine, claim: Claim, attempt: int, reason: str) -> str:
    """Give up a message whose attempts never came back and return the message's status."""
    failure = DeliveryFailure(reason)
    return await _record_end(engine, claim, attempt, failure, why="interrupted", events=[])


async def _record_end(
    engine: Engine,
    claim: Claim,
    attempt: int,
    failure: DeliveryFailure,
    *,
    why: str,
    events: _Events,
) -> str:
    status = DeliveryStatus.BOUNCED if isinstance(failure, Bounced) else DeliveryStatus.UNDELIVERED
    details: JsonObject = {
        "failure_reason": why,
        "failure_details": failure.reason[:_REASON_CHARACTERS],
    }
    if isinstance(failure, Bounced) and failure.token is not None:
        details["token"] = failure.token
    told: _Events = [*events, (MessageEventType.of(status), details)]
    return await _record(engine, claim, attempt, status, told, exchange=failure.exchange)


def wait_after(engine: Engine, attempt: int, wish: float | None = None) -> float:
    """Return the seconds from an attempt to the next one: doubled each time, with jitter.

    Args:
        engine: its settings scale the wait.
        attempt: 1 for the first.
        wish: seconds that the provider asked for; the longer wait counts.
    """
    planned = min(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS)
    planned *= random.uniform(0.9, 1.0)  # noqa: S311 - spreads load, guards nothing
    wait = max(planned, min(wish or 0.0, _LONGEST_WAIT_SECONDS))
    return float(max(wait * engine.settings.delivery_retry_factor, 0.05))


async def _record(
    engine: Engine,
    claim: Claim,
    attempt: int,
    status: DeliveryStatus,
    events: _Events,
    *,
    accepted: bool = False,
    exchange: Exchange | None = None,
    metadata: JsonObject | None = None,
    known_as: str | None = None,
    asked_after: float | None = None,
    after: float | None = None,
) -> str:
    """Store status, events and log of one attempt in one statement; return the stored status.

    The provider has already answered. While the database is away, read-only or full this waits
    for it, because another attempt would send the message a second time; and what the database
    does not take of the provider's words is left out, because the outcome matters more.

    Raises:
        Unavailable: the database could not be written for twenty minutes.
    """
    now = engine.clock()
    record = AttemptRecord(
        claim=claim,
        attempt=attempt,
        status=status.value,
        accepted=accepted,
        after=after,
        metadata=metadata or {},
        events=[
            NewMessageEvent(message_id=claim.message_id, type=kind, at=now, data=data)
            for kind, data in events
        ],
        exchange=exchange,
        log_id=new_id(),
        now=now,
        known_as=known_as,
        asked_after=asked_after,
    )
    stored = await until_stored(
        engine,
        record,
        statements.record_attempt,
        without_words=_without_words,
        waits=chain(_QUICK_WAITS, repeat(_SLOW_WAIT, _SLOW_WAITS)),
        message_id=str(claim.message_id),
    )
    hurry(engine)
    return stored


def _without_words(record: AttemptRecord) -> AttemptRecord | None:
    has_words = record.exchange is not None or record.metadata
    return record.without_words() if has_words else None
