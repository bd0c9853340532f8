"""SQL over versioned content: drafts, versions, and which version is published where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.content.rows import Published, Resource, Selection, Version
from domain.content.translation import TranslationFilters
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.what_if.rows import PendingContent
from models.queries.content.commits import UNPROMOTED
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

# A draft that was never changed says what is published; `r` is the resource.
DRAFT = """coalesce(r.draft, (
    SELECT saved.content FROM content_versions saved WHERE saved.id = r.published_version_id))"""
_SAVED = {"draft": DRAFT}
_BY_KEY = Listing(
    Resource, "content_resources r", "r", ("key",), descending=False, expressions=_SAVED
)
_RESOURCE = columns_of(Resource, "r", _SAVED)
# The key of a translation is `locale/namespace~tenant`; an environment has few of them.
_BY_KEY_OF_TRANSLATION = {
    "locale_code": "split_part(split_part(r.key, '~', 1), '/', 1) = %s",
    "namespace": "split_part(split_part(r.key, '~', 1), '/', 2) = %s",
    "tenant": "substr(r.key, length(split_part(r.key, '~', 1)) + 2) = %s",
}


async def get_resource(
    connection: Connection, environment_id: UUID, resource_type: str, key: str
) -> Resource | None:
    """Return one resource that is not archived."""
    return await fetch_one(
        connection,
        Resource,
        f"""
        SELECT {_RESOURCE} FROM content_resources r
        WHERE environment_id = %s AND resource_type = %s AND key = %s AND archived_at IS NULL
        """,  # noqa: S608 - constants
        [environment_id, resource_type, key],
    )


async def get_resources(
    connection: Connection, environment_id: UUID, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Resource]:
    """Return resources that are not archived, by type and key, of those that are wanted."""
    found = await fetch_all(
        connection,
        Resource,
        f"""
        SELECT {_RESOURCE} FROM content_resources r
        WHERE environment_id = %s AND archived_at IS NULL
          AND (resource_type, key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
        """,  # noqa: S608 - constants
        [environment_id, [one for one, _ in wanted], [key for _, key in wanted]],
    )
    return {(each.resource_type, each.key): each for each in found}


async def get_published(
    connection: Connection, environment_id: UUID, resource_type: str, key: str
) -> Published | None:
    """Return which version is published, or None when the environment has no such resource."""
    return await fetch_one(
        connection,
        Published,
        """
        SELECT resource_type, key, published_version_id AS version_id,
               active AND archived_at IS NULL AS is_active
        FROM content_resources
        WHERE environment_id = %s AND resource_type = %s AND key = %s
        """,
        [environment_id, resource_type, key],
    )


async def is_archived(
    connection: Connection, environment_id: UUID, resource_type: str, key: str
) -> bool:
    """Tell whether a key is taken for good by content that was archived."""
    cursor = await connection.execute(
        """
        SELECT 1 FROM content_resources WHERE environment_id = %s AND resource_type = %s
          AND key = %s AND archived_at IS NOT NULL
        """,
        [environment_id, resource_type, key],
    )
    return await cursor.fetchone() is not None


async def list_pending(
    connection: Connection, environment_id: UUID, selection: Selection, *, with_unchanged: bool
) -> list[Resource]:
    """Return and lock the resources whose draft is not what is published, in order of their key.

    Args:
        connection: inside a transaction.
        environment_id: where.
        selection: which of them.
        with_unchanged: also those without a change, for an empty commit.
    """
    return await fetch_all(
        connection,
        Resource,
        f"""
        SELECT {_RESOURCE} FROM content_resources r
        WHERE environment_id = %(environment_id)s AND archived_at IS NULL
          AND (%(types)s::text[] IS NULL OR resource_type = ANY(%(types)s::text[]))
          AND (%(key)s::text IS NULL OR key = %(key)s::text)
          AND (%(with_unchanged)s OR draft_sha IS DISTINCT FROM published_sha)
        ORDER BY resource_type, key
        FOR NO KEY UPDATE
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "types": selection.resource_types,
            "key": selection.key,
            "with_unchanged": with_unchanged,
        },
    )


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
    starts_active: bool,
    now: datetime,
) -> Resource | None:
    """Write a draft, new or over the old one, and lock it; None when the resource is archived.

    A draft that does not change keeps its `updated_at`.
    """
    return await fetch_one(
        connection,
        Resource,
        f"""
        INSERT INTO content_resources AS r (environment_id, resource_type, key, draft,
            draft_sha, active, inserted_at, updated_at)
        VALUES (%(environment_id)s, %(resource_type)s, %(key)s, %(content)s, %(sha)s,
            %(starts_active)s, %(now)s, %(now)s)
        ON CONFLICT (environment_id, resource_type, key) DO UPDATE
        SET draft = excluded.draft, draft_sha = excluded.draft_sha,
            updated_at = CASE WHEN r.draft_sha = excluded.draft_sha
                THEN r.updated_at ELSE excluded.updated_at END
        WHERE r.archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "resource_type": resource_type,
            "key": key,
            "content": Jsonb(content),
            "sha": sha,
            "starts_active": starts_active,
            "now": now,
        },
    )


async def insert_version(
    connection: Connection, environment_id: UUID, resource_type: str, key: str, version: Version
) -> None:
    """Keep a state for ever; one of the same id is kept already."""
    await connection.execute(
        """
        INSERT INTO content_versions
            (id, environment_id, resource_type, key, content, sha, inserted_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING
        """,
        [
            version.id,
            environment_id,
            resource_type,
            key,
            Jsonb(version.content),
            version.sha,
            version.inserted_at,
        ],
    )


async def publish(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    version: Version,
    *,
    starts_active: bool,
    drops_draft: bool = False,
) -> Resource | None:
    """Make a version the current one; a draft without changes of its own follows it.

    Args:
        connection: inside a transaction.
        environment_id: where.
        resource_type: of the resource.
        key: of the resource.
        version: is there already.
        starts_active: whether a new resource is switched on.
        drops_draft: have a draft with changes of its own follow too.

    Returns:
        None when the resource is archived.
    """
    return await fetch_one(
        connection,
        Resource,
        f"""
        INSERT INTO content_resources AS r (environment_id, resource_type, key, draft,
            draft_sha, published_version_id, published_sha, active, inserted_at, updated_at)
        VALUES (%(environment_id)s, %(resource_type)s, %(key)s, %(content)s, %(sha)s,
            %(version_id)s, %(sha)s, %(starts_active)s, %(now)s, %(now)s)
        ON CONFLICT (environment_id, resource_type, key) DO UPDATE
        SET published_version_id = excluded.published_version_id,
            published_sha = excluded.published_sha,
            draft = CASE WHEN %(drops_draft)s OR r.draft_sha = r.published_sha
                THEN excluded.draft ELSE r.draft END,
            draft_sha = CASE WHEN %(drops_draft)s OR r.draft_sha = r.published_sha
                THEN excluded.draft_sha ELSE r.draft_sha END,
            updated_at = excluded.updated_at
        WHERE r.archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        {
            "environment_id": environment_id,
            "resource_type": resource_type,
            "key": key,
            "content": Jsonb(version.content),
            "sha": version.sha,
            "version_id": version.id,
            "starts_active": starts_active,
            "drops_draft": drops_draft,
            "now": version.inserted_at,
        },
    )


async def set_active(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    active: bool,
    active_from: datetime | None = None,
    active_until: datetime | None = None,
) -> Resource | None:
    """Switch a resource on or off in one environment, perhaps for some time only.

    Returns None when there is no such resource.
    """
    return await fetch_one(
        connection,
        Resource,
        f"""
        UPDATE content_resources r SET active = %s, active_from = %s, active_until = %s
        WHERE environment_id = %s AND resource_type = %s AND key = %s AND archived_at IS NULL
        RETURNING {_RESOURCE}
        """,  # noqa: S608 - constants
        [active, active_from, active_until, environment_id, resource_type, key],
    )


async def archive(connection: Connection, resource_type: str, key: str, now: datetime) -> bool:
    """Archive a resource in every environment and on every branch; tell whether it was anywhere."""
    cursor = await connection.execute(
        """
        UPDATE content_resources SET archived_at = %s
        WHERE environment_id IN (SELECT id FROM branches)
          AND resource_type = %s AND key = %s AND archived_at IS NULL
        """,
        [now, resource_type, key],
    )
    return cursor.rowcount > 0


async def list_resources(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    request: PageRequest,
    *,
    published_only: bool,
    filters: TranslationFilters | None = None,
) -> Page[Resource]:
    """Return a page of resources by key; `published_only` leaves out what was never committed."""
    where = Where()
    where.add("r.environment_id = %s", environment_id)
    where.add("r.resource_type = %s AND r.archived_at IS NULL", resource_type)
    if published_only:
        where.add("r.published_version_id IS NOT NULL")
    if filters is not None:
        where.add_by_name(_BY_KEY_OF_TRANSLATION, filters)
    return await _BY_KEY.page(connection, where, request)


async def get_versions(
    connection: Connection, version_ids: Sequence[UUID]
) -> dict[UUID | None, Version]:
    """Return several versions by their id."""
    rows = await fetch_all(
        connection,
        Version,
        "SELECT id, content, sha, inserted_at FROM content_versions WHERE id = ANY(%s)",
        [list(version_ids)],
    )
    return {row.id: row for row in rows}


async def list_unpublished(connection: Connection, environment_id: UUID) -> list[PendingContent]:
    """Return the drafts that are not what is published, by type and key."""
    return await fetch_all(
        connection,
        PendingContent,
        """
        SELECT resource_type, key, draft AS content FROM content_resources
        WHERE environment_id = %s AND archived_at IS NULL
          AND draft_sha IS DISTINCT FROM published_sha
        ORDER BY resource_type, key
        """,
        (environment_id,),
    )


async def list_published_elsewhere(
    connection: Connection, environment_id: UUID, elsewhere_id: UUID
) -> list[PendingContent]:
    """Return what a promotion from another environment would change here, by type and key."""
    return await fetch_all(
        connection,
        PendingContent,
        f"""
        SELECT r.resource_type, r.key, v.content
        FROM content_resources r JOIN content_versions v ON v.id = r.published_version_id
        LEFT JOIN content_resources t ON t.environment_id = %s
            AND t.resource_type = r.resource_type AND t.key = r.key
        WHERE r.environment_id = %s AND r.archived_at IS NULL AND t.archived_at IS NULL
          AND t.published_sha IS DISTINCT FROM r.published_sha AND {UNPROMOTED}
        ORDER BY r.resource_type, r.key
        """,  # noqa: S608 - constants
        (environment_id, elsewhere_id),
    )
