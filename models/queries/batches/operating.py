"""Statements of operators over open batches: list them, take an item out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.batches.rows import BatchFilters, OpenBatch
from domain.kit.pages import Page, PageRequest
from models.queries.batches.removal import remove_items
from models.sql import Listing, Where
from runtime.database import Connection, one

_OPEN = Listing(
    OpenBatch,
    "batches b",
    "b",
    ("closes_at", "id"),
    descending=False,
    expressions={"branch": "(SELECT slug FROM branches WHERE branches.id = b.branch_id)"},
)

_LOCK_RUN = "SELECT FROM recipient_runs WHERE environment_id = %s AND id = %s FOR UPDATE"
_REMOVE = remove_items(
    "i.environment_id = %(environment_id)s AND i.batch_id = %(batch_id)s"
    " AND i.recipient_run_id = ANY(%(run_ids)s)",
    reason="dropped",
)


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


async def lock_run(connection: Connection, environment_id: UUID, run_id: UUID) -> None:
    """Lock a run, before the batch that it may carry: whoever takes both keeps to that order."""
    await connection.execute(_LOCK_RUN, (environment_id, run_id))


async def remove_item(
    connection: Connection, environment_id: UUID, batch_id: UUID, run_id: UUID, now: datetime
) -> bool:
    """Take the item of a run out of a batch; returns whether it was in it. Both are locked."""
    values = {
        "environment_id": environment_id,
        "batch_id": batch_id,
        "run_ids": [run_id],
        "now": now,
    }
    cursor = await connection.execute(_REMOVE, values)
    return bool(one(await cursor.fetchone())["items"])
