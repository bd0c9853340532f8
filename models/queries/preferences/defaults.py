"""The default preferences of environments. The catalog keeps them by configuration version."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from runtime.database import Connection, one

_PUT = """
INSERT INTO default_preference_sets AS stored (environment_id, content, updated_at)
VALUES (%(environment_id)s, %(content)s, %(now)s)
ON CONFLICT (environment_id) DO UPDATE
SET content = CASE WHEN %(merges)s THEN jsonb_deep_merge(stored.content, excluded.content)
                   ELSE excluded.content END,
    updated_at = excluded.updated_at
RETURNING content
"""


async def get_default_set(connection: Connection, environment_id: UUID) -> JsonObject | None:
    """Return the default set of an environment, or None when it has none."""
    cursor = await connection.execute(
        "SELECT content FROM default_preference_sets WHERE environment_id = %s", (environment_id,)
    )
    row = await cursor.fetchone()
    found: JsonObject | None = row["content"] if row else None
    return found


async def put_default_set(
    connection: Connection,
    environment_id: UUID,
    content: JsonObject,
    *,
    merges: bool,
    now: datetime,
) -> JsonObject:
    """Store the default set of an environment, or merge it into what is there; return all of it."""
    values = {
        "environment_id": environment_id,
        "content": Jsonb(content),
        "merges": merges,
        "now": now,
    }
    cursor = await connection.execute(_PUT, values)
    stored: JsonObject = one(await cursor.fetchone())["content"]
    return stored


async def delete_default_set(connection: Connection, environment_id: UUID) -> None:
    """Forget the default set of an environment, if there is one."""
    await connection.execute(
        "DELETE FROM default_preference_sets WHERE environment_id = %s", (environment_id,)
    )
