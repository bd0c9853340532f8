"""Statements over what transactions owe to Temporal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.jobs.rows import OwedEffect
from domain.kit.json_types import JsonObject
from models.sql import columns_of, fetch_all
from runtime.database import Connection

# Due times are the database's: the clocks of the processes that write and sweep may differ.
_OWE = """
INSERT INTO owed_effects (id, environment_id, kind, payload, inserted_at, attempts, due_at)
SELECT owed.id, owed.environment_id, %s, owed.payload, %s, 0, now() + %s
FROM unnest(%s::uuid[], %s::uuid[], %s::jsonb[]) AS owed (id, environment_id, payload)
"""

_FIND = f"""
SELECT {columns_of(OwedEffect, "o", {"environment": "e.slug"})}
FROM owed_effects o JOIN environments e ON e.id = o.environment_id
WHERE o.id = ANY(%s) ORDER BY o.id
"""  # noqa: S608 - names of fields

# Whoever takes one pushes it back first, so that two sweeps do not work on the same rows and one
# that fails every time lets the others pass.
_TAKE_DUE = """
WITH due AS (
    SELECT id FROM owed_effects WHERE due_at < now()
    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE owed_effects o
    SET attempts = o.attempts + 1,
        due_at = now() + least(%s::interval * power(2, least(o.attempts, 20)), %s::interval)
    FROM due WHERE o.id = due.id
    RETURNING o.id, o.environment_id, o.kind, o.payload, o.attempts
)
SELECT taken.*, e.slug AS environment
FROM taken JOIN environments e ON e.id = taken.environment_id ORDER BY taken.id
"""


async def owe(
    connection: Connection,
    owed: Sequence[tuple[UUID, UUID, JsonObject]],
    *,
    kind: str,
    now: datetime,
    patience: timedelta,
) -> None:
    """Record effects of one kind; those still there after `patience` count as left over.

    Args:
        connection: inside the transaction that owes them.
        owed: the id of each, its environment and its payload.
        kind: of all.
        now: when.
        patience: how long whoever committed is at them.
    """
    ids, environment_ids, payloads = zip(*owed, strict=True)
    values = (kind, now, patience, list(ids), list(environment_ids), [*map(Jsonb, payloads)])
    await connection.execute(_OWE, values)


async def effects_by_id(connection: Connection, ids: Sequence[UUID]) -> list[OwedEffect]:
    """Return those of the effects that are still owed."""
    return await fetch_all(connection, OwedEffect, _FIND, (list(ids),))


async def take_due(
    connection: Connection, *, limit: int, first_wait: timedelta, longest_wait: timedelta
) -> list[OwedEffect]:
    """Return effects that are due, and put each off in case it fails again."""
    values = (limit, first_wait, longest_wait)
    return await fetch_all(connection, OwedEffect, _TAKE_DUE, values)


async def forget(connection: Connection, ids: Sequence[UUID]) -> None:
    """Note that effects have happened."""
    await connection.execute("DELETE FROM owed_effects WHERE id = ANY(%s)", [list(ids)])
