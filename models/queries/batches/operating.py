"""Statements of operators over open batches: list them, take an item out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.batches.rows import BatchFilters, OpenBatch
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where
from runtime.database import Connection

_OPEN = Listing(
    OpenBatch,
    "batches b",
    "b",
    ("closes_at", "id"),
    descending=False,
    expressions={"branch": "(SELECT slug FROM branches WHERE branches.id = b.branch_id)"},
)

_REMOVE = """
WITH removed AS (
    UPDATE batch_items SET removed_at = %(now)s
    WHERE environment_id = %(environment_id)s AND batch_id = %(batch_id)s
      AND recipient_run_id = %(run_id)s AND removed_at IS NULL
    RETURNING batch_id
)
UPDATE batches b SET item_count = b.item_count - 1 FROM removed r WHERE b.id = r.batch_id
"""


async def list_open_batches(
    connection: Connection, environment_id: UUID, wanted: BatchFilters, request: PageRequest
) -> Page[OpenBatch]:
    """Return a page of open batches, those first that close first."""
    where = Where()
    where.add("b.environment_id = %s AND b.closed_at IS NULL", environment_id)
    where.add_given("b.workflow_key = %s", wanted.workflow_key)
    where.recipient(wanted.recipient, "b")
    return await _OPEN.page(connection, where, request)


async def get_batch(
    connection: Connection, environment_id: UUID, batch_id: UUID
) -> OpenBatch | None:
    """Return a batch, open or not, or None."""
    where = Where()
    where.add("b.environment_id = %s AND b.id = %s", environment_id, batch_id)
    return await _OPEN.one(connection, where)


async def remove_item(
    connection: Connection, environment_id: UUID, batch_id: UUID, run_id: UUID, now: datetime
) -> bool:
    """Take the item of a run out of a batch that is locked; returns whether it was in it."""
    values = {
        "environment_id": environment_id,
        "batch_id": batch_id,
        "run_id": run_id,
        "now": now,
    }
    cursor = await connection.execute(_REMOVE, values)
    return cursor.rowcount > 0
