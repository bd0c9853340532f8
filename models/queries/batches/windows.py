"""Statements of the sweep: windows that nobody closed, and carriers that nobody woke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.batches.rows import ClosedBatch, OverdueBatch
from domain.runs.statuses import OPEN_RUN
from models.sql import columns_of, fetch_all, listed
from runtime.database import Connection

_OVERDUE = f"""
SELECT {columns_of(OverdueBatch, "b")} FROM batches b
WHERE b.closed_at IS NULL AND b.closes_at < %(before)s
  AND (%(after)s::timestamptz IS NULL OR (b.closes_at, b.id) > (%(after)s, %(after_id)s::uuid))
ORDER BY b.closes_at, b.id LIMIT %(limit)s
"""  # noqa: S608 - names of fields

_EXPRESSIONS = {
    "environment": "e.slug",
    "end_reason": "r.end_reason",
    "is_carrier_open": f"coalesce(r.status IN ({listed(OPEN_RUN)}), false)",
}
_NOT_RESUMED = f"""
SELECT {columns_of(ClosedBatch, "b", _EXPRESSIONS)}
FROM batches b JOIN environments e ON e.id = b.environment_id
LEFT JOIN recipient_runs r ON r.id = b.carrier_run_id
WHERE b.resumed_at IS NULL AND b.carrier_run_id IS NOT NULL AND b.closed_at < %(before)s
  AND (%(after)s::timestamptz IS NULL OR (b.closed_at, b.id) > (%(after)s, %(after_id)s::uuid))
ORDER BY b.closed_at, b.id LIMIT %(limit)s
"""  # noqa: S608 - names of fields


async def overdue_batches(
    connection: Connection, before: datetime, *, limit: int, after: OverdueBatch | None = None
) -> list[OverdueBatch]:
    """Return open batches whose window was to close before an instant, the oldest first."""
    values = {
        "before": before,
        "limit": limit,
        "after": after and after.closes_at,
        "after_id": after and after.id,
    }
    return await fetch_all(connection, OverdueBatch, _OVERDUE, values)


async def closed_batches(
    connection: Connection, before: datetime, *, limit: int, after: ClosedBatch | None = None
) -> list[ClosedBatch]:
    """Return batches that closed before an instant and whose carriers have not gone on."""
    values = {
        "before": before,
        "limit": limit,
        "after": after and after.closed_at,
        "after_id": after and after.id,
    }
    return await fetch_all(connection, ClosedBatch, _NOT_RESUMED, values)


async def note_abandoned(
    connection: Connection, batch_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Note that nobody goes on with these: their carriers have ended otherwise."""
    await connection.execute(
        "UPDATE batches SET resumed_at = %s WHERE id = ANY(%s)", (now, list(batch_ids))
    )
