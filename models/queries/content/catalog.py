"""Statements that load an environment's configuration for the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.channels.rows import StoredChannel
from domain.content.rows import IdentifiedContent, Published, VersionContent
from models.sql import columns_of, fetch_all, fetch_one
from runtime.database import Connection

_OF_ENVIRONMENT = (
    "is_sandbox", "channel_settings", "sealed_channel_settings", "provider_settings", "conditions",
)  # fmt: skip
_COLUMNS = columns_of(StoredChannel, "c", {name: f"s.{name}" for name in _OF_ENVIRONMENT})
_CHANNELS = f"""
SELECT {_COLUMNS} FROM channels c JOIN channel_environments s ON s.channel_id = c.id
WHERE s.environment_id = %s AND c.archived_at IS NULL
"""  # noqa: S608 - names of fields

_PUBLISHED = """
SELECT resource_type, key, published_version_id AS version_id,
       active AND archived_at IS NULL AS is_active, active_from, active_until, inserted_at,
       updated_at, archived_at IS NOT NULL AS is_archived
FROM content_resources
WHERE (environment_id, resource_type) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))
"""


_BY_AUDIENCE = """
SELECT v.content #>> '{audience_trigger,audience_key}' AS audience_key,
       array_agg(r.key ORDER BY r.key) AS workflow_keys
FROM content_resources r JOIN content_versions v ON v.id = r.published_version_id
WHERE r.environment_id = %s AND r.resource_type = 'workflow' AND r.active
  AND r.archived_at IS NULL AND v.content #>> '{audience_trigger,audience_key}' IS NOT NULL
GROUP BY 1
"""


async def config_version(connection: Connection, environment_id: UUID) -> int:
    """Return the number that changes with every change of the configuration."""
    cursor = await connection.execute(
        "SELECT config_version FROM environments WHERE id = %s", (environment_id,)
    )
    row = await cursor.fetchone()
    return -1 if row is None else int(row["config_version"])


async def configured_channels(connection: Connection, environment_id: UUID) -> list[StoredChannel]:
    """Return the channels that are configured in an environment."""
    return await fetch_all(connection, StoredChannel, _CHANNELS, (environment_id,))


async def published_content(
    connection: Connection, homes: Iterable[tuple[UUID, str]]
) -> list[Published]:
    """Return which version of every piece of content is published, of types where they are."""
    values = [list(each) for each in zip(*homes, strict=True)]
    return await fetch_all(connection, Published, _PUBLISHED, values)


async def workflows_by_audience(
    connection: Connection, environment_id: UUID
) -> dict[str, list[str]]:
    """Return by audience the keys of the active workflows whose published version it triggers."""
    cursor = await connection.execute(_BY_AUDIENCE, (environment_id,))
    return {row["audience_key"]: row["workflow_keys"] for row in await cursor.fetchall()}


async def version_contents(
    connection: Connection, version_ids: Sequence[UUID]
) -> list[IdentifiedContent]:
    """Return key and content of several versions."""
    statement = "SELECT id, key, content FROM content_versions WHERE id = ANY(%s)"
    return await fetch_all(connection, IdentifiedContent, statement, (list(version_ids),))


async def version_content(connection: Connection, version_id: UUID) -> VersionContent | None:
    """Return the key and content of a version; it never changes."""
    statement = "SELECT key, content FROM content_versions WHERE id = %s"
    return await fetch_one(connection, VersionContent, statement, (version_id,))
