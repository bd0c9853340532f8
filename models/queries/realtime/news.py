"""Statements behind the socket: tell every process of news, and look for what was not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.realtime.news import FeedNews, FeedTopic
from domain.recipients.refs import USERS
from models.sql import fetch_all
from runtime.database import Connection

# Where PostgreSQL carries news from one process to all that listen.
CHANNEL = "carillon_news"

_TELL = "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text"

# By the index of a user's messages, the newest few of each feed. What waits for its send window is
# news when it is shown: who has heard of it would not listen then.
_NEW_ITEMS = f"""
SELECT t.environment_id, t.channel_id, t.user_id, m.id
FROM unnest(%(environment_ids)s::uuid[], %(channel_ids)s::uuid[], %(user_ids)s::text[],
            %(since)s::timestamptz[]) AS t (environment_id, channel_id, user_id, since)
CROSS JOIN LATERAL (
    SELECT id FROM messages m
    WHERE m.environment_id = t.environment_id AND m.collection = '{USERS}'
      AND m.recipient_id = t.user_id AND m.channel_id = t.channel_id
      AND m.inserted_at > t.since
      AND NOT EXISTS (SELECT FROM deliveries d WHERE d.message_id = m.id)
    ORDER BY m.inserted_at DESC, m.id DESC LIMIT %(limit)s
) AS m
"""  # noqa: S608 - constants

# Those that open next come first.
_HELD_ITEMS = f"""
SELECT t.environment_id, t.channel_id, t.user_id, d.message_id AS id
FROM unnest(%(environment_ids)s::uuid[], %(channel_ids)s::uuid[], %(user_ids)s::text[])
    AS t (environment_id, channel_id, user_id)
CROSS JOIN LATERAL (
    SELECT message_id FROM deliveries d
    WHERE d.environment_id = t.environment_id AND d.recipient_id = t.user_id
      AND d.collection = '{USERS}' AND d.channel_id = t.channel_id
    ORDER BY d.due_at, d.message_id LIMIT %(limit)s
) AS d
"""  # noqa: S608 - constants

_STATES = """
SELECT e.id, e.config_version, g.updated_at AS order_changed_at
FROM environments e LEFT JOIN guide_groups g ON g.environment_id = e.id
WHERE e.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class GuidesState:
    """What tells whether the guides of an environment, or their order, may have changed."""

    id: UUID
    config_version: int
    order_changed_at: datetime | None


async def tell(connection: Connection, texts: Sequence[str]) -> None:
    """Have PostgreSQL carry texts to every process that listens."""
    await connection.execute(_TELL, (CHANNEL, list(texts)))


async def new_items(
    connection: Connection, since: Sequence[tuple[FeedTopic, datetime]], *, limit: int
) -> list[FeedNews]:
    """Return the newest items of some feeds, at most `limit` of each, that came after an instant.

    Args:
        connection: to read by.
        since: each feed with its instant.
        limit: most items of one feed.
    """
    values = {
        **_topics([topic for topic, _ in since]),
        "since": [instant for _, instant in since],
        "limit": limit,
    }
    return await _items(connection, _NEW_ITEMS, values)


async def held_items(
    connection: Connection, topics: Sequence[FeedTopic], *, limit: int
) -> list[FeedNews]:
    """Return the items of some feeds that wait for their send window, at most `limit` of each."""
    return await _items(connection, _HELD_ITEMS, {**_topics(topics), "limit": limit})


def _topics(topics: Sequence[FeedTopic]) -> dict[str, object]:
    return {
        "environment_ids": [topic.environment_id for topic in topics],
        "channel_ids": [topic.channel_id for topic in topics],
        "user_ids": [topic.user_id for topic in topics],
    }


async def _items(
    connection: Connection, statement: str, values: dict[str, object]
) -> list[FeedNews]:
    cursor = await connection.execute(statement, values)
    return [
        FeedNews(FeedTopic(row["environment_id"], row["channel_id"], row["user_id"]), row["id"])
        for row in await cursor.fetchall()
    ]


async def guides_states(connection: Connection, environment_ids: list[UUID]) -> list[GuidesState]:
    """Return what tells of some environments whether their guides may have changed."""
    return await fetch_all(connection, GuidesState, _STATES, (environment_ids,))
