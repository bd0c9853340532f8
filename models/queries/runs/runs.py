"""Statements that read recipient runs and their events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from domain.kit.ids import first_id_at
from domain.kit.pages import Page, PageRequest
from domain.runs.filters import RunFilters
from domain.runs.rows import RecipientRun, RunEvent
from domain.runs.statuses import RARE_RUN, RunStatus
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

# Few triggers name one; also of one that was deleted since.
BRANCH = "(SELECT b.slug FROM branches b WHERE b.id = w.branch_id)"
# The ids of runs begin with the time of their trigger.
_RUNS = Listing(
    row=RecipientRun,
    source="recipient_runs r JOIN workflow_runs w ON w.id = r.workflow_run_id",
    alias="r",
    keys=("id",),
    expressions={
        "source": "w.source",
        "actor_collection": "w.actor_collection",
        "actor_id": "w.actor_id",
        "branch": BRANCH,
    },
)
_EVENTS = f"""
SELECT {columns_of(RunEvent, "e")} FROM recipient_run_events e
WHERE e.recipient_run_id = %s ORDER BY e.position
"""  # noqa: S608 - names of fields
# How far the time in a run's id may be from the instant in its row.
_ID_TOLERANCE = timedelta(minutes=1)


async def list_runs(
    connection: Connection, environment_id: UUID, wanted: RunFilters, request: PageRequest
) -> Page[RecipientRun]:
    """Return a page of recipient runs, newest trigger first."""
    where = Where()
    where.add("r.environment_id = %s", environment_id)
    where.recipient(wanted.recipient, "r")
    where.add_by_name({"workflow_key": "r.workflow_key = %s", "tenant": "r.tenant_id = %s"}, wanted)
    if wanted.statuses is not None:
        _add_statuses(where, wanted.statuses)
    if wanted.has_errors is not None:
        where.add("r.error_count > 0" if wanted.has_errors else "r.error_count = 0")
    # The id begins with the time of the trigger, and the list follows it: the limits on the id end
    # the search, those on the row's own instant are exact.
    if wanted.starting_at is not None:
        earliest = first_id_at(wanted.starting_at - _ID_TOLERANCE)
        where.add("r.id >= %s AND r.inserted_at >= %s", earliest, wanted.starting_at)
    if wanted.ending_at is not None:
        latest = first_id_at(wanted.ending_at + _ID_TOLERANCE)
        where.add("r.id <= %s AND r.inserted_at <= %s", latest, wanted.ending_at)
    return await _RUNS.page(connection, where, request)


def _add_statuses(where: Where, statuses: Collection[RunStatus]) -> None:
    """Add: a run has one of these statuses. Most runs have completed, all others are looked up."""
    if not statuses or RunStatus.COMPLETED in statuses:
        where.add("r.status = ANY(%s)", list(statuses))
        return
    for status in dict.fromkeys(statuses):
        if status in RARE_RUN:
            where.add_alternative("r.rare_status = %s", status)
        else:
            # Most runs are queued for a moment, so that has no index. As long as a run is, its
            # trigger waits to see it begin.
            where.add_alternative(
                "r.status = %s AND r.workflow_run_id IN"
                " (SELECT workflow_run_id FROM trigger_releases)",
                status,
            )


async def get_run(
    connection: Connection, environment_id: UUID, run_id: UUID
) -> RecipientRun | None:
    """Return a recipient run, or None."""
    where = Where()
    where.add("r.environment_id = %s", environment_id)
    where.add("r.id = %s", run_id)
    return await _RUNS.one(connection, where)


async def runs_of_trigger(
    connection: Connection, environment_id: UUID, workflow_run_id: UUID, request: PageRequest
) -> Page[RecipientRun]:
    """Return a page of the runs of a trigger, in no order that means anything."""
    where = Where()
    where.add("r.environment_id = %s AND r.workflow_run_id = %s", environment_id, workflow_run_id)
    return await _RUNS.page(connection, where, request)


async def runs_by_id(
    connection: Connection, environment_id: UUID, run_ids: Collection[UUID]
) -> dict[UUID, RecipientRun]:
    """Return those of the runs that exist, by id."""
    where = Where()
    where.add("r.environment_id = %s AND r.id = ANY(%s)", environment_id, list(run_ids))
    return {run.id: run for run in await _RUNS.all(connection, where)}


async def events_of_run(connection: Connection, run_id: UUID) -> list[RunEvent]:
    """Return the stored events of a run, in order."""
    return await fetch_all(connection, RunEvent, _EVENTS, (run_id,))
