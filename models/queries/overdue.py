"""Statements over runs that should have gone on by now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from runtime.database import Connection

_OVERDUE = """
SELECT r.id, r.collection, r.recipient_id, r.workflow_key, r.tenant_id, r.cancellation_key,
       r.workflow_run_id, r.environment_id, e.slug AS environment
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.resumes_at < %s AND r.status = 'paused'
ORDER BY r.resumes_at LIMIT %s
"""

_END = """
WITH ended AS (
    UPDATE recipient_runs
    SET status = 'cancelled', resumes_at = NULL, event_count = event_count + 1, updated_at = %(now)s
    WHERE id = %(id)s AND status = 'paused' AND resumes_at < %(before)s
    RETURNING id, event_count - 1 AS position
)
INSERT INTO recipient_run_events (recipient_run_id, position, event, status, attempt, data,
                                  inserted_at)
SELECT id, position, 'run_cancelled', 'error', 1,
       jsonb_build_object('reason', 'ended_in_temporal'), %(now)s
FROM ended
"""


async def overdue_runs(
    connection: Connection, *, now: datetime, grace: timedelta, limit: int
) -> list[dict[str, Any]]:
    """Return runs whose wait ended longer than `grace` ago, the oldest first."""
    cursor = await connection.execute(_OVERDUE, (now - grace, limit))
    return await cursor.fetchall()


async def end_overdue_run(
    connection: Connection, run_id: UUID, *, now: datetime, grace: timedelta
) -> bool:
    """End a run that nothing will wake; leave one that has moved meanwhile."""
    cursor = await connection.execute(_END, {"id": run_id, "now": now, "before": now - grace})
    return cursor.rowcount == 1
