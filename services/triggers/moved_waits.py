"""Lets runs that wait go on at another time than their step says, as operators ask for.

A run is locked before what it waits for, as in a walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.kit.clock import iso
from domain.kit.durations import MAX_DELAY
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.runs.waiting import Wait, WaitingRun
from domain.waits.rows import AwaitedRun
from domain.workflows.steps.wait_for_event import MAX_WAIT
from models.queries.batches import membership
from models.queries.runs import waiting as statements
from models.queries.waits import waits
from services import effect_kinds, effects
from services.batches.windows import move_end
from services.engine import Engine, Unit
from services.waits.telling import tell_runs


@dataclass(frozen=True, slots=True)
class _Moved:
    """What becomes of a wait: when it ended until now, and what changes of the step's outcome."""

    before: str | None
    outcome: Mapping[str, Any]


async def move_wait(
    engine: Engine, environment: EnvironmentScope, run_id: UUID, until: datetime | None
) -> WaitingRun:
    """Let a run that waits go on at another instant, or at once.

    A delay is over then. A wait for an event is over without the event, and what the step says for
    that case follows. A batch closes, and the run goes on with what it has gathered. A request that
    is to be sent again is sent then.

    Raises:
        NotFound: there is no such run, or it has ended.
        Unprocessable: `run_not_delayed`, it waits for something that cannot be moved;
            `wait_too_long`, nothing waits longer than a year, or than thirty days for an event;
            `batch_closed`.
    """
    async with engine.unit() as unit:
        # Runs are replayed with the code of their time, and so for a year at most.
        if until is not None and until > unit.now + MAX_DELAY:
            raise Unprocessable("A run waits for at most 365 days.", code="wait_too_long")
        run = await statements.lock_waiting(unit.connection, environment.id, run_id)
        if run is None:
            raise NotFound("There is no open recipient run with this id.")
        wait = run.wait
        outcome = run.step_outcomes.get(wait.step_ref, {}) if wait else {}
        instant = unit.now if until is None else max(until, unit.now)
        moved = None
        if wait is not None and outcome.get("outcome") == "waiting":
            moved = (
                await _move_delay(unit, run, environment, outcome, instant)
                or await _move_event(unit, run, environment, wait, instant)
                or await _move_batch(unit, environment, outcome, instant)
            )
        if wait is None or moved is None:
            raise Unprocessable(
                "Only a delay, a wait for an event, a batch, and the wait for another attempt of "
                "a request can be moved or skipped.",
                code="run_not_delayed",
            )
        label = f"{wait.step_ref}: until {iso(instant)}"
        directive = {**outcome["directive"], "until": instant.timestamp(), "label": label}
        await statements.move_wait(
            unit.connection,
            environment.id,
            run_id,
            step_ref=wait.step_ref,
            outcome={**outcome, **moved.outcome, "moved": True, "directive": directive},
            until=instant,
            told={"until": iso(instant), "from": moved.before},
            now=unit.now,
        )
        changed = await statements.lock_waiting(unit.connection, environment.id, run_id)
    return changed or run


async def _move_delay(
    unit: Unit,
    run: WaitingRun,
    environment: EnvironmentScope,
    outcome: JsonObject,
    instant: datetime,
) -> _Moved | None:
    """Move the end of a delay, or of the wait for another attempt; its run looks again."""
    if "until" not in outcome:
        return None
    payload = effect_kinds.moved_wait(run.id, workflow_key=run.workflow_key)
    await effects.owe(unit, environment.id, effect_kinds.LOOK_AGAIN, payload)
    return _Moved(outcome["until"], {"until": iso(instant)})


async def _move_event(
    unit: Unit, run: WaitingRun, environment: EnvironmentScope, wait: Wait, instant: datetime
) -> _Moved | None:
    """Move the end of a wait for an event, if it is one; its run looks, and waits on or is over."""
    found = await waits.find_wait(unit.connection, run.id, wait.step_ref)
    if found is None:
        return None
    # At once is never too late, though the run should have gone on long ago.
    if instant > max(unit.now, found.registered_at + MAX_WAIT):
        raise Unprocessable(
            "A wait for an event ends after thirty days at the latest.", code="wait_too_long"
        )
    await waits.move_expiry(unit.connection, run.id, wait.step_ref, instant)
    told = AwaitedRun(
        environment_id=environment.id,
        recipient_run_id=run.id,
        step_ref=wait.step_ref,
        workflow_key=run.workflow_key,
    )
    await tell_runs(unit, [told])
    return _Moved(iso(found.expires_at), {"expires_at": iso(instant)})


async def _move_batch(
    unit: Unit, environment: EnvironmentScope, outcome: JsonObject, instant: datetime
) -> _Moved | None:
    """Move the end of a batch, if the run carries one."""
    if "batch_id" not in outcome:
        return None
    batch = await membership.lock_batch(unit.connection, environment.id, UUID(outcome["batch_id"]))
    if batch is None or batch.closed_at is not None:
        raise Unprocessable("The batch has closed.", code="batch_closed")
    await move_end(unit, batch, instant)
    return _Moved(iso(batch.closes_at), {})
