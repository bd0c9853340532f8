"""Cuts the recipient runs of a trigger or of a cancellation into ranges of ids."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from domain.runs.statuses import RunStatus
from runtime.database import Connection

_BOUNDARIES = """
SELECT DISTINCT ON (chunk) id AS last FROM (
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS chunk FROM (
        SELECT id FROM recipient_runs WHERE {condition} AND id > %(after)s
        ORDER BY id LIMIT %(size)s * %(most)s) AS page
) AS numbered ORDER BY chunk, id DESC
"""


class Scope(Enum):
    """What the runs have in common; the value is the condition that says so."""

    TRIGGER = f"workflow_run_id = %(scope_id)s AND status = '{RunStatus.QUEUED}'"
    CANCELLATION = "cancellation_id = %(scope_id)s"


async def chunk_boundaries(
    connection: Connection, scope: Scope, scope_id: UUID, *, after: UUID, size: int, most: int
) -> list[UUID]:
    """Return the last run id of every chunk of `size` runs behind `after`, in order.

    Args:
        connection: outside a transaction.
        scope: which runs; of a trigger only those that have not begun.
        scope_id: the trigger, or the cancellation.
        after: the last run id of the page before.
        size: runs in a chunk.
        most: chunks in a page; fewer than these are the last ones.
    """
    statement = _BOUNDARIES.format(condition=scope.value)
    cursor = await connection.execute(
        statement, {"size": size, "scope_id": scope_id, "after": after, "most": most}
    )
    return [row["last"] for row in await cursor.fetchall()]
