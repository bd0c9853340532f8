"""SQL over content that every environment has from the start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from domain.kit.authored import ResourceType
from runtime.database import Connection

# Archived or a mere draft, what has the key is somebody's own.
_LACKING = """
SELECT e.id, given.key FROM environments e CROSS JOIN unnest(%(keys)s::text[]) AS given (key)
WHERE e.removed_at IS NULL AND NOT EXISTS (
    SELECT FROM content_resources r WHERE r.environment_id = e.id
      AND r.resource_type = %(type)s AND r.key = given.key)
ORDER BY e.position, given.key
"""

# A branch has it from its main branch. Where it has something of its own under the key, it has
# taken notice of what the main branch has now, so that it can be merged as before.
_HAND_ON = """
INSERT INTO content_resources AS r (environment_id, resource_type, key, draft, draft_sha,
    published_version_id, published_sha, base_version_id, active, inserted_at, updated_at)
SELECT b.id, m.resource_type, m.key, NULL, m.published_sha, m.published_version_id,
    m.published_sha, m.published_version_id, m.active, m.inserted_at, m.updated_at
FROM unnest(%(keys)s::text[], %(shas)s::text[]) AS given (key, sha)
JOIN content_resources m ON m.resource_type = %(type)s AND m.key = given.key
    AND m.published_sha = given.sha AND m.archived_at IS NULL
JOIN branches b ON b.environment_id = m.environment_id
    AND b.slug IS NOT NULL AND b.deleted_at IS NULL
ON CONFLICT (environment_id, resource_type, key) DO UPDATE
SET base_version_id = excluded.base_version_id WHERE r.base_version_id IS NULL
"""


async def list_lacking(
    connection: Connection, resource_type: ResourceType, keys: Collection[str]
) -> list[tuple[UUID, str]]:
    """Return which environments have nothing under which keys, in their order."""
    values = {"type": resource_type, "keys": list(keys)}
    cursor = await connection.execute(_LACKING, values)
    return [(row["id"], row["key"]) for row in await cursor.fetchall()]


async def hand_on_to_branches(
    connection: Connection, resource_type: ResourceType, shas: Mapping[str, str]
) -> None:
    """Let branches have what their environments have, of content that is as it was at the start.

    Args:
        connection: inside a transaction that holds the lock of `lock_publication`.
        resource_type: of the content.
        shas: of that content by key.
    """
    values = {"type": resource_type, "keys": list(shas), "shas": list(shas.values())}
    await connection.execute(_HAND_ON, values)
