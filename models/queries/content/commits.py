"""SQL over commits: who published which version, when, and whether it went one step on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.content.rows import Commit, CommitFilters, PromotableCommit, Selection
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_SOURCE = """commits c JOIN branches b ON b.id = c.environment_id
    JOIN environments e ON e.id = b.environment_id"""
_SLUG = {"environment": "e.slug", "branch": "b.slug", "main_id": "e.id"}
_NEWEST_FIRST = Listing(Commit, _SOURCE, "c", ("id",), expressions=_SLUG)
_COLUMNS = columns_of(Commit, "c", _SLUG)
# Tells whether a resource `r` has a commit that did not go one step on yet.
UNPROMOTED = """EXISTS (
    SELECT FROM commits c WHERE c.environment_id = r.environment_id
      AND c.resource_type = r.resource_type AND c.resource_key = r.key AND c.promoted_at IS NULL)"""
_PROMOTABLE = columns_of(PromotableCommit, "c", {**_SLUG, "content": "v.content", "sha": "v.sha"})


async def insert_commit(
    connection: Connection, commit: Commit, replaced_version_id: UUID | None
) -> None:
    """Write a commit; `environment`, `branch` and `main_id` follow from where it is."""
    await connection.execute(
        """
        INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id,
            replaced_version_id, commit_message, author_name, author_email, is_empty,
            source_commit_id, inserted_at, promoted_at)
        VALUES (%(id)s, %(environment_id)s, %(resource_type)s, %(resource_key)s, %(version_id)s,
            %(replaced_version_id)s, %(commit_message)s, %(author_name)s, %(author_email)s,
            %(is_empty)s, %(source_commit_id)s, %(inserted_at)s, %(promoted_at)s)
        """,
        {**asdict(commit), "replaced_version_id": replaced_version_id},
    )


async def get_commit(connection: Connection, commit_id: UUID) -> Commit | None:
    """Return one commit of any environment."""
    return await _fetch_one(connection, "c.id = %s", [commit_id])


async def get_copy(connection: Connection, commit_id: UUID, environment_id: UUID) -> Commit | None:
    """Return what a commit became when it was promoted to an environment."""
    where = "c.source_commit_id = %s AND c.environment_id = %s"
    return await _fetch_one(connection, where, [commit_id, environment_id])


async def list_commits(
    connection: Connection, environment_id: UUID, filters: CommitFilters, request: PageRequest
) -> Page[Commit]:
    """Return a page of commits, newest first."""
    where = Where()
    where.add("c.environment_id = %s", environment_id)
    where.add_by_name(
        {
            "resource_types": "c.resource_type = ANY(%s::text[])",
            "key": "c.resource_key = %s",
            "promoted": "(c.promoted_at IS NOT NULL) = %s",
        },
        filters,
    )
    return await _NEWEST_FIRST.page(connection, where, request)


async def list_promotable(
    connection: Connection,
    environment_id: UUID,
    selection: Selection,
    *,
    commit_id: UUID | None = None,
) -> list[PromotableCommit]:
    """Return the commits that did not go one step on yet, oldest first.

    What is published now comes last of its resource, also of commits that were made before they
    were numbered, and whose clocks may have disagreed.
    """
    return await fetch_all(
        connection,
        PromotableCommit,
        f"""
        SELECT {_PROMOTABLE} FROM {_SOURCE}
        JOIN content_versions v ON v.id = c.version_id
        JOIN content_resources r ON r.environment_id = c.environment_id
            AND r.resource_type = c.resource_type AND r.key = c.resource_key
        WHERE c.environment_id = %(environment_id)s AND c.promoted_at IS NULL
          AND r.archived_at IS NULL
          AND (%(types)s::text[] IS NULL OR c.resource_type = ANY(%(types)s::text[]))
          AND (%(key)s::text IS NULL OR c.resource_key = %(key)s::text)
          AND (%(commit_id)s::uuid IS NULL OR c.id = %(commit_id)s::uuid)
        ORDER BY c.version_id = r.published_version_id, c.position
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "types": selection.resource_types,
            "key": selection.key,
            "commit_id": commit_id,
        },
    )


async def mark_promoted(connection: Connection, commit: Commit, now: datetime) -> None:
    """Note that a commit went one step on, and with it what it replaced."""
    await connection.execute(
        """
        UPDATE commits SET promoted_at = %s
        WHERE environment_id = %s AND resource_type = %s
          AND resource_key = %s AND promoted_at IS NULL
          AND position <= (SELECT position FROM commits WHERE id = %s)
        """,
        [now, commit.environment_id, commit.resource_type, commit.resource_key, commit.id],
    )


async def _fetch_one(connection: Connection, where: str, values: Sequence[object]) -> Commit | None:
    return await fetch_one(
        connection,
        Commit,
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE {where}",  # noqa: S608 - constants
        values,
    )
