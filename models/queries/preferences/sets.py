"""The preference sets of recipients. Each write is one statement, which locks what it changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.preferences.rows import MAX_SET_BYTES, TOO_LARGE, NewSet, Persistence, StoredSet
from domain.recipients.refs import TENANTS, RecipientRef
from models.sql import exceeds, fetch_all, fetch_one
from runtime.database import Connection, one

_SETS = """
SELECT given.collection, given.recipient_id, of_one.sets
FROM unnest(%s::text[], %s::text[]) AS given (collection, recipient_id)
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(p.id, p.content) AS sets FROM preference_sets p
    WHERE p.environment_id = %s AND p.collection = given.collection
      AND p.recipient_id = given.recipient_id
) AS of_one
WHERE of_one.sets IS NOT NULL
"""

_ENVIRONMENT = """
(SELECT content FROM default_preference_sets WHERE environment_id = %(environment_id)s)
"""
_ONE = f"""
SELECT %(id)s AS id,
    (SELECT content FROM preference_sets
     WHERE environment_id = %(environment_id)s AND collection = %(collection)s
       AND recipient_id = %(recipient_id)s AND id = %(id)s) AS content,
    (SELECT settings -> 'preference_set' FROM recipients
     WHERE environment_id = %(environment_id)s AND collection = '{TENANTS}'
       AND id = %(tenant_id)s) AS tenant,
    {_ENVIRONMENT} AS environment
"""  # noqa: S608 - constants
_ALL = f"""
SELECT p.id, p.content, t.settings -> 'preference_set' AS tenant, {_ENVIRONMENT} AS environment
FROM preference_sets p
LEFT JOIN recipients t ON t.environment_id = p.environment_id AND t.collection = '{TENANTS}'
    AND t.id = p.id
WHERE p.environment_id = %(environment_id)s AND p.collection = %(collection)s
  AND p.recipient_id = %(recipient_id)s
ORDER BY p.id
"""  # noqa: S608 - constants

_CHANGED = {
    Persistence.REPLACE: "excluded.content",
    Persistence.MERGE: "jsonb_deep_merge(stored.content, excluded.content)",
    Persistence.SECTION: "stored.content || excluded.content",
    Persistence.ENTRY: """stored.content || (
        SELECT jsonb_object_agg(
            name,
            CASE jsonb_typeof(stored.content -> name)
                WHEN 'object' THEN stored.content -> name ELSE '{}' END || entries)
        FROM jsonb_each(excluded.content) AS given (name, entries))""",
}
# In the order of keys, so that two requests never deadlock.
_WRITE = f"""
INSERT INTO preference_sets AS stored
    (environment_id, collection, recipient_id, id, content, updated_at)
SELECT %(environment_id)s, given.collection, given.recipient_id, given.id, given.content, %(now)s
FROM unnest(%(collections)s::text[], %(recipient_ids)s::text[], %(ids)s::text[],
            %(contents)s::jsonb[]) AS given (collection, recipient_id, id, content)
ORDER BY given.collection COLLATE "C", given.recipient_id COLLATE "C", given.id COLLATE "C"
ON CONFLICT (environment_id, collection, recipient_id, id)
DO UPDATE SET content = {{changed}}, updated_at = excluded.updated_at
WHERE stored.content IS DISTINCT FROM {{changed}}
RETURNING collection, recipient_id, {exceeds("content", MAX_SET_BYTES)} AS is_too_large
"""  # noqa: S608 - constants

_DELETE = """
DELETE FROM preference_sets
WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND id = %s
"""


@dataclass(frozen=True, slots=True)
class _Sets:
    collection: str
    recipient_id: str
    sets: JsonObject


async def preference_sets_of(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> dict[RecipientRef, JsonObject]:
    """Return the preference sets of those of the recipients that have any, by set id."""
    values = ([ref.collection for ref in refs], [ref.id for ref in refs], environment_id)
    rows = await fetch_all(connection, _Sets, _SETS, values)
    return {RecipientRef(row.collection, row.recipient_id): row.sets for row in rows}


async def get_preference_set(
    connection: Connection,
    environment_id: UUID,
    ref: RecipientRef,
    set_id: str,
    tenant_id: str | None,
) -> StoredSet:
    """Return a set of a recipient, stored or not, with the defaults below it.

    Args:
        connection: where to read.
        environment_id: where.
        ref: whose set.
        set_id: which.
        tenant_id: whose default lies below it, if any tenant's.
    """
    values = {**_of(environment_id, ref), "id": set_id, "tenant_id": tenant_id}
    return one(await fetch_one(connection, StoredSet, _ONE, values))


async def list_preference_sets(
    connection: Connection, environment_id: UUID, ref: RecipientRef
) -> list[StoredSet]:
    """Return the sets that a recipient has, by id, each with the defaults below it."""
    return await fetch_all(connection, StoredSet, _ALL, _of(environment_id, ref))


async def write_preference_sets(
    connection: Connection,
    environment_id: UUID,
    sets: Sequence[NewSet],
    *,
    how: Persistence,
    now: datetime,
) -> set[RecipientRef]:
    """Store sets of recipients, each of them named once.

    Returns:
        Whose sets are new, or others than before.

    Raises:
        InvalidParams: one of them, with what was stored of it, passes 256 kB.
    """
    if not sets:
        return set()
    cursor = await connection.execute(
        _WRITE.format(changed=_CHANGED[how]),
        {
            "environment_id": environment_id,
            "collections": [one.collection for one in sets],
            "recipient_ids": [one.recipient_id for one in sets],
            "ids": [one.id for one in sets],
            "contents": [Jsonb(one.content) for one in sets],
            "now": now,
        },
    )
    written = await cursor.fetchall()
    if any(row["is_too_large"] for row in written):
        raise InvalidParams.of("preferences", TOO_LARGE)
    return {RecipientRef(row["collection"], row["recipient_id"]) for row in written}


async def delete_preference_set(
    connection: Connection, environment_id: UUID, ref: RecipientRef, set_id: str
) -> bool:
    """Forget a set of a recipient; tells whether it was there."""
    values = (environment_id, ref.collection, ref.id, set_id)
    return (await connection.execute(_DELETE, values)).rowcount > 0


def _of(environment_id: UUID, ref: RecipientRef) -> dict[str, object]:
    return {
        "environment_id": environment_id,
        "collection": ref.collection,
        "recipient_id": ref.id,
    }
