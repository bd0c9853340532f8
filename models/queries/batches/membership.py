"""What belongs to which batch: decided under the lock of the batch's row, and nowhere else.

A walk holds its run's lock before it takes a batch's; whoever takes both keeps to that order.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.batches.rows import Batch, BatchItem
from domain.batches.windows import Window
from domain.runs.statuses import OPEN_RUN
from models.sql import columns_of, fetch_one, listed, names_of
from runtime.database import Connection

_COLUMNS = columns_of(Batch, "b")
_NAMES = names_of(Batch)
_ITEM_NAMES = names_of(BatchItem)

_LOCK_OPEN = f"""
SELECT {_COLUMNS} FROM batches b
WHERE b.identity = %s AND b.environment_id = %s AND b.closed_at IS NULL FOR UPDATE
"""  # noqa: S608 - names of fields

_LOCK = f"""
SELECT {_COLUMNS} FROM batches b WHERE b.environment_id = %s AND b.id = %s FOR UPDATE
"""  # noqa: S608 - names of fields

# When two runs open one at the same time, the second waits here for the first, and then joins.
_OPEN = f"""
INSERT INTO batches ({", ".join(_NAMES)})
VALUES ({", ".join(f"%({name})s" for name in _NAMES)})
ON CONFLICT (identity) WHERE closed_at IS NULL DO NOTHING
"""  # noqa: S608 - names of fields

_JOIN = f"""
WITH item AS (
    INSERT INTO batch_items ({", ".join(_ITEM_NAMES)})
    VALUES ({", ".join(f"%({name})s" for name in _ITEM_NAMES)})
)
UPDATE batches
SET item_count = %(item_count)s, closes_at = %(closes_at)s, carrier_run_id = %(carrier_run_id)s
WHERE id = %(batch_id)s
"""  # noqa: S608 - names of fields

_CLOSE = """
UPDATE batches b
SET closed_at = %(now)s, version_id = %(version_id)s,
    total_activities = inside.activities, total_actors = inside.actors
FROM (
    SELECT count(*) AS activities,
           count(DISTINCT (i.actor_collection, i.actor_id))
               FILTER (WHERE i.actor_id IS NOT NULL) AS actors
    FROM batch_items i WHERE i.batch_id = %(id)s AND i.removed_at IS NULL
) AS inside
WHERE b.id = %(id)s AND b.closed_at IS NULL
"""

_MOVE = """
UPDATE batches SET closes_at = %(closes_at)s,
    extends_to = CASE WHEN extends_to IS NOT NULL THEN greatest(extends_to, %(closes_at)s) END
WHERE id = %(id)s
"""

_CARRIES = f"""
SELECT FROM recipient_runs WHERE id = %s AND status IN ({listed(OPEN_RUN)})
"""


async def lock_open_batch(
    connection: Connection, environment_id: UUID, identity: bytes
) -> Batch | None:
    """Lock the open batch of an identity, or find that there is none."""
    return await fetch_one(connection, Batch, _LOCK_OPEN, (identity, environment_id))


async def lock_batch(connection: Connection, environment_id: UUID, batch_id: UUID) -> Batch | None:
    """Lock a batch for the rest of the transaction, or find that there is none."""
    return await fetch_one(connection, Batch, _LOCK, (environment_id, batch_id))


async def open_batch(connection: Connection, batch: Batch) -> bool:
    """Store a batch, unless one of its identity is open; tells whether it was stored."""
    cursor = await connection.execute(_OPEN, asdict(batch))
    return cursor.rowcount == 1


async def join_batch(
    connection: Connection, item: BatchItem, window: Window, carrier_run_id: UUID
) -> None:
    """Add an item to a batch that is locked, with what follows for its window."""
    values = {
        **asdict(item),
        "data": Jsonb(item.data),
        "item_count": window.item_count,
        "closes_at": window.closes_at,
        "carrier_run_id": carrier_run_id,
    }
    await connection.execute(_JOIN, values)


async def close_batch(
    connection: Connection, batch_id: UUID, *, version_id: UUID | None, now: datetime
) -> None:
    """Close a batch that is locked, and count what is in it."""
    await connection.execute(_CLOSE, {"id": batch_id, "version_id": version_id, "now": now})


async def move_window(connection: Connection, batch_id: UUID, closes_at: datetime) -> None:
    """Let the window of a batch that is locked close at another instant."""
    await connection.execute(_MOVE, {"id": batch_id, "closes_at": closes_at})


async def note_resumed(connection: Connection, batch_id: UUID, *, now: datetime) -> None:
    """Note that the carrier of a closed batch goes on."""
    await connection.execute("UPDATE batches SET resumed_at = %s WHERE id = %s", (now, batch_id))


async def is_run_open(connection: Connection, run_id: UUID) -> bool:
    """Tell whether a run has not ended; it may end a moment later."""
    cursor = await connection.execute(_CARRIES, (run_id,))
    return await cursor.fetchone() is not None
