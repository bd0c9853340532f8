"""Statements of operators over runs that wait: list them, move their waits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.runs.events import RunEventType
from domain.runs.statuses import OPEN_RUN, RunStatus
from domain.runs.waiting import WaitingFilters, WaitingRun
from models.queries.events.writing import count_event, run_facts, tell_runs
from models.sql import Listing, Where, columns_of, fetch_one, listed
from runtime.database import Connection

_EXPRESSIONS = {
    "branch": "(SELECT b.slug FROM workflow_runs w JOIN branches b ON b.id = w.branch_id"
    " WHERE w.id = r.workflow_run_id)",
    # An item that joins may move the end of its batch, and leaves the run that carries it alone.
    "resumes_at": "coalesce((SELECT max(b.closes_at) FROM batches b"
    " WHERE b.carrier_run_id = r.id AND b.closed_at IS NULL), r.resumes_at)",
}
_WAITING = Listing(WaitingRun, "recipient_runs r", "r", ("id",), expressions=_EXPRESSIONS)

_LOCK_ONE = f"""
SELECT {columns_of(WaitingRun, "r", _EXPRESSIONS)} FROM recipient_runs r
WHERE r.environment_id = %s AND r.id = %s AND r.status IN ({listed(OPEN_RUN)}) FOR UPDATE
"""  # noqa: S608 - fixed text

_TOLD_MOVE = tell_runs(
    "moved", RunEventType.WAIT_MOVED, data="%(data)s::jsonb", at="%(now)s::timestamptz"
)
_MOVE = f"""
WITH moved AS (
    UPDATE recipient_runs r
    SET step_outcomes = jsonb_set(r.step_outcomes, ARRAY[%(ref)s], %(outcome)s),
        resumes_at = %(until)s, {count_event("r", RunEventType.WAIT_MOVED)}, updated_at = %(now)s
    WHERE r.environment_id = %(environment_id)s AND r.id = %(id)s
    RETURNING {run_facts("r")}
), {_TOLD_MOVE}
SELECT id FROM moved
"""  # noqa: S608 - fixed text


async def list_waiting(
    connection: Connection, environment_id: UUID, wanted: WaitingFilters, request: PageRequest
) -> Page[WaitingRun]:
    """Return a page of the runs that wait, newest trigger first."""
    where = Where()
    where.add("r.environment_id = %s", environment_id)
    where.add("r.rare_status = %s", RunStatus.PAUSED)
    where.recipient(wanted.recipient, "r")
    where.add_by_name({"workflow_key": "r.workflow_key = %s", "tenant": "r.tenant_id = %s"}, wanted)
    return await _WAITING.page(connection, where, request)


async def lock_waiting(
    connection: Connection, environment_id: UUID, run_id: UUID
) -> WaitingRun | None:
    """Lock an open run for the rest of the transaction, or find that there is none."""
    return await fetch_one(connection, WaitingRun, _LOCK_ONE, (environment_id, run_id))


async def move_wait(
    connection: Connection,
    environment_id: UUID,
    run_id: UUID,
    *,
    step_ref: str,
    outcome: JsonObject,
    until: datetime,
    told: JsonObject,
    now: datetime,
) -> None:
    """Let the wait of a locked run end at another instant, and tell it."""
    values = {
        "environment_id": environment_id,
        "id": run_id,
        "ref": step_ref,
        "outcome": Jsonb(outcome),
        "until": until,
        "data": Jsonb(told),
        "now": now,
    }
    await connection.execute(_MOVE, values)
