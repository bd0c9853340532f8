"""The delay step: decides an instant; the run's Temporal workflow sleeps until it."""

from __future__ import annotations

from domain.contract.runs import SleepUntil
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.workflows.steps.delay import DelayStep, decide_delay
from services.walk.context import Walk
from services.walk.faults import blaming
from services.walk.moves import (
    NOT_MET,
    Done,
    Move,
    StepEvent,
    Waiting,
    Woken,
    asleep,
    skip,
    sleeps_on,
)

# Delays have an event of their own for that.
_SKIPPED = RunEventType.DELAY_SKIPPED


class DelayExecutor:
    """Waits, and then notes that it has waited (Knock docs: "Delay function")."""

    async def arrive(self, walk: Walk, step: DelayStep) -> Move:
        """Decide how long to wait. Raises ContentError when the conditions cannot be judged."""
        if walk.run.settings.get("skip_delay"):
            return skip(step, "the trigger asked to skip delays", event=_SKIPPED)
        if not await walk.allows(step):
            return skip(step, NOT_MET, event=_SKIPPED)
        with blaming("content"):
            decision = decide_delay(step, walk.scope(), walk.unit.now, walk.zone)
        if decision.skip_reason is not None:
            # An unusable dynamic value is logged as an error although the run goes on (Knock docs).
            return skip(step, decision.skip_reason, event=_SKIPPED, failed=True)
        if decision.until is None:
            return skip(step, "there is nothing to wait for", event=_SKIPPED)
        until = iso(decision.until)
        return Waiting(
            story=f"`{step.ref}` waits until {until}",
            event=StepEvent(RunEventType.DELAY_STARTED, {"delay_until": until}),
            record={"until": until},
            directive=SleepUntil(decision.until.timestamp(), f"{step.ref}: until {until}"),
        )

    async def resume(self, walk: Walk, step: DelayStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on: the time has come, unless an operator has moved it, or one before it.

        Word of a move may come again, or when the run waits for something else.
        """
        if walk.journal.was_moved and (until := sleeps_on(kept, woken)):
            label = f"{step.ref}: until {iso(until)}"
            return Waiting(
                story=f"`{step.ref}` waits until {iso(until)}",
                record=asleep(until, kept, woken),
                directive=SleepUntil(until.timestamp(), label),
            )
        return Done(
            outcome="waited",
            story=f"`{step.ref}` has waited",
            event=StepEvent(RunEventType.DELAY_COMPLETED),
            record={"until": kept.get("until")},
        )
