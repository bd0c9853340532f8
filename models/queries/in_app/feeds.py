"""Statements of in-app feeds: items are messages of an in-app channel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

from domain.channels.types import ChannelType
from domain.kit.pages import Page, PageRequest
from domain.messages.filters import Archived, FeedFilters
from domain.messages.messages import FeedChange, FeedCounts, FeedItem
from domain.messages.statuses import ENGAGEMENT_COLUMNS
from domain.recipients.refs import RecipientRef
from models.queries.messages.filters import ENGAGED, SHARED, add_trigger_data
from models.sql import Listing, Where, fetch_one
from runtime.database import Connection, one

_ITEMS = Listing(
    FeedItem,
    source="messages m LEFT JOIN batches b ON b.id = m.batch_id",
    alias="m",
    keys=("inserted_at", "id"),
    finds="messages m",
    expressions={
        "total_activities": "b.total_activities",
        "total_actors": "b.total_actors",
    },
)
_ARCHIVED = {
    Archived.EXCLUDE: ENGAGED["unarchived"],
    Archived.INCLUDE: "true",
    Archived.ONLY: ENGAGED["archived"],
}
_ENGAGEMENT = ", ".join(f"m.{column}" for column in ENGAGEMENT_COLUMNS.values())
_NEWEST_FIRST = "m.inserted_at DESC, m.id DESC"
# Items that wait for their send window: of one recipient, so they are few, and found once for all
# items that are looked at, which are still read from the index of feeds alone.
_NOT_HELD_BACK = """m.id NOT IN (
    SELECT d.message_id FROM deliveries d
    WHERE d.environment_id = %s AND d.recipient_id = %s AND d.collection = %s
)"""
_MOST_COUNTED = 10_000
# How many of so many newest items have what counts as common among them.
_COMMON, _SAMPLED = 50, 500

C = TypeVar("C", bound=FeedCounts)


async def is_feed_channel(connection: Connection, channel_id: UUID) -> bool:
    """Tell whether a channel is in use, and an in-app feed."""
    cursor = await connection.execute(
        "SELECT FROM channels WHERE id = %s AND channel_type = %s AND archived_at IS NULL",
        [channel_id, ChannelType.IN_APP_FEED],
    )
    return await cursor.fetchone() is not None


async def list_items(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    user: RecipientRef,
    *,
    filters: FeedFilters,
    request: PageRequest,
) -> Page[FeedItem]:
    """Return a page of a feed, newest first."""
    where = _feed_conditions(environment_id, channel_id, user, filters)
    where = where.joined(_content_conditions(filters))
    where.add(ENGAGED.get(filters.status, "true"))
    return await _ITEMS.page(connection, where, request)


async def count_items(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    user: RecipientRef,
    filters: FeedFilters,
) -> FeedCounts:
    """Return total, unread and unseen counts; the status filter narrows only the total.

    A badge is asked for at every page view, so only the newest ten thousand items are counted
    (Knock's lists stop counting there too).
    """
    where = _feed_conditions(environment_id, channel_id, user, filters)
    return await _count(connection, FeedCounts, where, filters)


async def count_change(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    user: RecipientRef,
    filters: FeedFilters,
    *,
    new_ids: Collection[UUID],
) -> FeedChange:
    """Return the counts as `count_items` does, and whether the feed shows one of some items."""
    where = _feed_conditions(environment_id, channel_id, user, filters)
    has_news = (
        "coalesce(bool_or(m.id = ANY(%s) AND "
        f"{ENGAGED.get(filters.status, 'true')}), false) AS has_news"
    )
    return await _count(connection, FeedChange, where, filters, has_news, list(new_ids))


async def _count(
    connection: Connection,
    row: type[C],
    where: Where,
    filters: FeedFilters,
    also: str = "",
    *values: Any,
) -> C:
    """Count the newest items of a feed that are as the filters want them.

    Args:
        connection: where to read.
        row: what the counts make.
        where: which messages are the feed.
        filters: what is wanted of them.
        also: one more column, over the items that are counted.
        values: for its placeholders.
    """
    status = ENGAGED.get(filters.status, "true")
    columns = [
        f"count(*) FILTER (WHERE {status}) AS total_count",
        f"count(*) FILTER (WHERE {ENGAGED['unread']}) AS unread_count",
        f"count(*) FILTER (WHERE {ENGAGED['unseen']}) AS unseen_count",
        *([also] if also else []),
    ]
    content = _content_conditions(filters)
    items = f"SELECT m.id, {_ENGAGEMENT} FROM messages m WHERE {where.sql}"  # noqa: S608
    if content.conditions:
        if await _is_common(connection, where, content):
            items = (
                f"SELECT m.* FROM (SELECT m.* FROM messages m WHERE {where.sql}"  # noqa: S608
                f" ORDER BY {_NEWEST_FIRST} OFFSET 0) AS m WHERE {content.sql}"
            )
        else:
            items += f" AND {content.sql}"
    counts = await fetch_one(
        connection,
        row,
        f"SELECT {', '.join(columns)} FROM"  # noqa: S608 - constants
        f" ({items} ORDER BY {_NEWEST_FIRST} LIMIT {_MOST_COUNTED}) AS m",
        [*values, *where.values, *content.values],
        prepare=False if content.conditions else None,
    )
    return one(counts)


async def _is_common(connection: Connection, where: Where, content: Where) -> bool:
    """Tell whether many of the newest items of a feed have what is looked for.

    What many have is found by reading on through the feed; what few have, by the indexes of all
    messages, which would list what many have for everybody in the environment.
    """
    cursor = await connection.execute(
        "SELECT FROM (SELECT m.* FROM messages m"  # noqa: S608 - constants
        f" WHERE {where.sql} ORDER BY {_NEWEST_FIRST} LIMIT {_SAMPLED}) AS m"
        f" WHERE {content.sql} OFFSET {_COMMON - 1} LIMIT 1",
        [*where.values, *content.values],
        prepare=False,
    )
    return await cursor.fetchone() is not None


def _feed_conditions(
    environment_id: UUID, channel_id: UUID, user: RecipientRef, filters: FeedFilters
) -> Where:
    """Return the conditions of a feed that its index has, all but its status.

    Badge counts do not depend on that.
    """
    where = Where()
    where.add("m.environment_id = %s", environment_id)
    where.recipient(user)
    where.add("m.channel_id = %s", channel_id)
    where.add(_NOT_HELD_BACK, environment_id, user.id, user.collection)
    where.add(_ARCHIVED[filters.archived])
    match filters.has_tenant, filters.tenant:
        case False, _:
            where.add("m.tenant_id IS NULL")
        case True, None:
            where.add("m.tenant_id IS NOT NULL")
        case True, tenant:
            where.add("m.tenant_id = %s", tenant)
        case None, str(tenant):
            where.add("(m.tenant_id = %s OR m.tenant_id IS NULL)", tenant)
    if filters.within is not None:
        where.add(
            "CASE WHEN m.tenant_id IS NULL THEN %s ELSE m.tenant_id = ANY(%s) END",
            filters.within.with_none,
            list(filters.within.tenant_ids),
        )
    where.add_by_name(SHARED, filters)
    where.bounds("m.inserted_at", filters.inserted_at)
    return where


def _content_conditions(filters: FeedFilters) -> Where:
    """Return what else is wanted of the items of a feed, for which each has to be read."""
    where = Where()
    add_trigger_data(where, filters.trigger_data)
    return where
