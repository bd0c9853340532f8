"""Steps that have a request sent and go on with what came of it: attempt follows attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.contract.runs import Fetch, HttpFetchInput, SleepUntil
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.fetches import FetchResult, StoredFetch
from domain.workflows.steps import BaseStep
from models.queries.runs import fetches
from services.runs.fetches import seal_fetch
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Move, StepEvent, Waiting, Woken, asleep, sleeps_on


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a request is sent, and how the run's story tells of it.

    Attributes:
        waits: seconds before each attempt but the first.
        responded, unanswered, again: the events of an answer, of none, and of another attempt.
        noun: what is sent, for the Temporal UI.
        remembers: what a step records of its request, by name, until the last attempt.
    """

    waits: Sequence[float]
    responded: RunEventType
    unanswered: RunEventType
    again: RunEventType
    noun: str
    remembers: Sequence[str] = ()

    @property
    def most(self) -> int:
        """Return how many attempts there are."""
        return len(self.waits) + 1

    def label(self, step: BaseStep, number: int) -> str:
        """Return what the Temporal UI shows while an attempt is awaited."""
        return f"{step.ref}: {self.noun}, attempt {number} of {self.most}"

    def record(self, number: int, kept: JsonObject) -> JsonObject:
        """Return what a step records that awaits an attempt."""
        remembered = {name: kept[name] for name in self.remembers if name in kept}
        return {"fetch_attempt": number, **remembered}


async def send_request(
    walk: Walk,
    step: BaseStep,
    request: JsonObject,
    attempts: Attempts,
    event: StepEvent,
    *,
    kept: JsonObject | None = None,
) -> Move:
    """Store a request, once for all attempts at it, and have it sent.

    Args:
        walk: whose request it is.
        step: the step.
        request: what the activity is given; sealed.
        attempts: how often it is sent.
        event: tells of it.
        kept: what the step records of it, of what `attempts` remembers.
    """
    await fetches.put_fetch(
        walk.unit.connection,
        walk.run.environment_id,
        walk.run.id,
        step.ref,
        request=seal_fetch(walk.unit.engine.vault, request, walk.run.id, step.ref),
        now=walk.unit.now,
    )
    return _sending(walk, step, 1, attempts, kept or {}, event=event)


async def take_answer(
    walk: Walk, step: BaseStep, kept: JsonObject, woken: Woken, attempts: Attempts
) -> Move | StoredFetch:
    """Return what came of the last attempt, or the wait for another.

    Raises:
        ContentError: there is no such request.
    """
    connection, run_id = walk.unit.connection, walk.run.id
    number = kept.get("fetch_attempt", 1)
    stored = await fetches.find_fetch(connection, run_id, step.ref)
    if stored is None:
        raise ContentError("request", "its request is gone", is_final=True)
    if stored.result is None:
        # Nothing came of this attempt yet: it is due, or this is a repeated walk.
        if until := sleeps_on(kept, woken):
            record = attempts.record(number, kept) | asleep(until, kept, woken)
            return _putting_off(step, until, attempts.label(step, number), record)
        not_before = kept.get("not_before")
        return _sending(walk, step, number, attempts, kept, not_before=not_before)
    trace = stored.trace or {}
    walk.journal.tell(
        attempts.responded if trace.get("response") else attempts.unanswered,
        step=step,
        failed=stored.result != FetchResult.DONE,
        attempt=number,
        data=trace,
    )
    if stored.result == FetchResult.AGAIN and number < attempts.most:
        seconds = attempts.waits[number - 1] * walk.unit.engine.settings.step_retry_factor
        until = woken.at + timedelta(seconds=seconds)
        await fetches.await_attempt(connection, run_id, step.ref, number + 1)
        event = StepEvent(attempts.again, {"retry_at": iso(until)})
        record = attempts.record(number + 1, kept) | asleep(until, {}, woken)
        return _putting_off(step, until, attempts.label(step, number + 1), record, event)
    await fetches.forget_fetch(connection, run_id, step.ref)
    return stored


def _sending(
    walk: Walk,
    step: BaseStep,
    number: int,
    attempts: Attempts,
    kept: JsonObject,
    *,
    not_before: float | None = None,
    event: StepEvent | None = None,
) -> Move:
    """Have an attempt made; `not_before` is of runs that began when the directive waited for it."""
    run = walk.run
    attempt = HttpFetchInput(str(run.id), str(run.environment_id), step.ref, number)
    record = attempts.record(number, kept) | {"not_before": not_before}
    return Waiting(
        story=f"`{step.ref}` asks for an answer",
        event=event,
        record=record,
        directive=Fetch(attempt, not_before, attempts.label(step, number)),
    )


def _putting_off(
    step: BaseStep, until: datetime, label: str, record: JsonObject, event: StepEvent | None = None
) -> Move:
    """Sleep until an attempt is due: as a delay does, so that operators can move it like one."""
    return Waiting(
        story=f"`{step.ref}` asks again at {iso(until)}",
        event=event,
        record=record,
        directive=SleepUntil(until.timestamp(), label),
    )
