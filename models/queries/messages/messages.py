"""Statements over messages, their events and delivery attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.kit.pages import Page, PageRequest
from domain.messages.filters import MessageFilter
from models.queries import paging
from models.queries.messages.filters import message_conditions
from runtime.database import Connection, one

# Everything of a message but its content, which may be large.
_COLUMNS = """
m.id, m.channel_id, m.channel_type, m.recipient_run_id, m.workflow_run_id, m.workflow_key,
m.version_id, m.step_ref, m.categories, m.collection, m.recipient_id, m.tenant_id, m.actors,
m.data, m.delivery_status, m.seen_at, m.read_at, m.interacted_at, m.link_clicked_at,
m.archived_at, m.scheduled_at, m.provider_metadata, m.recipient_snapshot, m.inserted_at,
m.updated_at
"""
_CHANNEL = """
c.key AS channel_key, c.name AS channel_name, c.provider AS channel_provider,
c.inserted_at AS channel_inserted_at, c.updated_at AS channel_updated_at
"""
_FROM = "FROM messages m LEFT JOIN channels c ON c.id = m.channel_id"
NEWEST_FIRST = paging.Keyset(("m.inserted_at", "m.id"))
_BY_ID = paging.Keyset(("id",))


_ALL_EVENTS = """
SELECT id, event_type, data, inserted_at FROM message_events WHERE message_id = %s
UNION ALL
SELECT given.id, given.event_type, NULL, %s::timestamptz FROM unnest(%s::uuid[], %s::text[])
    AS given (id, event_type)
"""


async def list_messages(
    connection: Connection, environment_id: UUID, wanted: MessageFilter, request: PageRequest
) -> Page:
    """Return a page of messages, newest first."""
    where = message_conditions(environment_id, wanted)
    found, values = paging.conditions(NEWEST_FIRST, request)
    for condition in found:
        where.add(condition)
    cursor = await connection.execute(
        f"SELECT {_COLUMNS}, {_CHANNEL} {_FROM} WHERE {where.sql} "
        f"{paging.order_and_limit(NEWEST_FIRST, request)}",
        [*where.values, *values],
    )
    return paging.turn(NEWEST_FIRST, request, await cursor.fetchall())


async def messages_by_id(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    """Return those of the messages that exist, in the order of their ids in `message_ids`."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS}, {_CHANNEL} {_FROM} WHERE m.environment_id = %s AND m.id = ANY(%s)",
        [environment_id, list(message_ids)],
    )
    found = {row["id"]: row for row in await cursor.fetchall()}
    return [found[one] for one in message_ids if one in found]


async def message_contents(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    """Return the rendered contents of those of the messages that exist, in the given order."""
    cursor = await connection.execute(
        "SELECT id, channel_type, content, recipient_snapshot, inserted_at FROM messages "
        "WHERE environment_id = %s AND id = ANY(%s)",
        [environment_id, list(message_ids)],
    )
    found = {row["id"]: row for row in await cursor.fetchall()}
    return [found[one] for one in message_ids if one in found]


async def contents_size(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> int:
    """Return how many bytes the contents of messages have together."""
    cursor = await connection.execute(
        "SELECT coalesce(sum(octet_length(content::text)), 0)::bigint AS size FROM messages "
        "WHERE environment_id = %s AND id = ANY(%s)",
        [environment_id, list(message_ids)],
    )
    return int(one(await cursor.fetchone())["size"])


async def list_events(
    connection: Connection,
    message_id: UUID,
    request: PageRequest,
    *,
    first: Sequence[tuple[UUID, str]],
    first_at: datetime,
) -> Page:
    """Return a page of a message's events, newest first.

    Args:
        connection: where to read.
        message_id: which message.
        request: which page.
        first: id and type of the events that the message's row stands for.
        first_at: when those happened.
    """
    conditions, values = paging.conditions(_BY_ID, request)
    where = " AND ".join(["true", *conditions])
    cursor = await connection.execute(
        f"SELECT id, event_type, data, inserted_at FROM ({_ALL_EVENTS}) AS e WHERE {where} "  # noqa: S608
        f"{paging.order_and_limit(_BY_ID, request)}",
        [message_id, first_at, [each for each, _ in first], [name for _, name in first], *values],
    )
    return paging.turn(_BY_ID, request, await cursor.fetchall())


async def list_attempts(connection: Connection, message_id: UUID, request: PageRequest) -> Page:
    """Return a page of a message's delivery attempts, newest first."""
    columns = "id, environment_id, service_name, request, response, inserted_at"
    return await _page_of_message(connection, columns, "delivery_attempts", message_id, request)


async def _page_of_message(
    connection: Connection, columns: str, table: str, message_id: UUID, request: PageRequest
) -> Page:
    conditions, values = paging.conditions(_BY_ID, request)
    where = " AND ".join(["message_id = %s", *conditions])
    cursor = await connection.execute(
        f"SELECT {columns} FROM {table} WHERE {where} "  # noqa: S608 - fixed text
        f"{paging.order_and_limit(_BY_ID, request)}",
        [message_id, *values],
    )
    return paging.turn(_BY_ID, request, await cursor.fetchall())
