"""What operators do with runs that have not ended: look, and cancel."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from domain.kit.errors import BadRequest, NotFound
from domain.kit.ids import new_id, read_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.runs.waiting import Cancelled, CancelRunsRequest, WaitingFilters, WaitingRun
from models.queries.runs import waiting
from models.queries.runs.runs import get_run
from models.queries.triggers import operator_cancels
from models.queries.triggers.accepted import get_accepted
from services.engine import Engine
from services.named import require_named
from services.triggers.releases import release_cancellation


async def list_waiting(
    engine: Engine, environment: EnvironmentScope, wanted: WaitingFilters, request: PageRequest
) -> Page[WaitingRun]:
    """Return a page of the runs that wait, newest trigger first.

    Raises:
        NotFound: there is nothing of the name of what is wanted.
    """
    async with engine.connection() as connection:
        page = await waiting.list_waiting(connection, environment.id, wanted, request)
        if not page.rows:
            await require_named(
                connection,
                environment.id,
                workflow=wanted.workflow_key,
                tenant=wanted.tenant,
                recipient=wanted.recipient,
            )
        return page


async def cancel_open_runs(
    engine: Engine, environment: EnvironmentScope, wanted: CancelRunsRequest
) -> Cancelled:
    """Cancel every open run that is meant; none of them has an effect after this returns.

    A run that carries a batch with items of others goes on without its own; messages that were
    made are untouched. Runs that are not made yet will not be made. How many those of followers
    would have been nobody knows, so they are not in the answer; addressees of broadcasts are.

    Raises:
        BadRequest: `nothing_named`, which would mean all.
        NotFound: there is nothing of the name of what is wanted.
    """
    given = (wanted.run_id, wanted.workflow, wanted.tenant, wanted.recipient)
    if all(each is None for each in given):
        raise BadRequest("Name a run, a workflow, a tenant or a recipient.", code="nothing_named")
    run_id = None if wanted.run_id is None else read_id(wanted.run_id)
    if wanted.run_id is not None and run_id is None:
        raise _no_run(wanted.run_id)
    recipient = None
    if wanted.recipient is not None:
        recipient = RecipientRef(wanted.collection, wanted.recipient)
    cancellation_id = new_id()
    async with engine.unit() as unit:
        workflow_run_id = None
        if run_id is not None and await get_run(unit.connection, environment.id, run_id) is None:
            if await get_accepted(unit.connection, environment.id, run_id) is None:
                raise _no_run(str(run_id))
            run_id, workflow_run_id = None, run_id
        done = await operator_cancels.cancel_open_runs(
            unit.connection,
            environment.id,
            cancellation_id=cancellation_id,
            run_id=run_id,
            workflow_run_id=workflow_run_id,
            workflow_key=wanted.workflow,
            tenant=wanted.tenant,
            recipient=recipient,
            now=unit.now,
            release_within=timedelta(seconds=engine.settings.sweep_seconds),
        )
        if done.runs:
            release = partial(release_cancellation, engine, environment, cancellation_id)
            unit.after(partial(release, run_count=done.runs))
        elif not done.items and not done.addressees:
            await require_named(
                unit.connection,
                environment.id,
                workflow=wanted.workflow,
                tenant=wanted.tenant,
                recipient=recipient,
            )
    return done


def _no_run(run_id: str) -> NotFound:
    return NotFound(f"There is no run and no trigger {run_id[:255]!r} in this environment.")
