"""Statements that read recipient runs and their events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.kit.ids import first_id_at
from domain.kit.pages import Page, PageRequest
from domain.messages.filters import RunFilter
from domain.messages.statuses import RARE_RUN
from models.queries import paging
from models.sql import Where
from runtime.database import Connection

_SELECT = """
SELECT r.id, r.workflow_run_id, r.workflow_key, r.status, r.collection, r.recipient_id,
       r.tenant_id, r.error_count, r.inserted_at, r.updated_at, r.version_id, r.event_count,
       r.started_at, r.ended_at, r.end_reason,
       w.source, w.actor_collection, w.actor_id
FROM recipient_runs r JOIN workflow_runs w ON w.id = r.workflow_run_id
"""
# How far the time in a run's id may be from the instant in its row.
_ID_TOLERANCE = timedelta(minutes=1)
# The ids of runs begin with the time of their trigger.
_NEWEST_FIRST = paging.Keyset(("r.id",))


async def list_runs(
    connection: Connection, environment_id: UUID, wanted: RunFilter, request: PageRequest
) -> Page:
    """Return a page of recipient runs, newest trigger first."""
    where = Where()
    where.add("r.environment_id = %s", environment_id)
    where.recipient(wanted.recipient, "r")
    where.add_given("r.workflow_key = %s", wanted.workflow_key)
    if wanted.statuses is not None:
        column = "rare_status" if set(RARE_RUN).issuperset(wanted.statuses) else "status"
        where.add(f"r.{column} = ANY(%s)", wanted.statuses)
    where.add_given("r.tenant_id = %s", wanted.tenant)
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
    found, values = paging.conditions(_NEWEST_FIRST, request)
    for condition in found:
        where.add(condition)
    cursor = await connection.execute(
        f"{_SELECT} WHERE {where.sql} {paging.order_and_limit(_NEWEST_FIRST, request)}",
        [*where.values, *values],
    )
    return paging.turn(_NEWEST_FIRST, request, await cursor.fetchall())


async def get_run(
    connection: Connection, environment_id: UUID, run_id: UUID
) -> dict[str, Any] | None:
    """Return a recipient run, or None."""
    cursor = await connection.execute(
        f"{_SELECT} WHERE r.environment_id = %s AND r.id = %s", [environment_id, run_id]
    )
    return await cursor.fetchone()


async def events_of_run(connection: Connection, run_id: UUID) -> list[dict[str, Any]]:
    """Return the story of a run, in order."""
    cursor = await connection.execute(
        "SELECT position, event, status, attempt, step_ref, step_type, data, inserted_at "
        "FROM recipient_run_events WHERE recipient_run_id = %s ORDER BY position",
        [run_id],
    )
    return await cursor.fetchall()
