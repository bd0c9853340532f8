"""Statements over runs that have begun and not ended, for comparing them with Temporal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.kit.ids import FIRST_ID
from domain.runs.events import RunEventType
from models.queries.events.writing import count_event, run_facts, tell_runs
from runtime.database import Connection

_COLUMNS = """
SELECT r.id, r.recipient_id, r.workflow_key, r.tenant_id, r.cancellation_key, r.workflow_run_id,
       r.environment_id, r.event_count, r.resumes_at, e.slug AS environment,
       greatest(r.updated_at, r.seen_alive_at) AS alive_at, now() AS now
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
"""

# Only an open run has `resumes_at`.
_WAITING = f"""
{_COLUMNS}
WHERE r.resumes_at IS NOT NULL AND (r.resumes_at, r.id) > (%(instant)s::timestamptz, %(run_id)s)
  AND (%(overdue_by)s::interval IS NULL OR r.resumes_at < now() - %(overdue_by)s::interval)
ORDER BY r.resumes_at, r.id LIMIT %(limit)s
"""

_BY_ID = f"""
{_COLUMNS}
WHERE r.id = ANY(%s) AND r.status IN ('queued', 'processing', 'paused')
"""

_TOLD = tell_runs("ended", RunEventType.RUN_CANCELLED, failed=True, data="r.data", at="now()")

# A run that has moved since it was read is left alone: it has told more of its story.
_END = f"""
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(event_counts)s::int[], %(data)s::jsonb[])
        AS given (id, event_count, data)
), locked AS (
    SELECT r.id, given.data FROM recipient_runs r JOIN given USING (id, event_count)
    WHERE r.status IN ('queued', 'processing', 'paused')
    ORDER BY r.id FOR UPDATE OF r
), ended AS (
    UPDATE recipient_runs r
    SET status = 'cancelled', resumes_at = NULL,
        {count_event("r", RunEventType.RUN_CANCELLED, failed=True)}, ended_at = now(),
        end_reason = locked.data->>'reason', updated_at = now()
    FROM locked WHERE r.id = locked.id
    RETURNING {run_facts("r")}, locked.data
), {_TOLD}
SELECT id FROM ended
"""  # noqa: S608 - fixed text

_SEEN = """
WITH locked AS (
    SELECT id FROM recipient_runs
    WHERE id = ANY(%(ids)s) AND resumes_at IS NOT NULL
      AND greatest(updated_at, seen_alive_at) < now() - %(every)s
    ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE recipient_runs r SET seen_alive_at = now() FROM locked WHERE r.id = locked.id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of open runs: by the end of their waits."""

    instant: str = "-infinity"
    run_id: str = str(FIRST_ID)


async def waiting_runs(
    connection: Connection, after: Place, *, limit: int, overdue_by: timedelta | None = None
) -> list[dict[str, Any]]:
    """Return open runs behind a place, those first whose waits end first.

    Args:
        connection: outside a transaction.
        after: where the last look ended.
        limit: most runs.
        overdue_by: only those whose wait ended longer than this ago.
    """
    cursor = await connection.execute(
        _WAITING,
        {
            "instant": after.instant,
            "run_id": after.run_id,
            "overdue_by": overdue_by,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def open_runs_by_id(connection: Connection, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return those of some runs that are open here."""
    cursor = await connection.execute(_BY_ID, (list(run_ids),))
    return await cursor.fetchall()


async def end_runs(
    connection: Connection, rows: Sequence[dict[str, Any]], data: Sequence[Any]
) -> set[UUID]:
    """End runs that nothing will wake, with an error event; leave those that have moved meanwhile.

    Args:
        connection: outside a transaction.
        rows: the runs as they were read.
        data: what the event of each says, as `Jsonb`.

    Returns:
        The ids of those that were ended.
    """
    if not rows:
        return set()
    cursor = await connection.execute(
        _END,
        {
            "ids": [row["id"] for row in rows],
            "event_counts": [row["event_count"] for row in rows],
            "data": list(data),
        },
    )
    return {row["id"] for row in await cursor.fetchall()}


async def note_seen_alive(
    connection: Connection, run_ids: Sequence[UUID], *, every: timedelta
) -> None:
    """Note that Temporal has these runs, for those whose last sign of life is older than `every`.

    A run whose row is locked is walking, which is a sign of life itself.
    """
    if run_ids:
        await connection.execute(_SEEN, {"ids": list(run_ids), "every": every})


def place_of(row: dict[str, Any]) -> Place:
    """Return the place of a run in the order of `waiting_runs`."""
    instant: datetime = row["resumes_at"]
    return Place(instant.isoformat(), str(row["id"]))
