"""Statements of the sweep over bulk operations that stand still."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from domain.bulk.operations import OPEN_BULK, BulkStatus, StuckBulk
from models.sql import columns_of, fetch_all, listed
from runtime.database import Connection, take_long

_IS_OPEN = f"b.status IN ({listed(OPEN_BULK)})"

_STUCK = f"""
SELECT {columns_of(StuckBulk, "b", {"environment": "e.slug"})}
FROM bulk_operations b JOIN environments e ON e.id = b.environment_id
WHERE {_IS_OPEN} AND b.updated_at < now() - %(grace)s::interval
  AND (%(after)s::timestamptz IS NULL OR (b.updated_at, b.id) > (%(after)s, %(after_id)s::uuid))
ORDER BY b.updated_at, b.id LIMIT %(limit)s
"""  # noqa: S608 - names of fields

_FAIL = f"""
WITH failed AS (
    UPDATE bulk_operations b
    SET status = '{BulkStatus.FAILED}', failed_at = %(now)s, updated_at = %(now)s
    WHERE b.environment_id = %(environment_id)s AND b.id = %(id)s AND {_IS_OPEN}
    RETURNING b.id
), forgotten AS (
    DELETE FROM bulk_items i USING failed
    WHERE i.environment_id = %(environment_id)s AND i.operation_id = failed.id AND NOT i.is_settled
)
SELECT id FROM failed
"""  # noqa: S608 - fixed text


async def stuck_operations(
    connection: Connection, *, grace: timedelta, limit: int, after: StuckBulk | None = None
) -> list[StuckBulk]:
    """Return open operations that have not moved for a while, in all environments."""
    values = {
        "grace": grace,
        "limit": limit,
        "after": after and after.updated_at,
        "after_id": after and after.id,
    }
    return await fetch_all(connection, StuckBulk, _STUCK, values)


async def fail_operation(
    connection: Connection, environment_id: UUID, operation_id: UUID, *, now: datetime
) -> bool:
    """End an operation that nobody goes on with; what was not dealt with is forgotten.

    A chunk that is under way is waited for. Tells whether it was open.
    """
    await take_long(connection)  # of a file that may be half a million rows
    values = {"environment_id": environment_id, "id": operation_id, "now": now}
    cursor = await connection.execute(_FAIL, values)
    return await cursor.fetchone() is not None
