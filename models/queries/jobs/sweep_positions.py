"""Statements over how far the duties of the sweep have come."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from runtime.database import Connection


async def position(connection: Connection, duty: str) -> JsonObject:
    """Return what a duty noted last; empty when it never did."""
    cursor = await connection.execute(
        "SELECT position FROM sweep_positions WHERE duty = %s", (duty,)
    )
    row = await cursor.fetchone()
    return {} if row is None else row["position"]


async def note_position(connection: Connection, duty: str, position: JsonObject) -> None:
    """Note how far a duty has come."""
    await connection.execute(
        "INSERT INTO sweep_positions (duty, position, updated_at) VALUES (%s, %s, now())"
        " ON CONFLICT (duty) DO UPDATE SET position = excluded.position, updated_at = now()",
        (duty, Jsonb(position)),
    )


async def forget_position(connection: Connection, duty: str) -> None:
    """Forget how far a duty has come that is over for good."""
    await connection.execute("DELETE FROM sweep_positions WHERE duty = %s", (duty,))
