"""SQL over the properties of recipients: those that the data has, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.pages import Page, PageRequest
from domain.recipients.item_schemas import (
    MAX_PROPERTIES,
    Collection,
    ItemType,
    SchemaFilters,
    SchemaProperty,
    SeenProperty,
)
from domain.recipients.refs import TENANTS, USERS
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

# The newest members of each collection are looked at, up to this many.
_SAMPLE = 100
# Jumps from collection to collection along the primary key, and past everybody in between.
_COLLECTIONS = f"""(
    WITH RECURSIVE kept AS (
        (SELECT collection FROM recipients WHERE environment_id = %s
         ORDER BY collection LIMIT 1)
        UNION ALL
        SELECT (SELECT r.collection FROM recipients r
                WHERE r.environment_id = %s AND r.collection > kept.collection
                ORDER BY r.collection LIMIT 1)
        FROM kept WHERE kept.collection IS NOT NULL
    )
    SELECT collection FROM kept WHERE collection IS NOT NULL
    UNION SELECT collection FROM schema_properties WHERE environment_id = %s
    UNION SELECT '{USERS}' COLLATE "C" UNION SELECT '{TENANTS}' COLLATE "C"
) s"""  # noqa: S608 - constants
_LISTING = Listing(Collection, _COLLECTIONS, "s", ("collection",), descending=False)
_SEEN = f"""
SELECT collection, key, type FROM (
    SELECT given.collection, found.key,
        mode() WITHIN GROUP (ORDER BY jsonb_typeof(found.value)) AS type,
        row_number() OVER (
            PARTITION BY given.collection ORDER BY count(*) DESC, found.key) AS place
    FROM unnest(%(collections)s::text[]) AS given (collection)
    CROSS JOIN LATERAL (
        SELECT properties FROM recipients r
        WHERE r.environment_id = %(environment_id)s AND r.collection = given.collection
        ORDER BY r.inserted_at DESC, r.id DESC LIMIT {_SAMPLE}
    ) one
    CROSS JOIN LATERAL jsonb_each(one.properties) AS member (key, value)
    CROSS JOIN LATERAL (
        SELECT member.key, member.value
        UNION ALL
        SELECT member.key || '.' || inner_member.key, inner_member.value
        FROM jsonb_each(
            CASE jsonb_typeof(member.value) WHEN 'object' THEN member.value ELSE '{{}}' END)
            AS inner_member (key, value)
    ) found
    WHERE jsonb_typeof(found.value) <> 'null' AND length(found.key) <= 255
    GROUP BY given.collection, found.key
) AS ranked
WHERE place <= {MAX_PROPERTIES} ORDER BY collection, place
"""  # noqa: S608 - constants
_COLUMNS = columns_of(SchemaProperty, "p")


async def list_collections(
    connection: Connection, environment_id: UUID, filters: SchemaFilters, request: PageRequest
) -> Page[Collection]:
    """Return a page of the collections of an environment that have schemas, by name."""
    where = Where()
    where.add("true")
    match filters.item_type:
        case ItemType.USER:
            where.add("s.collection = %s", USERS)
        case ItemType.TENANT:
            where.add("s.collection = %s", TENANTS)
        case ItemType.OBJECT:
            where.add("s.collection NOT IN (%s, %s)", USERS, TENANTS)
    given = [environment_id] * 3
    return await _LISTING.page(connection, where, request, given=given)


async def has_schema(connection: Connection, environment_id: UUID, collection: str) -> bool:
    """Tell whether anything is in a collection, or was said of it."""
    cursor = await connection.execute(
        """
        SELECT FROM recipients WHERE environment_id = %(environment_id)s
            AND collection = %(collection)s
        UNION ALL
        SELECT FROM schema_properties WHERE environment_id = %(environment_id)s
            AND collection = %(collection)s
        LIMIT 1
        """,
        {"environment_id": environment_id, "collection": collection},
    )
    return await cursor.fetchone() is not None


async def seen_properties(
    connection: Connection, environment_id: UUID, collections: Sequence[str]
) -> list[SeenProperty]:
    """Return which properties the newest recipients of collections have, the commonest first."""
    values = {"environment_id": environment_id, "collections": list(collections)}
    return await fetch_all(connection, SeenProperty, _SEEN, values)


async def described_properties(
    connection: Connection, environment_id: UUID, collections: Sequence[str]
) -> list[SchemaProperty]:
    """Return what was said of the properties of collections."""
    return await fetch_all(
        connection,
        SchemaProperty,
        f"SELECT {_COLUMNS} FROM schema_properties p"  # noqa: S608 - constants
        " WHERE environment_id = %s AND collection = ANY(%s) ORDER BY collection, key",
        [environment_id, list(collections)],
    )


async def write_properties(
    connection: Connection,
    environment_id: UUID,
    properties: Sequence[SchemaProperty],
    *,
    now: datetime,
) -> None:
    """Write what is said of properties, new or over the old."""
    await connection.execute(
        """
        INSERT INTO schema_properties (environment_id, collection, key, label, description,
            type, item_type, preview_text, visible, inserted_at, updated_at)
        SELECT %(environment_id)s, given.collection, given.key, given.label, given.description,
            given.type, given.item_type, given.preview_text, given.visible, %(now)s, %(now)s
        FROM jsonb_populate_recordset(NULL::schema_properties, %(properties)s) AS given
        ON CONFLICT (environment_id, collection, key) DO UPDATE
        SET label = excluded.label, description = excluded.description,
            type = excluded.type, item_type = excluded.item_type,
            preview_text = excluded.preview_text, visible = excluded.visible,
            updated_at = excluded.updated_at
        """,
        {
            "environment_id": environment_id,
            "properties": Jsonb([asdict(one) for one in properties]),
            "now": now,
        },
    )


async def delete_property(
    connection: Connection, environment_id: UUID, collection: str, key: str
) -> bool:
    """Delete what was said of a property; tells whether anything was."""
    cursor = await connection.execute(
        "DELETE FROM schema_properties WHERE environment_id = %s AND collection = %s AND key = %s",
        (environment_id, collection, key),
    )
    return cursor.rowcount == 1
