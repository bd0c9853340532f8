"""Statements that cancel runs and tell Temporal about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.ids import FIRST_ID, LAST_ID
from domain.refs import RecipientRef
from runtime.database import Connection

# A run is cancelled by this statement, not by Temporal: a walk holds the row's lock from before
# its first effect to its commit, so either the walk came first and what it made stands, or the
# cancel did and the walk makes nothing. Rows are locked in id order, so two cancels never deadlock.
_CANCEL = """
WITH requested AS (
    INSERT INTO cancellations (id, environment_id, workflow_key, cancellation_key, recipients,
                               run_count, requested_at)
    VALUES (%(id)s, %(environment_id)s, %(workflow_key)s, %(cancellation_key)s, %(recipients)s,
            0, %(now)s)
), locked AS (
    SELECT id FROM recipient_runs
    WHERE environment_id = %(environment_id)s AND workflow_key = %(workflow_key)s
      AND open_key = %(cancellation_key)s
      AND (%(recipients)s::jsonb IS NULL OR (collection, recipient_id) IN (
            SELECT * FROM unnest(%(collections)s::text[], %(recipient_ids)s::text[])))
    ORDER BY id FOR UPDATE
), cancelled AS (
    UPDATE recipient_runs r
    SET status = 'cancelled', cancellation_id = %(id)s, resumes_at = NULL,
        event_count = r.event_count + 1, updated_at = %(now)s
    FROM locked WHERE r.id = locked.id
    RETURNING r.id, r.event_count - 1 AS position
), told AS (
    INSERT INTO recipient_run_events (recipient_run_id, position, event, status, attempt, data,
                                      inserted_at)
    SELECT id, position, 'run_cancelled', 'ok', 1,
           jsonb_build_object('reason', 'cancel_requested', 'cancellation_id', %(id)s::text),
           %(now)s
    FROM cancelled
)
SELECT id FROM cancelled ORDER BY id
"""

_SETTLE = """
UPDATE cancellations SET run_count = %s, released_at = CASE WHEN %s = 0 THEN requested_at END
WHERE id = %s
"""

_CHUNK = """
SELECT r.id, r.workflow_key, e.slug AS environment
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.cancellation_id = %s AND r.id > %s AND r.id <= %s ORDER BY r.id
"""

_UNRELEASED = """
SELECT c.id, c.environment_id, c.run_count, e.slug AS environment
FROM cancellations c JOIN environments e ON e.id = c.environment_id
WHERE c.released_at IS NULL AND c.requested_at < %s
ORDER BY c.requested_at LIMIT %s
"""


async def cancel_runs(
    connection: Connection,
    environment_id: UUID,
    *,
    cancellation_id: UUID,
    workflow_key: str,
    cancellation_key: str,
    recipients: Sequence[RecipientRef] | None,
    now: datetime,
) -> list[UUID]:
    """Cancel every open run that matches, and return their ids."""
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
        },
    )
    ids = [row["id"] for row in await cursor.fetchall()]
    await connection.execute(_SETTLE, (len(ids), len(ids), cancellation_id))
    return ids


async def cancelled_runs(
    connection: Connection, cancellation_id: UUID, *, after: UUID = FIRST_ID, last: UUID = LAST_ID
) -> list[dict[str, Any]]:
    """Return the runs of a cancellation in a range of ids."""
    cursor = await connection.execute(_CHUNK, (cancellation_id, after, last))
    return await cursor.fetchall()


async def mark_released(connection: Connection, cancellation_id: UUID, now: datetime) -> None:
    """Note that every run of a cancellation was told, or is certain to be."""
    await connection.execute(
        "UPDATE cancellations SET released_at = %s WHERE id = %s", (now, cancellation_id)
    )


async def unreleased_cancellations(
    connection: Connection, *, now: datetime, age: timedelta, limit: int
) -> list[dict[str, Any]]:
    """Return cancellations, oldest first, whose runs were not all told within `age`."""
    cursor = await connection.execute(_UNRELEASED, (now - age, limit))
    return await cursor.fetchall()
