"""Statements over the items of batches, removed ones left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.batches.rows import BatchItem
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.recipients.refs import RecipientRef
from models.queries.runs.own_data import OWN_DATA
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

_ITEMS = Listing(
    BatchItem, source="batch_items i", alias="i", keys=("workflow_run_id",), descending=False
)

# Triggers' ids are in the order in which they were accepted. Within a batch all runs are of one
# recipient, so no two are of one trigger.
_SOME = """
SELECT {columns}
FROM unnest(%(batch_ids)s::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM batch_items own
    WHERE own.batch_id = wanted.id AND own.environment_id = %(environment_id)s
      AND own.removed_at IS NULL
    ORDER BY own.workflow_run_id {direction} LIMIT %(each)s
) AS i
ORDER BY i.batch_id, i.workflow_run_id
"""

# PostgreSQL 15 has no smallest and greatest UUID; as text they are in the same order.
_ACTORS = """
SELECT i.actor_collection AS collection, i.actor_id AS id FROM batch_items i
WHERE i.environment_id = %s AND i.batch_id = %s AND i.removed_at IS NULL
  AND i.actor_id IS NOT NULL
GROUP BY i.actor_collection, i.actor_id
ORDER BY {item}(i.workflow_run_id::text) {direction} LIMIT %s
"""

# The last of equal keys stays.
_COMBINED = """
SELECT coalesce(jsonb_object_agg(e.key, e.value ORDER BY i.workflow_run_id), '{}') AS data
FROM batch_items i, jsonb_each(i.data) e
WHERE i.environment_id = %s AND i.batch_id = %s AND i.removed_at IS NULL
"""

# What a run had when it came to the step: without what that step and later ones made of it. Newest
# first up to the bounds; see `models/queries/messages/activities.py`.
_DATA = f"""
SELECT id, data FROM (
    SELECT id, data, sum(size) OVER (ORDER BY id DESC) AS total FROM (
        SELECT r.id, (w.data || coalesce(own.data, '{{}}') || coalesce(p.patch, '{{}}'))
                     - 'attachments' AS data,
               octet_length(w.data::text) + coalesce(octet_length(own.data::text), 0)
                   + coalesce(octet_length(p.patch::text), 0) AS size
        FROM batch_items i
        JOIN recipient_runs r ON r.id = i.recipient_run_id
        JOIN workflow_runs w ON w.id = r.workflow_run_id
        CROSS JOIN LATERAL (SELECT {OWN_DATA} AS data) own
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(e.key, e.value ORDER BY position) AS patch
            FROM run_patches, jsonb_each(patch) e
            WHERE recipient_run_id = r.id
              AND position < coalesce((r.step_outcomes->i.step_ref->>'patch')::int, position + 1)
        ) p ON true
        WHERE i.environment_id = %(environment_id)s AND i.recipient_run_id = ANY(%(run_ids)s)
          AND i.batch_id = ANY(%(batch_ids)s)
          AND pg_column_size(w.data) + coalesce(pg_column_size(own.data), 0) <= %(each)s
        OFFSET 0
    ) AS measured
    WHERE size <= %(each)s
) AS bounded
WHERE total <= %(together)s
"""  # noqa: S608 - fixed text


async def some_items(
    connection: Connection,
    environment_id: UUID,
    batch_ids: Sequence[UUID],
    *,
    each: int,
    last: bool = False,
) -> list[BatchItem]:
    """Return the first or the last items of each of some batches, oldest first."""
    columns = columns_of(BatchItem, "i")
    statement = _SOME.format(columns=columns, direction="DESC" if last else "ASC")
    values = {"batch_ids": list(batch_ids), "environment_id": environment_id, "each": each}
    return await fetch_all(connection, BatchItem, statement, values)


async def actors_of(
    connection: Connection, environment_id: UUID, batch_id: UUID, *, limit: int, last: bool
) -> list[RecipientRef]:
    """Return the first or the last different actors of a batch, as `some_actors` does of items."""
    words = {"item": "max", "direction": "DESC"} if last else {"item": "min", "direction": "ASC"}
    values = (environment_id, batch_id, limit)
    found = await fetch_all(connection, RecipientRef, _ACTORS.format(**words), values)
    return found[::-1] if last else found


async def page_of_items(
    connection: Connection, environment_id: UUID, batch_id: UUID, request: PageRequest
) -> Page[BatchItem]:
    """Return a page of the items of a batch, oldest first."""
    where = Where()
    where.add("i.environment_id = %s", environment_id)
    where.add("i.batch_id = %s", batch_id)
    where.add("i.removed_at IS NULL")
    return await _ITEMS.page(connection, where, request)


async def is_in_batch(
    connection: Connection, environment_id: UUID, batch_id: UUID, workflow_run_id: UUID
) -> bool:
    """Tell whether the item of a trigger is in a batch, and was not removed.

    A run that carries the batch in another's place has brought no item itself, and stands for that
    of its trigger.
    """
    cursor = await connection.execute(
        "SELECT FROM batch_items WHERE environment_id = %s AND batch_id = %s"
        " AND workflow_run_id = %s AND removed_at IS NULL",
        (environment_id, batch_id, workflow_run_id),
    )
    return await cursor.fetchone() is not None


async def combined_data(connection: Connection, environment_id: UUID, batch_id: UUID) -> JsonObject:
    """Return what the kept data of all items makes together: of equal keys the last one's."""
    cursor = await connection.execute(_COMBINED, (environment_id, batch_id))
    row = await cursor.fetchone()
    return row["data"] if row else {}


async def data_of_items(
    connection: Connection,
    environment_id: UUID,
    items: Sequence[BatchItem],
    *,
    each: int,
    together: int,
) -> dict[UUID, dict[str, Any]]:
    """Return by run what each item carried, without attachments.

    Those larger than `each` bytes are left out, and those beyond `together`.
    """
    values = {
        "environment_id": environment_id,
        "run_ids": [item.recipient_run_id for item in items],
        "batch_ids": list({item.batch_id for item in items}),
        "each": each,
        "together": together,
    }
    cursor = await connection.execute(_DATA, values)
    return {row["id"]: row["data"] for row in await cursor.fetchall()}
