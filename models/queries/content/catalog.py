"""Statements that load an environment's configuration for the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain.content.rows import Published
from models.sql import fetch_all
from runtime.database import Connection

_CHANNELS = """
SELECT c.id, c.key, c.name, c.channel_type, c.provider, s.is_sandbox, s.channel_settings,
       s.sealed_channel_settings, s.conditions
FROM channels c JOIN channel_environments s ON s.channel_id = c.id
WHERE s.environment_id = %s AND c.archived_at IS NULL
"""

_PUBLISHED = """
SELECT resource_type, key, published_version_id AS version_id,
       active AND archived_at IS NULL AS is_active
FROM content_resources
WHERE environment_id = %s AND resource_type = ANY(%s)
"""


async def config_version(connection: Connection, environment_id: UUID) -> int:
    """Return the number that changes with every change of the configuration."""
    cursor = await connection.execute(
        "SELECT config_version FROM environments WHERE id = %s", (environment_id,)
    )
    row = await cursor.fetchone()
    return -1 if row is None else int(row["config_version"])


async def configured_channels(connection: Connection, environment_id: UUID) -> list[dict[str, Any]]:
    """Return the channels that are configured in an environment, without their credentials."""
    cursor = await connection.execute(_CHANNELS, (environment_id,))
    return await cursor.fetchall()


async def published_content(
    connection: Connection, environment_id: UUID, resource_types: Iterable[str]
) -> list[Published]:
    """Return which version of every piece of content of these types is published."""
    return await fetch_all(
        connection, Published, _PUBLISHED, (environment_id, list(resource_types))
    )


async def version_content(connection: Connection, version_id: UUID) -> dict[str, Any] | None:
    """Return the key and content of a version; it never changes."""
    cursor = await connection.execute(
        "SELECT key, content FROM content_versions WHERE id = %s", (version_id,)
    )
    return await cursor.fetchone()
