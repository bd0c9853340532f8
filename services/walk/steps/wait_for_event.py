"""The wait step: registers what the run waits for, and judges the events that come."""

from __future__ import annotations

from domain.contract.runs import AwaitEvent, SleepUntil
from domain.kit.clock import iso
from domain.kit.durations import add_duration
from domain.kit.json_types import JsonObject
from domain.kit.storable import storable_json
from domain.runs.events import RunEventType
from domain.waits.rows import Candidate, NewWait
from domain.workflows.steps.wait_for_event import (
    AwaitedMessageEvent,
    AwaitedSourceEvent,
    WaitForEventStep,
)
from models.queries.waits import waits as statements
from models.queries.waits.candidates import candidates
from services.waits.registering import register
from services.walk.context import Walk
from services.walk.moves import NOT_MET, Done, Halted, Move, StepEvent, Waiting, Woken, skip

# Events taken from the database at once, and judged in one walk.
_PAGE_SIZE = 50
_MOST = 500


class WaitForEventExecutor:
    """Waits for an event (Knock docs: "Wait for event function")."""

    async def arrive(self, walk: Walk, step: WaitForEventStep) -> Move:
        """Register the wait. Raises ContentError when the step's conditions cannot be judged."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        run, now, event = walk.run, walk.unit.now, step.settings.event
        wait = NewWait(
            recipient_run_id=run.id,
            step_ref=step.ref,
            environment_id=run.environment_id,
            workflow_key=walk.definition.key,
            event_type=event.event_type,
            event_key=event.event_key,
            source_type=event.source_type if isinstance(event, AwaitedMessageEvent) else "workflow",
            source_key=event.source_key,
            recipient_path=event.recipient_path if isinstance(event, AwaitedSourceEvent) else "",
            collection=run.ref.collection,
            recipient_id=run.ref.id,
            registered_at=now,
            expires_at=add_duration(now, step.settings.expires_after),
            looks_from=now,
        )
        await register(walk.unit, wait, run.environment)
        expires_at = iso(wait.expires_at)
        told: JsonObject = {
            "event_type": event.event_type,
            "event_key": event.event_key,
            "source_key": event.source_key or None,
            "expires_at": expires_at,
        }
        return Waiting(
            story=f"`{step.ref}` waits for an event until {expires_at}",
            event=StepEvent(RunEventType.WAIT_REGISTERED, told),
            record={"expires_at": expires_at},
            directive=_directive(step, wait),
        )

    async def resume(
        self, walk: Walk, step: WaitForEventStep, kept: JsonObject, woken: Woken
    ) -> Move:
        """Go on with the first event that matches, or without one at the end; else wait on.

        Raises:
            ContentError: the match conditions cannot be judged.
        """
        connection, run_id = walk.unit.connection, walk.run.id
        wait = await statements.find_wait(connection, run_id, step.ref)
        if wait is None:
            return Halted(story=f"`{step.ref}`: its wait is gone", reason="wait_missing")
        seen = 0
        while seen < _MOST:
            looked = await candidates(connection, wait, limit=_PAGE_SIZE)
            for candidate in looked:
                if await _matches(walk, step, candidate):
                    return await _matched(walk, step, candidate)
            seen += len(looked)
            is_last = len(looked) < _PAGE_SIZE
            # The next look must not begin behind events that this one did not reach.
            wait = wait.after(looked, woken.at if is_last else looked[-1].at)
            if is_last:
                break
        else:
            await statements.note_look(connection, wait)
            return Waiting(
                story=f"`{step.ref}` has seen {seen} events, and looks for more",
                record={"expires_at": kept.get("expires_at")},
                directive=SleepUntil(woken.at.timestamp(), f"{step.ref}: more events"),
            )
        if woken.at >= wait.expires_at:
            return await _timed_out(walk, step)
        await statements.note_look(connection, wait)
        return Waiting(
            story=f"`{step.ref}` waits on",
            record={"expires_at": kept.get("expires_at")},
            directive=_directive(step, wait),
        )


def _directive(step: WaitForEventStep, wait: NewWait) -> AwaitEvent:
    event = step.settings.event
    label = f"{step.ref}: {event.event_type} {event.event_key}, until {iso(wait.expires_at)}"
    return AwaitEvent(step.ref, wait.expires_at.timestamp(), label)


async def _matches(walk: Walk, step: WaitForEventStep, candidate: Candidate) -> bool:
    """Judge an event, and tell the verdict where there is something to judge.

    Raises:
        ContentError: the conditions cannot be judged.
    """
    verdict = await walk.judge(*step.settings.match_conditions, event=candidate.variables)
    if verdict is None:
        return True
    walk.journal.tell(
        RunEventType.WAIT_CONDITIONS_EVALUATED,
        step=step,
        data={"passed": verdict.passed, "event_id": candidate.id, "conditions": verdict.trace},
    )
    return verdict.passed


async def _matched(walk: Walk, step: WaitForEventStep, candidate: Candidate) -> Move:
    """Claim the wait for an event; later ones are nothing to it."""
    connection, run_id = walk.unit.connection, walk.run.id
    event = StepEvent(
        RunEventType.WAIT_MATCHED, {"event_id": candidate.id, "happened_at": iso(candidate.at)}
    )
    if step.settings.on_match == "halt":
        await statements.forget_wait(connection, run_id, step.ref)
        return Halted(
            story=f"`{step.ref}`: the event came, and ends the run",
            event=event,
            reason="wait_matched",
            cancels=True,
        )
    variables: JsonObject = storable_json(candidate.variables)
    await statements.claim_wait(connection, run_id, step.ref, output=variables, now=walk.unit.now)
    walk.put_output(step.ref, {"matched": True, "signal_variables": variables})
    return Done(
        story=f"`{step.ref}`: the event came", event=event, record={"waited": True, "matched": True}
    )


async def _timed_out(walk: Walk, step: WaitForEventStep) -> Move:
    """End the wait without an event."""
    await statements.forget_wait(walk.unit.connection, walk.run.id, step.ref)
    event = StepEvent(RunEventType.WAIT_TIMED_OUT)
    if step.settings.on_timeout == "halt":
        return Halted(
            story=f"`{step.ref}`: no event came, which ends the run",
            event=event,
            reason="wait_timed_out",
            cancels=True,
        )
    walk.put_output(step.ref, {"matched": False, "signal_variables": {}})
    return Done(
        story=f"`{step.ref}`: no event came", event=event, record={"waited": True, "matched": False}
    )
