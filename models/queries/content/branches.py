"""SQL over branches: made from what is published, brought up to date, deleted.

Nothing here copies content: a branch refers to the versions that it has in common with the main
branch, and has a draft of its own only of what was changed on it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.content.branches import Branch, Parted
from domain.kit.pages import Page, PageRequest
from models.queries.content.commits import UNPROMOTED
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.sql import Listing, Where, fetch_all
from runtime.database import Connection

_LAST_COMMIT = """(
    SELECT c.inserted_at FROM commits c WHERE c.environment_id = b.id ORDER BY c.id DESC LIMIT 1)"""
_NEWEST_FIRST = Listing(
    Branch,
    "branches b JOIN environments e ON e.id = b.environment_id",
    "b",
    ("sorted_at", "id"),
    expressions={
        "environment": "e.slug",
        "last_commit_at": _LAST_COMMIT,
        "sorted_at": f"coalesce({_LAST_COMMIT}, b.inserted_at)",
    },
)
_LIVING = "b.environment_id = %s AND b.slug IS NOT NULL AND b.deleted_at IS NULL"

# Tells whether a resource `r` of a branch has a draft that says something else than its version.
_HAS_DRAFT = "r.draft_sha IS DISTINCT FROM r.published_sha"
# `m` is what the main branch has of the same content.
_PARTED = f"""
SELECT r.resource_type, r.key, {_HAS_DRAFT} AS has_draft, {UNPROMOTED} AS has_commits
FROM content_resources r JOIN content_resources m ON m.environment_id = %(environment_id)s
    AND m.resource_type = r.resource_type AND m.key = r.key
WHERE r.environment_id = %(branch_id)s AND r.archived_at IS NULL AND m.archived_at IS NULL
  AND m.published_version_id IS DISTINCT FROM r.base_version_id
ORDER BY r.resource_type, r.key
"""  # noqa: S608 - constants

# What was committed on the branch stays; of everything else it has what the main branch has, what
# is archived included: it stays in use by what was committed with it, and its key stays taken. Who
# calls this has refused where a draft would be lost.
_FOLLOW = f"""
INSERT INTO content_resources AS r (environment_id, resource_type, key, draft, draft_sha,
    published_version_id, published_sha, base_version_id, active, active_from, active_until,
    inserted_at, updated_at, archived_at)
SELECT %(branch_id)s, m.resource_type, m.key, NULL, coalesce(m.published_sha, m.draft_sha),
    m.published_version_id, m.published_sha, m.published_version_id, m.active, m.active_from,
    m.active_until, m.inserted_at, m.updated_at, m.archived_at
FROM content_resources m
WHERE m.environment_id = %(environment_id)s AND m.resource_type = ANY(%(types)s)
  AND (m.published_version_id IS NOT NULL OR m.archived_at IS NOT NULL)
ON CONFLICT (environment_id, resource_type, key) DO UPDATE
SET draft = NULL, draft_sha = excluded.draft_sha,
    published_version_id = excluded.published_version_id, published_sha = excluded.published_sha,
    base_version_id = excluded.base_version_id, updated_at = excluded.updated_at,
    archived_at = excluded.archived_at
WHERE r.base_version_id IS DISTINCT FROM excluded.base_version_id AND NOT {UNPROMOTED}
"""  # noqa: S608 - constants

_TAKE_NOTICE = """
UPDATE content_resources r SET base_version_id = m.published_version_id
FROM content_resources m
WHERE r.environment_id = %(branch_id)s AND m.environment_id = %(environment_id)s
  AND m.resource_type = r.resource_type AND m.key = r.key
  AND (%(merged)s::text[] IS NULL OR r.resource_type || '/' || r.key = ANY(%(merged)s::text[]))
  AND r.base_version_id IS DISTINCT FROM m.published_version_id
"""


async def find_branch(connection: Connection, environment_id: UUID, slug: str) -> Branch | None:
    """Return a branch of an environment that was not deleted."""
    where = Where()
    where.add(f"{_LIVING} AND b.slug = %s", environment_id, slug)
    return await _NEWEST_FIRST.one(connection, where)


async def list_branches(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[Branch]:
    """Return a page of branches, the one with the newest commit first."""
    where = Where()
    where.add(_LIVING, environment_id)
    return await _NEWEST_FIRST.page(connection, where, request)


async def insert_branch(
    connection: Connection, environment_id: UUID, branch_id: UUID, slug: str, now: datetime
) -> bool:
    """Store a branch without content; False when another one has the slug."""
    cursor = await connection.execute(
        """
        INSERT INTO branches (id, environment_id, slug, inserted_at, updated_at)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (environment_id, slug) WHERE deleted_at IS NULL DO NOTHING
        """,
        [branch_id, environment_id, slug, now, now],
    )
    return cursor.rowcount == 1


async def list_parted(
    connection: Connection, environment_id: UUID, branch_id: UUID
) -> list[Parted]:
    """Return what has changed in the main branch since a branch took notice of it."""
    values = {"environment_id": environment_id, "branch_id": branch_id}
    return await fetch_all(connection, Parted, _PARTED, values)


async def follow_main(
    connection: Connection, environment_id: UUID, branch_id: UUID, resource_types: Collection[str]
) -> None:
    """Give a branch what the main branch has published, except of what was committed on it.

    The caller holds the lock of `lock_publication`.
    """
    values = {
        "environment_id": environment_id,
        "branch_id": branch_id,
        "types": list(resource_types),
    }
    await connection.execute(_FOLLOW, values)


async def take_notice(
    connection: Connection,
    environment_id: UUID,
    branch_id: UUID,
    merged: Collection[tuple[str, str]] | None = None,
) -> None:
    """Note for content of a branch that what the main branch has published now is known.

    Args:
        connection: inside a transaction that holds the lock of `lock_publication`.
        environment_id: of the main branch.
        branch_id: of the branch.
        merged: type and key of that content; None for all of it.
    """
    names = None if merged is None else [f"{one}/{key}" for one, key in merged]
    values = {"environment_id": environment_id, "branch_id": branch_id, "merged": names}
    await connection.execute(_TAKE_NOTICE, values)


async def note_updated(
    connection: Connection, environment_id: UUID, branch_id: UUID, now: datetime
) -> None:
    """Note that a branch has changed."""
    await connection.execute(
        "UPDATE branches SET updated_at = %s WHERE environment_id = %s AND id = %s",
        [now, environment_id, branch_id],
    )


async def delete_branch(
    connection: Connection, environment_id: UUID, branch_id: UUID, now: datetime
) -> None:
    """Delete a branch with its content, its commits and its schedules.

    Its versions stay, since runs walk through them, and so does its row, to which they refer. Who
    fires a schedule holds it, and writes first runs then: the schedules go first.
    """
    await connection.execute(
        "DELETE FROM schedules WHERE environment_id = %s AND branch_id = %s",
        [environment_id, branch_id],
    )
    for table in ("commits", "content_resources", *FIRST_RUN_TABLES.values()):
        await connection.execute(
            f"DELETE FROM {table} WHERE environment_id = %s",  # noqa: S608 - names of ours
            [branch_id],
        )
    await connection.execute(
        "UPDATE branches SET deleted_at = %s WHERE environment_id = %s AND id = %s",
        [now, environment_id, branch_id],
    )
