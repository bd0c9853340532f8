"""SQL over states of content beside each other: saved and published, here and one step on."""

from __future__ import annotations

from uuid import UUID

from domain.content.changes import ChangedContent
from domain.content.rows import Selection
from domain.kit.pages import Page, PageRequest
from models.queries.content.commits import UNPROMOTED
from models.sql import Listing, Where, fetch_one
from runtime.database import Connection

_KEYS = ("resource_type", "key")
_PENDING = Listing(
    ChangedContent,
    "content_resources r LEFT JOIN content_versions v ON v.id = r.published_version_id",
    "r",
    _KEYS,
    descending=False,
    expressions={"before": "v.content", "after": "r.draft"},
)
# What a promotion of all commits would leave in the target: what is published in the source.
_PROMOTABLE = Listing(
    ChangedContent,
    """content_resources r
    JOIN content_versions v ON v.id = r.published_version_id
    LEFT JOIN content_resources t ON t.environment_id = %s
        AND t.resource_type = r.resource_type AND t.key = r.key
    LEFT JOIN content_versions there ON there.id = t.published_version_id""",
    "r",
    _KEYS,
    descending=False,
    expressions={"before": "there.content", "after": "v.content"},
)
_SELECTED = {"resource_types": "r.resource_type = ANY(%s::text[])", "key": "r.key = %s"}


async def list_pending(
    connection: Connection, environment_id: UUID, selection: Selection, request: PageRequest
) -> Page[ChangedContent]:
    """Return a page of what is saved and not committed, beside what is published."""
    where = Where()
    where.add("r.environment_id = %s AND r.archived_at IS NULL", environment_id)
    where.add("r.draft_sha IS DISTINCT FROM r.published_sha")
    where.add_by_name(_SELECTED, selection)
    return await _PENDING.page(connection, where, request)


async def list_unpromoted(
    connection: Connection,
    source_id: UUID,
    target_id: UUID,
    selection: Selection,
    request: PageRequest,
) -> Page[ChangedContent]:
    """Return a page of what a promotion would publish, beside what the target has published."""
    where = Where()
    where.add("r.environment_id = %s AND r.archived_at IS NULL", source_id)
    where.add(UNPROMOTED)
    where.add_by_name(_SELECTED, selection)
    return await _PROMOTABLE.page(connection, where, request, given=[target_id])


async def get_commit_beside(connection: Connection, commit_id: UUID) -> ChangedContent | None:
    """Return what a commit published, beside what was published before it.

    On a branch that need not be what the commit before has published. Commits that were made when
    this was not noted are compared with the one before.
    """
    return await fetch_one(
        connection,
        ChangedContent,
        """
        SELECT c.resource_type, c.resource_key AS key, earlier.content AS before,
               v.content AS after
        FROM commits c
        JOIN content_versions v ON v.id = c.version_id
        LEFT JOIN LATERAL (
            SELECT p.version_id FROM commits p
            WHERE p.environment_id = c.environment_id AND p.resource_type = c.resource_type
              AND p.resource_key = c.resource_key AND p.position < c.position
            ORDER BY p.position DESC LIMIT 1) AS last ON true
        LEFT JOIN content_versions earlier
            ON earlier.id = coalesce(c.replaced_version_id, last.version_id)
        WHERE c.id = %s
        """,
        [commit_id],
    )
