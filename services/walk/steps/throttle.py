"""The throttle step: counts the runs that pass, in the transaction of the walk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.conditions import lookup
from domain.kit.clock import iso
from domain.kit.ids import throttle_id
from domain.kit.liquid import has_liquid
from domain.runs.events import RunEventType
from domain.workflows.steps.throttle import ThrottleStep, decide_window, key_of
from models.queries.runs.throttles import THROTTLE_ID, ThrottleVerdict, try_to_pass
from services.walk.context import Walk
from services.walk.faults import blaming
from services.walk.moves import NOT_MET, Done, Halted, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits
from services.walk.texts import render_settings


class ThrottleExecutor(NeverWaits):
    """Lets a run pass, or ends it.

    Args:
        count: takes what `try_to_pass` takes, and lets a run pass or not.
    """

    def __init__(self, count: Callable[..., Awaitable[ThrottleVerdict]] = try_to_pass) -> None:
        self._try_to_pass = count

    async def arrive(self, walk: Walk, step: ThrottleStep) -> Move:
        """Count the run. Raises ContentError when conditions or key are broken."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        settings, run = step.settings, walk.run
        with blaming("content"):
            window = decide_window(settings, walk.scope(), walk.unit.now, walk.zone)
        if isinstance(window, str):
            # An unusable dynamic value is logged as an error although the run goes on (Knock docs).
            return skip(step, window, failed=True)
        key = ""
        if settings.throttle_key:
            found = key_of(await _value(walk, settings.throttle_key))
            if found is None:
                return skip(step, "the throttle key is not set, or is too long", failed=True)
            key = found
        counted = throttle_id(
            run.scope.content_id,
            walk.definition.key,
            step.ref,
            run.ref.gid,
            key,
            trial=run.trial,
        )
        verdict = await self._try_to_pass(
            walk.unit.connection,
            counted,
            run.id,
            limit=settings.throttle_limit,
            since=window.since,
            ends_at=window.ends_at,
            now=walk.unit.now,
        )
        told = {
            "count": verdict.passes + verdict.is_open,
            "limit": settings.throttle_limit,
            "ends_at": iso(verdict.ends_at),
        }
        if verdict.is_open:
            return Done(
                story=f"`{step.ref}` let it pass",
                event=StepEvent(RunEventType.THROTTLE_ALLOWED, told),
                record={"passed": True, THROTTLE_ID: str(counted)},
            )
        return Halted(
            story=f"`{step.ref}` stopped it",
            event=StepEvent(RunEventType.THROTTLE_HIT, told),
            reason="throttled",
        )


async def _value(walk: Walk, key: str) -> object:
    """Return what a key comes to: what Liquid renders to, or the value at a path."""
    if has_liquid(key):
        return await render_settings(walk, [key], lambda out: out.line(key, "throttle_key"))
    with blaming("template"):
        return lookup(walk.scope(), key)
