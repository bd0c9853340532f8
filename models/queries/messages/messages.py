"""Statements over messages, their events and delivery attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from domain.kit.pages import Page, PageRequest
from domain.messages.events import NewMessageEvent
from domain.messages.filters import MessageFilters
from domain.messages.messages import DeliveryAttempt, Message, MessageEvent, RenderedContent
from models.queries.messages.filters import message_conditions
from models.sql import Listing, Where
from runtime.database import Connection, one

_MESSAGES = Listing(
    Message,
    source="messages m LEFT JOIN channels c ON c.id = m.channel_id",
    alias="m",
    keys=("inserted_at", "id"),
    expressions={
        f"channel_{column}": f"c.{column}"
        for column in ("key", "name", "provider", "inserted_at", "updated_at")
    },
)
_EVENTS = Listing(
    MessageEvent,
    # The first ones are told by the message's row; `own` has only those that are stored.
    source="""(
        SELECT own.id, own.event_type, own.data, own.inserted_at
        FROM message_events own JOIN messages m ON m.id = own.message_id
        WHERE m.environment_id = %s AND m.id = %s
        UNION ALL
        SELECT given.id, given.event_type, NULL, %s::timestamptz
        FROM unnest(%s::uuid[], %s::text[]) AS given (id, event_type)
    ) AS e""",
    alias="e",
    keys=("id",),
)
_ATTEMPTS = Listing(DeliveryAttempt, source="delivery_attempts a", alias="a", keys=("id",))
_CONTENTS = Listing(RenderedContent, source="messages m", alias="m", keys=("id",))

# A category is looked for by reading on if one message in this many has it.
_NEWEST = 1_000
# More than so many are not looked up one by one for a page of at most fifty.
_FEW = 10_000

M = TypeVar("M", Message, RenderedContent)


async def list_messages(
    connection: Connection, environment_id: UUID, filters: MessageFilters, request: PageRequest
) -> Page[Message]:
    """Return a page of messages, newest first."""
    where = message_conditions(environment_id, filters)
    rare = await _of_rare_categories(connection, environment_id, filters)
    if rare is not None:
        where.add("m.id = ANY(%s)", rare)
    return await _MESSAGES.page(connection, where, request)


async def _of_rare_categories(
    connection: Connection, environment_id: UUID, filters: MessageFilters
) -> list[UUID] | None:
    """Return the messages of the categories that are looked for, when they are rare and few.

    None where a list is short without them: that of a recipient, a run or a workflow.
    """
    categories = filters.workflow_categories
    narrower = (
        filters.recipient,
        filters.source,
        filters.workflow_run_id,
        filters.workflow_recipient_run_id,
        filters.message_ids,
    )
    if not categories or any(narrower):
        return None
    if not await _is_rare(connection, environment_id, categories):
        return None
    # Planned as if all were wanted, which the index of values serves, and read no further.
    cursor = await connection.execute(
        """
        WITH found AS MATERIALIZED (
            SELECT id FROM messages WHERE environment_id = %s AND categories && %s::text[]
        ) SELECT id FROM found LIMIT %s
        """,
        [environment_id, list(categories), _FEW + 1],
        prepare=False,
    )
    ids = [row["id"] for row in await cursor.fetchall()]
    return ids if len(ids) <= _FEW else None


async def _is_rare(connection: Connection, environment_id: UUID, categories: Sequence[str]) -> bool:
    """Tell whether none of the newest messages has a category.

    PostgreSQL takes every category that it did not sample for one of two hundred messages, and
    would rather read on from the newest until a page is full: of a rare one, all of them.
    """
    cursor = await connection.execute(
        """
        SELECT 1 FROM (
            SELECT categories FROM messages WHERE environment_id = %s
            ORDER BY inserted_at DESC, id DESC LIMIT %s
        ) AS newest WHERE categories && %s::text[] LIMIT 1
        """,
        [environment_id, _NEWEST, list(categories)],
        prepare=False,
    )
    return await cursor.fetchone() is None


async def messages_by_id(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> list[Message]:
    """Return those of the messages that exist, in the order of their ids in `message_ids`."""
    return await _by_id(_MESSAGES, connection, environment_id, message_ids)


async def message_contents(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> list[RenderedContent]:
    """Return the rendered contents of those of the messages that exist, in the given order."""
    return await _by_id(_CONTENTS, connection, environment_id, message_ids)


async def _by_id(
    listing: Listing[M], connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> list[M]:
    where = Where()
    where.add("m.environment_id = %s AND m.id = ANY(%s)", environment_id, list(message_ids))
    found = {row.id: row for row in await listing.all(connection, where)}
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
    environment_id: UUID,
    message_id: UUID,
    request: PageRequest,
    *,
    first: Sequence[NewMessageEvent],
) -> Page[MessageEvent]:
    """Return a page of a message's events, newest first.

    Args:
        connection: where to read.
        environment_id: where the message is.
        message_id: which message.
        request: which page.
        first: the events that the message's row stands for, all of one instant.
    """
    where = Where()
    where.add("true")
    ids, types = [event.id for event in first], [event.type for event in first]
    given = [environment_id, message_id, first[0].at, ids, types]
    return await _EVENTS.page(connection, where, request, given=given)


async def list_attempts(
    connection: Connection, environment_id: UUID, message_id: UUID, request: PageRequest
) -> Page[DeliveryAttempt]:
    """Return a page of a message's delivery attempts, newest first."""
    where = Where()
    where.add("a.message_id = %s AND a.environment_id = %s", message_id, environment_id)
    return await _ATTEMPTS.page(connection, where, request)
