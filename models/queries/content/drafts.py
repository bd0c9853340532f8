"""SQL over versioned content: drafts, versions, and which version is published where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.queries.paging import Keyset, conditions, order_and_limit, turn
from runtime.database import Connection


class Published(TypedDict):
    """What a trigger needs to know before it makes runs; `version_id` is None until a commit."""

    version_id: UUID | None
    active: bool
    archived_at: datetime | None


class Resource(TypedDict):
    """One row of `content_resources`."""

    environment_id: UUID
    resource_type: str
    key: str
    draft: JsonObject
    draft_sha: str
    published_version_id: UUID | None
    published_sha: str | None
    active: bool
    inserted_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class ContentVersionRow(TypedDict):
    """What a version says, and since when."""

    id: UUID
    content: JsonObject
    sha: str
    inserted_at: datetime


_BY_KEY = Keyset(("key",), descending=False)
_RESOURCE = """environment_id, resource_type, key, draft, draft_sha, published_version_id,
    published_sha, active, inserted_at, updated_at, archived_at"""


async def get_published(
    connection: Connection, environment_id: UUID, resource_type: str, key: str
) -> Published | None:
    """Return which version is published, or None when the environment has no such resource."""
    cursor = await connection.execute(
        """
        SELECT published_version_id AS version_id, active, archived_at
        FROM content_resources
        WHERE environment_id = %s AND resource_type = %s AND key = %s
        """,
        [environment_id, resource_type, key],
    )
    return cast("Published | None", await cursor.fetchone())


async def get_resource(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    lock: bool = False,
) -> Resource | None:
    """Return one resource that is not archived; `lock` keeps others from changing it."""
    cursor = await connection.execute(
        f"""
        SELECT {_RESOURCE} FROM content_resources
        WHERE environment_id = %s AND resource_type = %s AND key = %s AND archived_at IS NULL
        {"FOR NO KEY UPDATE" if lock else ""}
        """,  # noqa: S608 - constants
        [environment_id, resource_type, key],
    )
    return cast("Resource | None", await cursor.fetchone())


async def list_keys(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    keys: Sequence[str],
    *,
    published: bool,
) -> set[str]:
    """Return which of `keys` exist and are not archived; `published` leaves out mere drafts."""
    cursor = await connection.execute(
        """
        SELECT key FROM content_resources
        WHERE environment_id = %s AND resource_type = %s AND key = ANY(%s::text[])
          AND archived_at IS NULL AND (published_version_id IS NOT NULL OR NOT %s)
        """,
        [environment_id, resource_type, list(keys), published],
    )
    return {row["key"] for row in await cursor.fetchall()}


async def list_pending(
    connection: Connection,
    environment_id: UUID,
    *,
    resource_types: Sequence[str] | None,
    key: str | None,
    with_unchanged: bool,
) -> list[Resource]:
    """Return and lock the resources whose draft is not what is published, in order of their key.

    Args:
        connection: inside a transaction.
        environment_id: where.
        resource_types: only these, or None for every type.
        key: only this one, or None for all.
        with_unchanged: also those without a change, for an empty commit.
    """
    cursor = await connection.execute(
        f"""
        SELECT {_RESOURCE} FROM content_resources
        WHERE environment_id = %(environment_id)s AND archived_at IS NULL
          AND (%(types)s::text[] IS NULL OR resource_type = ANY(%(types)s::text[]))
          AND (%(key)s::text IS NULL OR key = %(key)s::text)
          AND (%(with_unchanged)s OR draft_sha IS DISTINCT FROM published_sha)
        ORDER BY resource_type, key
        FOR NO KEY UPDATE
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "types": None if resource_types is None else list(resource_types),
            "key": key,
            "with_unchanged": with_unchanged,
        },
    )
    return cast("list[Resource]", await cursor.fetchall())


async def lock_publication(
    connection: Connection, environment_ids: Sequence[UUID] | None = None
) -> None:
    """Make writers of these environments' configuration wait for each other.

    Every writer of published content and of channels takes this lock before any row of those,
    because what it writes also raises the environment's configuration version. Foreign key checks
    pass it, so runs go on.

    Args:
        connection: inside a transaction.
        environment_ids: which environments; None means all of them.
    """
    await connection.execute(
        "SELECT 1 FROM environments WHERE %(all)s OR id = ANY(%(ids)s) "
        "ORDER BY position FOR NO KEY UPDATE",
        {"all": environment_ids is None, "ids": list(environment_ids or ())},
    )


async def save_draft(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    content: JsonObject,
    sha: str,
    now: datetime,
) -> Resource | None:
    """Write a draft, new or over the old one, and lock it; None when the resource is archived.

    A draft that does not change keeps its `updated_at`.
    """
    cursor = await connection.execute(
        f"""
        INSERT INTO content_resources AS mine (environment_id, resource_type, key, draft,
            draft_sha, active, inserted_at, updated_at)
        VALUES (%(environment_id)s, %(resource_type)s, %(key)s, %(content)s, %(sha)s, true,
            %(now)s, %(now)s)
        ON CONFLICT (environment_id, resource_type, key) DO UPDATE
        SET draft = excluded.draft, draft_sha = excluded.draft_sha,
            updated_at = CASE WHEN mine.draft_sha = excluded.draft_sha
                THEN mine.updated_at ELSE excluded.updated_at END
        WHERE mine.archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "resource_type": resource_type,
            "key": key,
            "content": Jsonb(content),
            "sha": sha,
            "now": now,
        },
    )
    return cast("Resource | None", await cursor.fetchone())


async def insert_version(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    version_id: UUID,
    content: JsonObject,
    sha: str,
    now: datetime,
) -> None:
    """Keep a state for ever."""
    await connection.execute(
        """
        INSERT INTO content_versions
            (id, environment_id, resource_type, key, content, sha, inserted_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [version_id, environment_id, resource_type, key, Jsonb(content), sha, now],
    )


async def publish(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    version_id: UUID,
    content: JsonObject,
    sha: str,
    now: datetime,
) -> Resource | None:
    """Make a version the current one; a draft without changes of its own follows it.

    Returns None when the resource is archived.
    """
    cursor = await connection.execute(
        f"""
        INSERT INTO content_resources AS mine (environment_id, resource_type, key, draft,
            draft_sha, published_version_id, published_sha, active, inserted_at, updated_at)
        VALUES (%(environment_id)s, %(resource_type)s, %(key)s, %(content)s, %(sha)s,
            %(version_id)s, %(sha)s, true, %(now)s, %(now)s)
        ON CONFLICT (environment_id, resource_type, key) DO UPDATE
        SET published_version_id = excluded.published_version_id,
            published_sha = excluded.published_sha,
            draft = CASE WHEN mine.draft_sha = mine.published_sha
                THEN excluded.draft ELSE mine.draft END,
            draft_sha = CASE WHEN mine.draft_sha = mine.published_sha
                THEN excluded.draft_sha ELSE mine.draft_sha END,
            updated_at = excluded.updated_at
        WHERE mine.archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "resource_type": resource_type,
            "key": key,
            "content": Jsonb(content),
            "sha": sha,
            "version_id": version_id,
            "now": now,
        },
    )
    return cast("Resource | None", await cursor.fetchone())


async def set_active(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    active: bool,
) -> Resource | None:
    """Switch a resource on or off in one environment; None when there is no such resource."""
    cursor = await connection.execute(
        f"""
        UPDATE content_resources SET active = %s
        WHERE environment_id = %s AND resource_type = %s AND key = %s AND archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        [active, environment_id, resource_type, key],
    )
    return cast("Resource | None", await cursor.fetchone())


async def list_resources(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    request: PageRequest,
    *,
    published_only: bool,
) -> Page:
    """Return a page of resources by key; `published_only` leaves out what was never committed."""
    filters, values = conditions(_BY_KEY, request)
    if published_only:
        filters.append("published_version_id IS NOT NULL")
    where = " AND ".join(
        ["environment_id = %s", "resource_type = %s", "archived_at IS NULL", *filters]
    )
    cursor = await connection.execute(
        f"SELECT {_RESOURCE} FROM content_resources WHERE {where}"  # noqa: S608 - constants
        f" {order_and_limit(_BY_KEY, request)}",
        [environment_id, resource_type, *values],
    )
    return turn(_BY_KEY, request, await cursor.fetchall())


async def get_versions(
    connection: Connection, version_ids: Sequence[UUID]
) -> dict[UUID, ContentVersionRow]:
    """Return several versions by their id."""
    cursor = await connection.execute(
        "SELECT id, content, sha, inserted_at FROM content_versions WHERE id = ANY(%s)",
        [list(version_ids)],
    )
    rows: Any = await cursor.fetchall()
    return {row["id"]: row for row in rows}
