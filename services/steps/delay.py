"""The delay step: decides an instant; the run's Temporal workflow sleeps until it."""

from __future__ import annotations

from domain.clock import iso
from domain.steps.delay import DelayStep, decide_delay
from services.steps.context import StepContext, StepOutcome


async def run_delay(context: StepContext, step: DelayStep) -> StepOutcome:
    """Decide how long to wait (Knock docs: "Delay function").

    Raises:
        ConditionError: the step fails, and the walk tries it again.
    """
    if context.run.settings.get("skip_delay"):
        return _skipped(context, step, "the trigger asked to skip delays", failed=False)
    if not await context.allows(step, "delay"):
        return _skipped(context, step, "conditions not met", failed=False)
    decision = decide_delay(step, context.scope(), context.now, context.zone)
    if decision.skip_reason is not None:
        return _skipped(context, step, decision.skip_reason, failed=True)
    if decision.until is None:
        return _skipped(context, step, "there is nothing to wait for", failed=False)
    until = iso(decision.until)
    context.tell("delay_started", ref=step.ref, step_type="delay", data={"delay_until": until})
    return StepOutcome(
        record={"outcome": "waiting", "until": until},
        story=f"`{step.ref}` waits until {until}",
        until=decision.until,
        label=f"{step.ref}: until {until}",
    )


def _skipped(context: StepContext, step: DelayStep, reason: str, *, failed: bool) -> StepOutcome:
    """An unusable dynamic value is logged as an error although the run goes on (Knock docs)."""
    context.tell(
        "delay_skipped", ref=step.ref, step_type="delay", failed=failed, data={"reason": reason}
    )
    return StepOutcome({"outcome": "skipped", "reason": reason}, f"`{step.ref}` skipped: {reason}")
