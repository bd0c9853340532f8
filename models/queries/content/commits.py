"""SQL over commits: who published which version, when, and whether it went one step on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.queries.paging import Keyset, conditions, order_and_limit, turn
from runtime.database import Connection


class CommitRow(TypedDict):
    """One row of `commits`, with the slug of its environment."""

    id: UUID
    environment_id: UUID
    environment: str
    resource_type: str
    resource_key: str
    version_id: UUID
    commit_message: str | None
    author_name: str
    author_email: str
    is_empty: bool
    source_commit_id: UUID | None
    inserted_at: datetime
    promoted_at: datetime | None


class PromotableCommit(CommitRow):
    """A commit together with what it published."""

    content: JsonObject
    sha: str


_NEWEST_FIRST = Keyset(("commits.id",))
_COLUMNS = """commits.id, commits.environment_id, environments.slug AS environment,
    commits.resource_type, commits.resource_key, commits.version_id, commits.commit_message,
    commits.author_name, commits.author_email, commits.is_empty, commits.source_commit_id,
    commits.inserted_at, commits.promoted_at"""


async def insert_commit(connection: Connection, commit: CommitRow) -> None:
    """Write a commit; its `environment` is not a column."""
    await connection.execute(
        """
        INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id,
            commit_message, author_name, author_email, is_empty, source_commit_id, inserted_at,
            promoted_at)
        VALUES (%(id)s, %(environment_id)s, %(resource_type)s, %(resource_key)s, %(version_id)s,
            %(commit_message)s, %(author_name)s, %(author_email)s, %(is_empty)s,
            %(source_commit_id)s, %(inserted_at)s, %(promoted_at)s)
        """,
        commit,
    )


async def get_commit(connection: Connection, commit_id: UUID) -> CommitRow | None:
    """Return one commit of any environment."""
    return await _fetch_one(connection, "commits.id = %s", [commit_id])


async def get_copy(
    connection: Connection, commit_id: UUID, environment_id: UUID
) -> CommitRow | None:
    """Return what a commit became when it was promoted to an environment."""
    where = "commits.source_commit_id = %s AND commits.environment_id = %s"
    return await _fetch_one(connection, where, [commit_id, environment_id])


async def list_commits(
    connection: Connection,
    environment_id: UUID,
    request: PageRequest,
    *,
    promoted: bool | None = None,
    resource_types: Sequence[str] | None = None,
    key: str | None = None,
) -> Page:
    """Return a page of commits, newest first; None leaves a filter out."""
    filters, values = conditions(_NEWEST_FIRST, request)
    filters.append("commits.environment_id = %s")
    values.append(environment_id)
    if promoted is not None:
        filters.append(f"commits.promoted_at IS {'NOT ' if promoted else ''}NULL")
    if resource_types is not None:
        filters.append("commits.resource_type = ANY(%s::text[])")
        values.append(list(resource_types))
    if key is not None:
        filters.append("commits.resource_key = %s")
        values.append(key)
    cursor = await connection.execute(
        f"""
        SELECT {_COLUMNS} FROM commits
        JOIN environments ON environments.id = commits.environment_id
        WHERE {" AND ".join(filters)} {order_and_limit(_NEWEST_FIRST, request)}
        """,  # noqa: S608 - constants
        values,
    )
    return turn(_NEWEST_FIRST, request, await cursor.fetchall())


async def list_promotable(
    connection: Connection,
    environment_id: UUID,
    *,
    resource_types: Sequence[str] | None = None,
    key: str | None = None,
    commit_id: UUID | None = None,
) -> list[PromotableCommit]:
    """Return the commits that did not go one step on yet, oldest first.

    What is published now comes last of its resource even when clocks of several machines disagree.
    """
    cursor = await connection.execute(
        f"""
        SELECT {_COLUMNS}, content_versions.content, content_versions.sha
        FROM commits
        JOIN environments ON environments.id = commits.environment_id
        JOIN content_versions ON content_versions.id = commits.version_id
        JOIN content_resources ON content_resources.environment_id = commits.environment_id
            AND content_resources.resource_type = commits.resource_type
            AND content_resources.key = commits.resource_key
        WHERE commits.environment_id = %(environment_id)s AND commits.promoted_at IS NULL
          AND content_resources.archived_at IS NULL
          AND (%(types)s::text[] IS NULL OR commits.resource_type = ANY(%(types)s::text[]))
          AND (%(key)s::text IS NULL OR commits.resource_key = %(key)s::text)
          AND (%(commit_id)s::uuid IS NULL OR commits.id = %(commit_id)s::uuid)
        ORDER BY commits.version_id = content_resources.published_version_id, commits.id
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "types": None if resource_types is None else list(resource_types),
            "key": key,
            "commit_id": commit_id,
        },
    )
    rows: Any = await cursor.fetchall()
    commits: list[PromotableCommit] = rows
    return commits


async def mark_promoted(connection: Connection, commit: CommitRow, now: datetime) -> None:
    """Note that a commit went one step on, and with it what it replaced."""
    await connection.execute(
        """
        UPDATE commits SET promoted_at = %(now)s
        WHERE environment_id = %(environment_id)s AND resource_type = %(resource_type)s
          AND resource_key = %(resource_key)s AND id <= %(id)s AND promoted_at IS NULL
        """,
        {**commit, "now": now},
    )


async def _fetch_one(
    connection: Connection, where: str, parameters: Sequence[object]
) -> CommitRow | None:
    cursor = await connection.execute(
        f"""
        SELECT {_COLUMNS} FROM commits
        JOIN environments ON environments.id = commits.environment_id WHERE {where}
        """,  # noqa: S608 - constants
        parameters,
    )
    row: Any = await cursor.fetchone()
    commit: CommitRow | None = row
    return commit
