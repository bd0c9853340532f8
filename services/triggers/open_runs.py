"""What operators do with runs that have not ended: look, cancel, let them go on at another time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.kit.clock import iso
from domain.kit.errors import BadRequest, NotFound, Unprocessable
from domain.kit.ids import new_id, read_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.runs.waiting import CancelRunsRequest, WaitingFilters, WaitingRun
from models.queries.runs import waiting as statements
from services import effects
from services.engine import Engine
from services.triggers.releases import release_cancellation


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel has done: runs that it ended, and items that it took out of open batches."""

    runs: int
    items: int


async def list_waiting(
    engine: Engine, environment: EnvironmentScope, wanted: WaitingFilters, request: PageRequest
) -> Page[WaitingRun]:
    """Return a page of the runs that wait, newest trigger first."""
    async with engine.connection() as connection:
        return await statements.list_waiting(connection, environment.id, wanted, request)


async def cancel_open_runs(
    engine: Engine, environment: EnvironmentScope, wanted: CancelRunsRequest
) -> Cancelled:
    """Cancel every open run that is meant; none of them has an effect after this returns.

    A run that carries a batch with items of others goes on without its own; messages that were
    made are untouched. Runs of followers that are not made yet will not be made; nobody knows how
    many they would have been, so they are not in the answer.

    Raises:
        BadRequest: `nothing_named`, which would mean all.
    """
    given = (wanted.run_id, wanted.workflow, wanted.tenant, wanted.recipient)
    if all(each is None for each in given):
        raise BadRequest("Name a run, a workflow, a tenant or a recipient.", code="nothing_named")
    run_id = None if wanted.run_id is None else read_id(wanted.run_id)
    if wanted.run_id is not None and run_id is None:
        return Cancelled(0, 0)
    recipient = None
    if wanted.recipient is not None:
        recipient = RecipientRef(wanted.collection, wanted.recipient)
    cancellation_id = new_id()
    async with engine.unit() as unit:
        runs, items = await statements.cancel_open_runs(
            unit.connection,
            environment.id,
            cancellation_id=cancellation_id,
            run_id=run_id,
            workflow_key=wanted.workflow,
            tenant=wanted.tenant,
            recipient=recipient,
            now=unit.now,
            release_within=timedelta(seconds=engine.settings.sweep_seconds),
        )
        if runs:
            release = partial(release_cancellation, engine, environment, cancellation_id)
            unit.after(partial(release, run_count=runs))
    return Cancelled(runs, items)


async def move_wait(
    engine: Engine, environment: EnvironmentScope, run_id: UUID, until: datetime | None
) -> WaitingRun:
    """Let a run that waits in a delay go on at another instant, or at once.

    Raises:
        NotFound: there is no such run, or it has ended.
        Unprocessable: `run_not_delayed`, it waits for something else than the end of a delay.
    """
    async with engine.unit() as unit:
        run = await statements.lock_waiting(unit.connection, environment.id, run_id)
        if run is None:
            raise NotFound("There is no open recipient run with this id.")
        wait = run.wait
        outcome = run.step_outcomes.get(wait.step_ref, {}) if wait else {}
        if wait is None or outcome.get("outcome") != "waiting" or "until" not in outcome:
            raise Unprocessable(
                "Only the wait of a delay can be moved or skipped.", code="run_not_delayed"
            )
        instant = unit.now if until is None else max(until, unit.now)
        label = f"{wait.step_ref}: until {iso(instant)}"
        moved = {
            **outcome,
            "until": iso(instant),
            "moved": True,
            "directive": {**outcome["directive"], "until": instant.timestamp(), "label": label},
        }
        await statements.move_wait(
            unit.connection,
            environment.id,
            run_id,
            step_ref=wait.step_ref,
            outcome=moved,
            until=instant,
            told={"until": iso(instant), "from": outcome["until"]},
            now=unit.now,
        )
        payload = effects.moved_wait(run_id, workflow_key=run.workflow_key)
        await effects.owe(unit, environment.id, effects.LOOK_AGAIN, payload)
        changed = await statements.lock_waiting(unit.connection, environment.id, run_id)
    return changed or run
