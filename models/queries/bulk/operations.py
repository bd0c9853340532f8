"""Statements over bulk operations: accept one, take its next items, count what was done.

An item that was dealt with is gone, in the transaction that dealt with it; so a chunk that is
repeated finds only what is left, and the counts are always true.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.bulk.operations import (
    MAX_LISTED_ERRORS,
    OF_FILES,
    OPEN_BULK,
    BulkFailure,
    BulkItem,
    BulkOperation,
    BulkStatus,
    NewBulkItem,
    OpenBulk,
    Stride,
)
from domain.kit.json_types import JsonObject, encoded
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one, listed
from runtime.database import Connection, one, take_long

# Kept with the settings; what moves an operation on forgets it.
_FAULT = {"fault": "b.settings ->> 'fault'"}
_COLUMNS = columns_of(BulkOperation, "b", _FAULT)
_OPEN = Listing(BulkOperation, "bulk_operations b", "b", ("id",), expressions=_FAULT)
# What is visible now is what exists: later statements tell by it what was made after the request.
_INSERT = f"""
WITH items AS (
    INSERT INTO bulk_items
        (operation_id, number, environment_id, collection, item_id, content, error, is_settled)
    SELECT %(id)s, given.number, %(environment_id)s, given.collection, given.item_id,
           given.content, given.error, %(is_over)s
    FROM jsonb_to_recordset(%(items)s)
        AS given (number int, collection text, item_id text, content jsonb, error text)
)
INSERT INTO bulk_operations AS b
    (id, environment_id, name, settings, status, estimated_total_rows, processed_rows,
     success_count, error_count, started_at, completed_at, inserted_at, updated_at)
VALUES (%(id)s, %(environment_id)s, %(name)s,
        %(settings)s || jsonb_build_object('snapshot', pg_current_snapshot()::text),
        CASE WHEN %(is_over)s THEN '{BulkStatus.COMPLETED}' ELSE '{BulkStatus.QUEUED}' END,
        %(estimate)s, %(processed)s, %(processed)s - %(failed)s, %(failed)s,
        %(over_at)s, %(over_at)s, %(now)s, %(now)s)
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of fields

_ADD = """
INSERT INTO bulk_items
    (operation_id, number, environment_id, collection, item_id, content, error, is_settled)
SELECT %(id)s, given.number, %(environment_id)s, given.collection, given.item_id, given.content,
       given.error, false
FROM jsonb_to_recordset(%(items)s)
    AS given (number int, collection text, item_id text, content jsonb, error text)
"""

_GET = f"""
SELECT {_COLUMNS} FROM bulk_operations b WHERE b.environment_id = %s AND b.id = %s
"""  # noqa: S608 - names of fields

# A merge names whom it merges, and in its settings who stays. A file is not searched through. The
# ids are given as one document: psycopg takes longer to write an array.
_IN_THE_WAY = f"""
SELECT EXISTS (
    SELECT FROM bulk_operations b
    WHERE b.environment_id = %(environment_id)s AND b.status IN ({listed(OPEN_BULK)})
      AND (%(ids)s ? (b.settings ->> 'into')
        OR b.name = ANY(%(files)s)
        OR EXISTS (
            SELECT FROM bulk_items i JOIN jsonb_array_elements_text(%(ids)s) AS given (id)
                ON i.item_id = given.id
            WHERE i.operation_id = b.id AND NOT i.is_settled))
) AS is_in_the_way
"""  # noqa: S608 - a vocabulary of ours

_FAILURES = f"""
SELECT {columns_of(BulkFailure, "i", {"id": "i.item_id", "reason": "i.error"})}
FROM bulk_items i
WHERE i.environment_id = %s AND i.operation_id = %s AND i.is_settled
ORDER BY i.number LIMIT {MAX_LISTED_ERRORS}
"""  # noqa: S608 - names of fields

_TAKE = f"""
SELECT {columns_of(OpenBulk, "b", {"environment": "e.slug"})}
FROM bulk_operations b JOIN environments e ON e.id = b.environment_id
WHERE b.environment_id = %s AND b.id = %s AND b.status IN ({listed(OPEN_BULK)})
FOR UPDATE OF b
"""  # noqa: S608 - names of fields

_NEXT = f"""
SELECT {columns_of(BulkItem, "i")} FROM bulk_items i
WHERE i.environment_id = %s AND i.operation_id = %s AND NOT i.is_settled
ORDER BY i.number LIMIT %s
"""  # noqa: S608 - names of fields

_SETTLE = """
WITH done AS (
    DELETE FROM bulk_items i
    WHERE i.environment_id = %(environment_id)s AND i.operation_id = %(id)s
      AND i.number = ANY(%(done)s)
)
UPDATE bulk_items i SET is_settled = true, content = NULL, error = given.error
FROM unnest(%(failed)s::int[], %(errors)s::text[]) AS given (number, error)
WHERE i.environment_id = %(environment_id)s AND i.operation_id = %(id)s
  AND i.number = given.number
"""

# What was looked for has no item before it fails; nothing holds the operation but its stride.
_ADD_FAILURES = """
INSERT INTO bulk_items (operation_id, number, environment_id, item_id, error, is_settled)
SELECT %(id)s, given.place + coalesce((
        SELECT max(i.number) FROM bulk_items i
        WHERE i.environment_id = %(environment_id)s AND i.operation_id = %(id)s), 0),
    %(environment_id)s, given.id, %(error)s, true
FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS given (id, place)
"""

_COUNT = f"""
UPDATE bulk_operations
SET settings = settings - 'fault', processed_rows = processed_rows + %(processed)s,
    success_count = success_count + %(succeeded)s, error_count = error_count + %(failed)s,
    estimated_total_rows = greatest(estimated_total_rows, processed_rows + %(processed)s),
    position = coalesce(%(position)s, position), started_at = coalesce(started_at, %(now)s),
    status = CASE WHEN %(is_given_up)s THEN '{BulkStatus.FAILED}'
        WHEN %(is_over)s THEN '{BulkStatus.COMPLETED}' ELSE '{BulkStatus.PROCESSING}' END,
    completed_at = CASE WHEN %(is_over)s AND NOT %(is_given_up)s THEN %(now)s::timestamptz END,
    failed_at = CASE WHEN %(is_given_up)s THEN %(now)s::timestamptz END, updated_at = %(now)s
WHERE environment_id = %(environment_id)s AND id = %(id)s
"""  # noqa: S608 - a vocabulary of ours


_NOTE_FAULT = f"""
UPDATE bulk_operations SET settings = jsonb_set(settings, '{{fault}}', to_jsonb(%s::text))
WHERE environment_id = %s AND id = %s AND status IN ({listed(OPEN_BULK)})
"""  # noqa: S608 - a vocabulary of ours


async def insert_operation(
    connection: Connection,
    environment_id: UUID,
    *,
    operation_id: UUID,
    name: str,
    settings: JsonObject,
    items: Sequence[NewBulkItem],
    estimate: int,
    now: datetime,
    is_over: bool = False,
) -> BulkOperation:
    """Store a bulk operation with its items, and what existed when it was asked for.

    Args:
        connection: inside a transaction.
        environment_id: where.
        operation_id: its id.
        name: what it does.
        settings: what its items have in common.
        items: in the order of the request; none where rows are looked for.
        estimate: how many rows there are, as far as is known.
        now: when.
        is_over: whether this transaction has done it; those items failed that have an error, and
            nothing is left of the others.
    """
    left = [
        _plain(number, item)
        for number, item in enumerate(items, 1)
        if item.error is not None or not is_over
    ]
    values = {
        "id": operation_id,
        "environment_id": environment_id,
        "name": name,
        "settings": Jsonb(settings),
        "estimate": estimate,
        "processed": len(items) if is_over else 0,
        "failed": len(left) if is_over else 0,
        "over_at": now if is_over else None,
        "is_over": is_over,
        "now": now,
        "items": Jsonb(left, dumps=encoded),
    }
    return one(await fetch_one(connection, BulkOperation, _INSERT, values))


async def add_items(
    connection: Connection,
    environment_id: UUID,
    operation_id: UUID,
    items: Sequence[tuple[int, NewBulkItem]],
) -> None:
    """Store more items of an operation that this transaction has stored, each with its number."""
    rows = [_plain(number, item) for number, item in items]
    values = {
        "id": operation_id,
        "environment_id": environment_id,
        "items": Jsonb(rows, dumps=encoded),
    }
    await connection.execute(_ADD, values)


def _plain(number: int, item: NewBulkItem) -> JsonObject:
    return {
        "number": number,
        "collection": item.collection,
        "item_id": item.id,
        "content": item.content,
        "error": item.error,
    }


async def get_operation(
    connection: Connection, environment_id: UUID, operation_id: UUID
) -> BulkOperation | None:
    """Return a bulk operation, or None."""
    return await fetch_one(connection, BulkOperation, _GET, (environment_id, operation_id))


async def list_open(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[BulkOperation]:
    """Return a page of the bulk operations that are not over, newest first."""
    where = Where()
    where.add(f"b.environment_id = %s AND b.status IN ({listed(OPEN_BULK)})", environment_id)
    return await _OPEN.page(connection, where, request)


async def note_fault(
    connection: Connection, environment_id: UUID, operation_id: UUID, fault: str
) -> None:
    """Note which fault holds up an operation; it does not count as having moved."""
    await connection.execute(_NOTE_FAULT, (fault, environment_id, operation_id))


async def is_in_the_way(
    connection: Connection, environment_id: UUID, recipient_ids: Collection[str]
) -> bool:
    """Tell whether an operation that was accepted before has something to do with recipients."""
    values = {
        "environment_id": environment_id,
        "ids": Jsonb(list(recipient_ids), dumps=encoded),
        "files": sorted(OF_FILES),
    }
    cursor = await connection.execute(_IN_THE_WAY, values)
    row = await cursor.fetchone()
    return row is not None and bool(row["is_in_the_way"])


async def failures_of(
    connection: Connection, environment_id: UUID, operation_id: UUID
) -> list[BulkFailure]:
    """Return the first items of a bulk operation that failed, in the order of the request."""
    return await fetch_all(connection, BulkFailure, _FAILURES, (environment_id, operation_id))


async def take_operation(
    connection: Connection, environment_id: UUID, operation_id: UUID
) -> OpenBulk | None:
    """Lock a bulk operation for the rest of the transaction; None when it is over, or gone."""
    return await fetch_one(connection, OpenBulk, _TAKE, (environment_id, operation_id))


async def next_items(
    connection: Connection, environment_id: UUID, operation_id: UUID, *, limit: int
) -> list[BulkItem]:
    """Return the first items that were not dealt with."""
    return await fetch_all(connection, BulkItem, _NEXT, (environment_id, operation_id, limit))


async def settle_items(
    connection: Connection,
    environment_id: UUID,
    operation_id: UUID,
    *,
    done: Collection[int],
    errors: Mapping[int, str],
) -> None:
    """Drop the items that succeeded, and keep of those that failed the reason only."""
    await connection.execute(
        _SETTLE,
        {
            "environment_id": environment_id,
            "id": operation_id,
            "done": list(done),
            "failed": list(errors),
            "errors": list(errors.values()),
        },
    )


async def add_failures(
    connection: Connection,
    environment_id: UUID,
    operation_id: UUID,
    ids: Sequence[str],
    error: str,
) -> None:
    """Note what has failed of rows that were looked for, by their ids, and why."""
    values = {
        "environment_id": environment_id,
        "id": operation_id,
        "ids": list(ids),
        "error": error,
    }
    await connection.execute(_ADD_FAILURES, values)


async def forget_items(connection: Connection, environment_id: UUID, operation_id: UUID) -> None:
    """Drop the items that were not dealt with, which may be half a million."""
    await take_long(connection)
    await connection.execute(
        "DELETE FROM bulk_items WHERE environment_id = %s AND operation_id = %s AND NOT is_settled",
        (environment_id, operation_id),
    )


async def count_stride(
    connection: Connection, environment_id: UUID, operation_id: UUID, stride: Stride, now: datetime
) -> None:
    """Count what was done in this transaction; the last one completes the operation."""
    await connection.execute(
        _COUNT,
        {
            "environment_id": environment_id,
            "id": operation_id,
            "processed": stride.processed,
            "succeeded": stride.processed - stride.failed,
            "failed": stride.failed,
            "is_over": stride.is_over,
            "is_given_up": stride.is_given_up,
            "position": None if stride.position is None else Jsonb(stride.position),
            "now": now,
        },
    )
