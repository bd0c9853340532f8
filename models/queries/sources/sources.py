"""Statements over sources and how they work in each environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.sources.rows import Source, SourceEnvironment
from models.sql import columns_of, fetch_all, fetch_one, names_of
from runtime.database import Connection

_SOURCE = names_of(Source)
_UPSERT = f"""
INSERT INTO sources AS stored ({", ".join(_SOURCE)})
VALUES ({", ".join(f"%({name})s" for name in _SOURCE)})
ON CONFLICT (key) DO UPDATE
SET name = excluded.name, description = excluded.description,
    custom_image_url = excluded.custom_image_url, updated_at = excluded.updated_at
RETURNING {", ".join(_SOURCE)}
"""  # noqa: S608 - names of fields

_SELECT = f"SELECT {columns_of(Source, 's')} FROM sources s"  # noqa: S608 - names of fields

_ENVIRONMENT = columns_of(
    SourceEnvironment, "s", {"environment": "e.slug", "source_key": "source.key"}
)
_ENVIRONMENTS = f"""
SELECT {_ENVIRONMENT}
FROM source_environments s
JOIN environments e ON e.id = s.environment_id
JOIN sources source ON source.id = s.source_id
"""  # noqa: S608 - names of fields

# Made when a source is first looked for there: every environment has its own address.
_ADD_ENVIRONMENTS = """
INSERT INTO source_environments (source_id, environment_id, endpoint_id, settings, mappings,
                                 inserted_at, updated_at)
SELECT %(source_id)s, environment_id, endpoint_id, '{}', '[]', %(now)s, %(now)s
FROM unnest(%(environment_ids)s::uuid[], %(endpoint_ids)s::text[])
    AS given (environment_id, endpoint_id)
ORDER BY environment_id
ON CONFLICT (source_id, environment_id) DO NOTHING
"""

_COPY_ENVIRONMENT = """
INSERT INTO source_environments (source_id, environment_id, endpoint_id, settings, mappings,
                                 inserted_at, updated_at)
SELECT given.source_id, %(target)s, given.endpoint_id, coalesce(s.settings, '{}'),
       coalesce(s.mappings, '[]'), %(now)s, %(now)s
FROM unnest(%(source_ids)s::uuid[], %(endpoint_ids)s::text[]) AS given (source_id, endpoint_id)
LEFT JOIN source_environments s
    ON s.source_id = given.source_id AND s.environment_id = %(environment)s
"""

_SET = """
UPDATE source_environments
SET settings = settings || %(settings)s, mappings = coalesce(%(mappings)s, mappings),
    updated_at = %(now)s
WHERE source_id = %(source_id)s AND environment_id = %(environment_id)s
"""

_SET_VERIFICATION = """
UPDATE source_environments SET verification = %s, sealed_secret = %s, updated_at = %s
WHERE source_id = %s AND environment_id = %s
"""

_SET_ENDPOINT = """
UPDATE source_environments SET endpoint_id = %s, updated_at = %s
WHERE source_id = %s AND environment_id = %s
"""


async def upsert_source(connection: Connection, source: Source) -> Source:
    """Store a source, or change what is said about the one of its key; return it as it is then."""
    stored = await fetch_one(connection, Source, _UPSERT, asdict(source))
    if stored is None:
        raise LookupError("an upsert returns its row")
    return stored


async def find_source(connection: Connection, key: str) -> Source | None:
    """Return the source of a key, or None."""
    return await fetch_one(connection, Source, f"{_SELECT} WHERE s.key = %s", (key,))


async def existing_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return which of these keys sources have."""
    cursor = await connection.execute("SELECT key FROM sources WHERE key = ANY(%s)", [list(keys)])
    return {row["key"] for row in await cursor.fetchall()}


async def list_sources(connection: Connection) -> list[Source]:
    """Return all sources by key."""
    return await fetch_all(connection, Source, f"{_SELECT} ORDER BY s.key")


async def environments_of(
    connection: Connection, source_ids: Sequence[UUID]
) -> list[SourceEnvironment]:
    """Return how sources work in each environment, in the order of environments."""
    statement = f"{_ENVIRONMENTS} WHERE s.source_id = ANY(%s) ORDER BY e.position, e.slug"
    return await fetch_all(connection, SourceEnvironment, statement, (list(source_ids),))


async def find_environment(
    connection: Connection, environment_id: UUID, source_key: str
) -> SourceEnvironment | None:
    """Return how a source works in one environment, or None."""
    statement = f"{_ENVIRONMENTS} WHERE source.key = %s AND s.environment_id = %s"
    values = (source_key, environment_id)
    return await fetch_one(connection, SourceEnvironment, statement, values)


async def find_endpoint(connection: Connection, endpoint_id: str) -> SourceEnvironment | None:
    """Return the source and environment of an address, or None."""
    statement = f"{_ENVIRONMENTS} WHERE s.endpoint_id = %s"
    return await fetch_one(connection, SourceEnvironment, statement, (endpoint_id,))


async def add_environments(
    connection: Connection, source_id: UUID, endpoints: Mapping[UUID, str], now: datetime
) -> None:
    """Give a source an address in each environment where it has none."""
    values = {
        "source_id": source_id,
        "environment_ids": list(endpoints),
        "endpoint_ids": list(endpoints.values()),
        "now": now,
    }
    await connection.execute(_ADD_ENVIRONMENTS, values)


async def copy_environment(
    connection: Connection,
    environment_id: UUID,
    target_id: UUID,
    endpoints: Mapping[UUID, str],
    now: datetime,
) -> None:
    """Let sources work in a new environment as they do in another one, but for secrets.

    Args:
        connection: inside a transaction.
        environment_id: the other one.
        target_id: the new one.
        endpoints: the address that each source is given there.
        now: when.
    """
    values = {
        "environment": environment_id,
        "target": target_id,
        "source_ids": list(endpoints),
        "endpoint_ids": list(endpoints.values()),
        "now": now,
    }
    await connection.execute(_COPY_ENVIRONMENT, values)


async def forget_environment(connection: Connection, environment_id: UUID) -> None:
    """Let sources have no address in an environment any more."""
    await connection.execute(
        "DELETE FROM source_environments WHERE environment_id = %s", (environment_id,)
    )


async def set_environment(
    connection: Connection,
    environment_id: UUID,
    source_id: UUID,
    *,
    settings: JsonObject,
    mappings: list[JsonObject] | None,
    now: datetime,
) -> None:
    """Lay settings over those of before, and replace the mappings if some are given."""
    values = {
        "source_id": source_id,
        "environment_id": environment_id,
        "settings": Jsonb(settings),
        "mappings": None if mappings is None else Jsonb(mappings),
        "now": now,
    }
    await connection.execute(_SET, values)


async def set_environments(
    connection: Connection,
    source_id: UUID,
    *,
    settings: JsonObject,
    mappings: list[JsonObject],
    now: datetime,
) -> None:
    """Say how a source works in all environments, in the place of what was said."""
    await connection.execute(
        "UPDATE source_environments SET settings = %s, mappings = %s, updated_at = %s"
        " WHERE source_id = %s",
        (Jsonb(settings), Jsonb(mappings), now, source_id),
    )


async def set_verification(
    connection: Connection,
    environment_id: UUID,
    source_id: UUID,
    *,
    verification: JsonObject,
    sealed_secret: bytes,
    now: datetime,
) -> None:
    """Store how a source signs what it sends."""
    values = (Jsonb(verification), sealed_secret, now, source_id, environment_id)
    await connection.execute(_SET_VERIFICATION, values)


async def set_endpoint(
    connection: Connection,
    environment_id: UUID,
    source_id: UUID,
    *,
    endpoint_id: str,
    now: datetime,
) -> None:
    """Give a source another address; the one of before leads nowhere."""
    values = (endpoint_id, now, source_id, environment_id)
    await connection.execute(_SET_ENDPOINT, values)
