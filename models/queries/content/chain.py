"""Statements that keep promotion right when an environment joins or leaves the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.kit.ids import new_id
from models.sql import fetch_all
from runtime.database import Connection


@dataclass(frozen=True, slots=True)
class _Place:
    resource_type: str
    key: str


# Archived content too: what was committed with it stays in use.
_PUBLISHED = """
SELECT resource_type, key FROM content_resources
WHERE environment_id = %s AND published_version_id IS NOT NULL ORDER BY resource_type, key
"""
_SOURCE = """
FROM unnest(%(types)s::text[], %(keys)s::text[], %(versions)s::uuid[], %(commits)s::uuid[])
    AS given (resource_type, key, version_id, commit_id)
JOIN content_resources r ON r.environment_id = %(source)s
    AND (r.resource_type, r.key) = (given.resource_type, given.key)
JOIN content_versions v ON v.id = r.published_version_id
"""
_COPY_VERSIONS = f"""
INSERT INTO content_versions (id, environment_id, resource_type, key, content, sha, inserted_at)
SELECT given.version_id, %(target)s, r.resource_type, r.key, v.content, v.sha, %(now)s {_SOURCE}
"""
_COPY_RESOURCES = f"""
INSERT INTO content_resources (environment_id, resource_type, key, draft, draft_sha,
    published_version_id, published_sha, active, inserted_at, updated_at, archived_at)
SELECT %(target)s, r.resource_type, r.key, v.content, v.sha, given.version_id, v.sha,
    r.resource_type = ANY(%(start_active)s), %(now)s, %(now)s, r.archived_at {_SOURCE}
"""
# What comes after has some of it already: that is not to be promoted once more.
_COPY_COMMITS = f"""
INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id, commit_message,
    author_name, author_email, is_empty, source_commit_id, inserted_at, promoted_at)
SELECT given.commit_id, %(target)s, r.resource_type, r.key, given.version_id, c.commit_message,
    c.author_name, c.author_email, c.is_empty, c.id, %(now)s,
    CASE WHEN a.published_sha = v.sha THEN %(now)s::timestamptz END {_SOURCE}
JOIN commits c ON c.environment_id = r.environment_id AND c.version_id = v.id
    AND (c.resource_type, c.resource_key) = (r.resource_type, r.key)
LEFT JOIN content_resources a ON a.environment_id = %(after)s
    AND (a.resource_type, a.key) = (r.resource_type, r.key)
"""
_MARK_PROMOTED = """
UPDATE commits SET promoted_at = %(now)s WHERE environment_id = %(source)s AND promoted_at IS NULL
"""

# What had come as far as the environment that is gone, and no further.
_OPEN_AGAIN = """
UPDATE commits c SET promoted_at = NULL
FROM content_resources r LEFT JOIN content_resources a ON a.environment_id = %(after)s
    AND (a.resource_type, a.key) = (r.resource_type, r.key)
WHERE r.environment_id = %(before)s AND r.archived_at IS NULL
  AND c.environment_id = r.environment_id AND c.version_id = r.published_version_id
  AND (c.resource_type, c.resource_key) = (r.resource_type, r.key)
  AND c.promoted_at IS NOT NULL AND a.published_sha IS DISTINCT FROM r.published_sha
"""
_POINT_PAST = """
UPDATE commits c SET source_commit_id = gone.source_commit_id FROM commits gone
WHERE c.environment_id = %(after)s AND gone.environment_id = %(removed)s
  AND c.source_commit_id = gone.id
"""


async def copy_published(
    connection: Connection,
    environment_id: UUID,
    *,
    before_id: UUID,
    after_id: UUID,
    start_active: Sequence[str],
    now: datetime,
) -> int:
    """Let a new environment have what is published in the one before it.

    Commits of the one before count as promoted then; of those of the new one what the one after it
    does not have may be promoted.

    Args:
        connection: inside a transaction that holds the lock of `lock_publication`.
        environment_id: the new one, without content.
        before_id: the one before it.
        after_id: the environment after it.
        start_active: the types of content that are switched on as they arrive.
        now: when.

    Returns:
        How many pieces of content were copied.
    """
    places = await fetch_all(connection, _Place, _PUBLISHED, (before_id,))
    values: dict[str, Any] = {
        "types": [place.resource_type for place in places],
        "keys": [place.key for place in places],
        "versions": [new_id() for _ in places],
        "commits": [new_id() for _ in places],
        "source": before_id,
        "target": environment_id,
        "after": after_id,
        "start_active": list(start_active),
        "now": now,
    }
    for statement in (_COPY_VERSIONS, _COPY_RESOURCES, _COPY_COMMITS, _MARK_PROMOTED):
        await connection.execute(statement, values)
    return len(places)


async def close_gap(
    connection: Connection, environment_id: UUID, *, before_id: UUID, after_id: UUID
) -> None:
    """Let what is before a removed environment be promoted to what is after it.

    Args:
        connection: inside a transaction that holds the lock of `lock_publication`.
        environment_id: the environment that leaves the chain.
        before_id: the one before it.
        after_id: the one after it.
    """
    values = {"removed": environment_id, "before": before_id, "after": after_id}
    for statement in (_OPEN_AGAIN, _POINT_PAST):
        await connection.execute(statement, values)
