"""Statements of in-app feeds: items are messages of an in-app channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain.kit.pages import Page, PageRequest
from domain.messages.filters import FeedFilter
from domain.recipients.refs import RecipientRef
from models.queries import paging
from models.queries.messages.filters import feed_conditions, feed_status_condition
from models.queries.messages.messages import NEWEST_FIRST
from runtime.database import Connection, one

_ITEM = """
m.id, m.workflow_key, m.version_id, m.categories, m.collection, m.recipient_id, m.tenant_id,
m.actors, m.data, m.content, m.recipient_run_id, m.seen_at, m.read_at, m.interacted_at,
m.link_clicked_at, m.archived_at, m.inserted_at, m.updated_at
"""
_MOST_COUNTED = 10_000
# Data of one run up to the first bound, newest runs first, and all together up to the second. What
# is stored compressed beyond the bound is not even unpacked to be measured. The same fold as
# `domain.workflows.run_data`: of equal keys the last one stays.
_TRIGGER_DATA = """
SELECT id, data FROM (
    SELECT id, data, sum(size) OVER (ORDER BY id DESC) AS total FROM (
        SELECT r.id, (w.data || coalesce(r.trigger_data, '{}') || coalesce(p.patch, '{}'))
                     - 'attachments' AS data,
               octet_length(w.data::text) + coalesce(octet_length(r.trigger_data::text), 0)
                   + coalesce(octet_length(p.patch::text), 0) AS size
        FROM recipient_runs r JOIN workflow_runs w ON w.id = r.workflow_run_id
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(e.key, e.value ORDER BY position) AS patch
            FROM run_patches, jsonb_each(patch) e WHERE recipient_run_id = r.id
        ) p ON true
        WHERE r.environment_id = %(environment_id)s AND r.id = ANY(%(run_ids)s)
          AND pg_column_size(w.data) + coalesce(pg_column_size(r.trigger_data), 0) <= %(each)s
        OFFSET 0
    ) AS measured
    WHERE size <= %(each)s
) AS bounded
WHERE total <= %(together)s
"""


async def channel_type_of(connection: Connection, channel_id: UUID) -> str | None:
    """Return the type of a channel that is in use, or None."""
    cursor = await connection.execute(
        "SELECT channel_type FROM channels WHERE id = %s AND archived_at IS NULL", [channel_id]
    )
    row = await cursor.fetchone()
    return None if row is None else str(row["channel_type"])


async def list_items(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    user: RecipientRef,
    *,
    wanted: FeedFilter,
    request: PageRequest,
) -> Page:
    """Return a page of a feed, newest first."""
    where = feed_conditions(environment_id, channel_id, user, wanted)
    where.add(feed_status_condition(wanted.status))
    found, values = paging.conditions(NEWEST_FIRST, request)
    for condition in found:
        where.add(condition)
    cursor = await connection.execute(
        f"SELECT {_ITEM} FROM messages m WHERE {where.sql} "  # noqa: S608 - fixed text
        f"{paging.order_and_limit(NEWEST_FIRST, request)}",
        [*where.values, *values],
    )
    return paging.turn(NEWEST_FIRST, request, await cursor.fetchall())


async def count_items(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    user: RecipientRef,
    wanted: FeedFilter,
) -> dict[str, Any]:
    """Return total, unread and unseen counts; the status filter narrows only the total.

    A badge is asked for at every page view, so only the newest ten thousand items are counted
    (Knock's lists stop counting there too).
    """
    where = feed_conditions(environment_id, channel_id, user, wanted)
    cursor = await connection.execute(
        f"SELECT count(*) FILTER (WHERE {feed_status_condition(wanted.status)}) AS total_count, "  # noqa: S608
        "count(*) FILTER (WHERE m.read_at IS NULL) AS unread_count, "
        "count(*) FILTER (WHERE m.seen_at IS NULL) AS unseen_count "
        "FROM (SELECT m.read_at, m.seen_at, m.archived_at, m.interacted_at, m.link_clicked_at "
        f"FROM messages m WHERE {where.sql} ORDER BY m.inserted_at DESC, m.id DESC "
        f"LIMIT {_MOST_COUNTED}) AS m",
        where.values,
    )
    return one(await cursor.fetchone())


async def trigger_data_of(
    connection: Connection,
    environment_id: UUID,
    run_ids: Iterable[UUID],
    *,
    each: int,
    together: int,
) -> dict[UUID, dict[str, Any]]:
    """Return by run what its trigger carried for its recipient, without attachments.

    Runs whose data is larger than `each` bytes are left out, and those beyond `together`.
    """
    values = {
        "environment_id": environment_id,
        "run_ids": list(run_ids),
        "each": each,
        "together": together,
    }
    cursor = await connection.execute(_TRIGGER_DATA, values)
    return {row["id"]: row["data"] for row in await cursor.fetchall()}
