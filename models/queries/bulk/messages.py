"""Statements of bulk operations over the messages of a channel.

Rows are passed in the order of an index, so many at a time, whether they are wanted or not: a
filter that hardly anything fulfils costs many short statements, and never a long one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.bulk.messages import BulkMessageFilters
from domain.channels.kinds import READ_HERE
from domain.messages.filters import Archived
from domain.messages.statuses import PENDING_DELIVERY
from domain.recipients.refs import USERS
from models.queries.messages.filters import ENGAGED, add_trigger_data
from models.sql import Where, fetch_all, listed
from runtime.database import Connection, one

# What was committed when the operation was asked for: not what came later, nor what was still being
# made and carries an earlier instant. An id beyond all that this server has given out is of the
# server that the database was restored from.
_EXISTED = (
    "(pg_visible_in_snapshot(m.made_by::text::xid8, %s::pg_snapshot)"
    " OR m.made_by::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()))"
)
_ARCHIVED = {Archived.EXCLUDE: ENGAGED["unarchived"], Archived.ONLY: ENGAGED["archived"]}
_BY_NAME = {
    "delivery_status": "m.delivery_status = %s",
    "tenants": "m.tenant_id = ANY(%s)",
    "workflows": "m.workflow_key = ANY(%s)",
    "newer_than": "m.inserted_at > %s",
    "older_than": "m.inserted_at < %s",
}
# An item of a feed that waited for its send window was not there for whoever had read all by then.
_SHOWN = (
    f"(m.channel_type NOT IN ({listed(READ_HERE)})"
    f" OR m.delivery_status NOT IN ({listed(PENDING_DELIVERY)})"
    " AND (m.scheduled_at IS NULL OR m.scheduled_at <= %s))"
)
# The same of now, without reading each message.
_NOT_HELD = """m.id NOT IN (
    SELECT d.message_id FROM deliveries d
    WHERE d.environment_id = %s AND d.recipient_id = ANY(%s) AND d.collection = %s)"""
# As in feeds: badges stop counting there, too.
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedMessage:
    """A message that was passed, and whether it is one of those that are wanted."""

    id: UUID
    inserted_at: datetime
    is_wanted: bool


async def pass_messages(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    filters: BulkMessageFilters,
    *,
    user_id: str | None,
    snapshot: str,
    after: tuple[datetime, UUID] | None,
    limit: int,
    shown_by: datetime | None,
) -> list[PassedMessage]:
    """Return the next messages of a channel, newest first.

    Args:
        connection: a connection.
        environment_id: where.
        channel_id: which channel.
        filters: what is wanted of them.
        user_id: only those for this user; None for everybody's.
        snapshot: of the database when the operation was asked for.
        after: the last message that was passed before.
        limit: most messages.
        shown_by: leaves out items that their feed did not show at this instant; None for none.
    """
    wanted = _wanted(filters)
    wanted.add(_EXISTED, snapshot)
    if shown_by is not None:
        wanted.add(_SHOWN, shown_by)
    passed = _passed(environment_id, channel_id, user_id)
    if after is not None:
        passed.add("(m.inserted_at, m.id) < (%s, %s)", *after)
    return await fetch_all(
        connection,
        PassedMessage,
        f"SELECT m.id, m.inserted_at, ({wanted.sql}) AS is_wanted FROM messages m"  # noqa: S608
        f" WHERE {passed.sql} ORDER BY m.inserted_at DESC, m.id DESC LIMIT %s",
        [*wanted.values, *passed.values, limit],
    )


async def count_wanted(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    filters: BulkMessageFilters,
    *,
    with_held: bool,
) -> int:
    """Count the messages of the users that filters name which fulfil them, up to a bound.

    Args:
        connection: a connection.
        environment_id: where.
        channel_id: which channel.
        filters: what is wanted, of which users.
        with_held: whether items count that wait for their send window, which no feed shows.
    """
    where = Where()
    where.add(
        "m.environment_id = %s AND m.channel_id = %s AND m.recipient_id = ANY(%s)"
        " AND m.collection = %s",
        *(environment_id, channel_id, filters.user_ids, USERS),
    )
    if not with_held:
        where.add(_NOT_HELD, environment_id, filters.user_ids, USERS)
    wanted = _wanted(filters)
    where.add(wanted.sql, *wanted.values)
    cursor = await connection.execute(
        f"SELECT count(*) AS found FROM (SELECT FROM messages m WHERE {where.sql}"  # noqa: S608
        f" LIMIT {_MOST_COUNTED}) AS m",
        where.values,
    )
    return int(one(await cursor.fetchone())["found"])


def _passed(environment_id: UUID, channel_id: UUID, user_id: str | None) -> Where:
    where = Where()
    where.add("m.environment_id = %s AND m.channel_id = %s", environment_id, channel_id)
    if user_id is not None:
        where.add("m.recipient_id = %s AND m.collection = %s", user_id, USERS)
    return where


def _wanted(filters: BulkMessageFilters) -> Where:
    where = Where()
    where.add("true")
    where.add_by_name(_BY_NAME, filters)
    if filters.archived in _ARCHIVED:
        where.add(_ARCHIVED[filters.archived])
    if filters.engagement_status is not None:
        where.add(ENGAGED[filters.engagement_status])
    if filters.has_tenant is not None:
        where.add(f"m.tenant_id IS {'NOT ' if filters.has_tenant else ''}NULL")
    add_trigger_data(where, filters.trigger_data)
    return where
