"""Cuts the recipient runs of a trigger or of a cancellation into ranges of ids."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from runtime.database import Connection

_BOUNDARIES = """
SELECT DISTINCT ON (chunk) id AS last FROM (
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS chunk
    FROM recipient_runs WHERE {column} = %s
) AS numbered ORDER BY chunk, id DESC
"""


class Scope(Enum):
    """What the runs have in common; the value is the column that says so."""

    TRIGGER = "workflow_run_id"
    CANCELLATION = "cancellation_id"


async def chunk_boundaries(
    connection: Connection, scope: Scope, scope_id: UUID, size: int
) -> list[UUID]:
    """Return the last run id of every chunk of `size` runs, in order."""
    statement = _BOUNDARIES.format(column=scope.value)
    cursor = await connection.execute(statement, (size, scope_id))
    return [row["last"] for row in await cursor.fetchall()]
