"""Steps that have a request sent and go on with what came of it: attempt follows attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.contract.runs import Fetch, HttpFetchInput
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.fetches import FetchResult, StoredFetch
from domain.workflows.steps import BaseStep
from models.queries.runs import fetches
from services.runs.fetches import seal_fetch
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Event, Move, Waiting, Woken


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a request is sent, and how the run's story tells of it.

    Attributes:
        waits: seconds before each attempt but the first.
        responded, unanswered, again: the events of an answer, of none, and of another attempt.
        noun: what is sent, for the Temporal UI.
    """

    waits: Sequence[float]
    responded: RunEventType
    unanswered: RunEventType
    again: RunEventType
    noun: str

    @property
    def most(self) -> int:
        """Return how many attempts there are."""
        return len(self.waits) + 1


async def send_request(
    walk: Walk, step: BaseStep, request: JsonObject, attempts: Attempts, event: Event
) -> Move:
    """Store a request, once for all attempts at it, and have it sent."""
    await fetches.put_fetch(
        walk.unit.connection,
        walk.run.environment_id,
        walk.run.id,
        step.ref,
        request=seal_fetch(walk.unit.engine.vault, request, walk.run.id, step.ref),
        now=walk.unit.now,
    )
    return _waiting(walk, step, 1, attempts, event=event)


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
        # Nothing came of this attempt yet: a repeated walk, or one after a reset.
        return _waiting(walk, step, number, attempts, not_before=kept.get("not_before"))
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
        event = Event(attempts.again, {"retry_at": iso(until)})
        return _waiting(walk, step, number + 1, attempts, not_before=until.timestamp(), event=event)
    await fetches.forget_fetch(connection, run_id, step.ref)
    return stored


def _waiting(
    walk: Walk,
    step: BaseStep,
    number: int,
    attempts: Attempts,
    *,
    not_before: float | None = None,
    event: Event | None = None,
) -> Move:
    run = walk.run
    attempt = HttpFetchInput(str(run.id), str(run.environment_id), step.ref, number)
    label = f"{step.ref}: {attempts.noun}, attempt {number} of {attempts.most}"
    return Waiting(
        story=f"`{step.ref}` asks for an answer",
        event=event,
        record={"fetch_attempt": number, "not_before": not_before},
        directive=Fetch(attempt, not_before, label),
    )
