"""Statements that cancel runs, and find those that a cancellation has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import FIRST_ID, LAST_ID
from domain.recipients.refs import RecipientRef
from domain.runs.events import RunEventType
from domain.runs.rows import RunInTemporal
from domain.runs.statuses import RunStatus
from models.queries.events.writing import count_event, run_facts, tell_runs
from models.sql import columns_of, fetch_all
from runtime.database import Connection

_TOLD = tell_runs(
    "cancelled",
    RunEventType.RUN_CANCELLED,
    data="jsonb_build_object('reason', 'cancel_requested', 'cancellation_id', %(id)s::text)",
    at="%(now)s::timestamptz",
)

# A run is cancelled by this statement, not by Temporal: a walk holds the row's lock from before
# its first effect to its commit, so either the walk came first and what it made stands, or the
# cancel did and the walk makes nothing. Rows are locked in id order, so two cancels never deadlock.
_CANCEL = f"""
WITH requested AS (
    INSERT INTO cancellations (id, environment_id, workflow_key, cancellation_key, recipients,
                               run_count, requested_at, due_at, attempts)
    VALUES (%(id)s, %(environment_id)s, %(workflow_key)s, %(cancellation_key)s, %(recipients)s,
            0, %(now)s, now() + %(release_within)s, 0)
), locked AS (
    SELECT id FROM recipient_runs
    WHERE environment_id = %(environment_id)s AND workflow_key = %(workflow_key)s
      AND open_key = %(cancellation_key)s
      AND (%(recipients)s::jsonb IS NULL OR (collection, recipient_id) IN (
            SELECT * FROM unnest(%(collections)s::text[], %(recipient_ids)s::text[])))
    ORDER BY id FOR UPDATE
), cancelled AS (
    UPDATE recipient_runs r
    SET status = '{RunStatus.CANCELLED}', cancellation_id = %(id)s, resumes_at = NULL,
        ended_at = %(now)s, end_reason = 'cancel_requested',
        {count_event("r", RunEventType.RUN_CANCELLED)}, updated_at = %(now)s
    FROM locked WHERE r.id = locked.id
    RETURNING {run_facts("r")}
), {_TOLD}
SELECT id FROM cancelled ORDER BY id
"""  # noqa: S608 - fixed text

_SETTLE = """
UPDATE cancellations SET run_count = %s, released_at = CASE WHEN %s = 0 THEN requested_at END
WHERE id = %s
"""

_CANCELLED = f"""
SELECT {columns_of(RunInTemporal, "r", {"environment": "e.slug"})}
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.cancellation_id = %s AND r.id > %s AND r.id <= %s ORDER BY r.id
"""  # noqa: S608 - names of fields


async def cancel_runs(
    connection: Connection,
    environment_id: UUID,
    *,
    cancellation_id: UUID,
    workflow_key: str,
    cancellation_key: str,
    recipients: Sequence[RecipientRef] | None,
    now: datetime,
    release_within: timedelta,
) -> list[UUID]:
    """Cancel every open run that matches, and return their ids.

    The sweep wakes their Temporal workflows after `release_within`, unless they were by then.
    """
    refs = recipients or ()
    cursor = await connection.execute(
        _CANCEL,
        {
            "id": cancellation_id,
            "environment_id": environment_id,
            "workflow_key": workflow_key,
            "cancellation_key": cancellation_key,
            "recipients": None if recipients is None else Jsonb([ref.gid for ref in refs]),
            "collections": [ref.collection for ref in refs],
            "recipient_ids": [ref.id for ref in refs],
            "now": now,
            "release_within": release_within,
        },
    )
    ids = [row["id"] for row in await cursor.fetchall()]
    await connection.execute(_SETTLE, (len(ids), len(ids), cancellation_id))
    return ids


async def cancelled_runs(
    connection: Connection, cancellation_id: UUID, *, after: UUID = FIRST_ID, last: UUID = LAST_ID
) -> list[RunInTemporal]:
    """Return the runs of a cancellation in a range of ids."""
    return await fetch_all(connection, RunInTemporal, _CANCELLED, (cancellation_id, after, last))
