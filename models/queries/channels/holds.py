"""Statements over channels that an operator holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.deliveries.claims import HELD_BY_OPERATOR, HeldChannel, OverdueDelivery
from models.sql import columns_of, fetch_all
from runtime.database import Connection

_EXPRESSIONS = {
    "environment": "e.slug",
    "workflow_key": "m.workflow_key",
    "recipient_run_id": "m.recipient_run_id",
}
_HOLD = """
INSERT INTO channel_holds (environment_id, channel_id, since) VALUES (%s, %s, %s)
ON CONFLICT (environment_id, channel_id) DO NOTHING
"""
_RELEASE = "DELETE FROM channel_holds WHERE environment_id = %s AND channel_id = %s"

# Nobody else is at them: who delivers one now has found out by itself, or will.
_SEND_ON = f"""
WITH held AS MATERIALIZED (
    SELECT message_id FROM deliveries
    WHERE environment_id = %(environment_id)s AND channel_id = %(channel_id)s
      AND held_for = '{HELD_BY_OPERATOR}' AND lease_owner IS NULL AND message_id > %(after)s
    ORDER BY message_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), due AS (
    UPDATE deliveries d SET due_at = least(d.due_at, now()), held_for = NULL
    FROM held WHERE d.message_id = held.message_id
    RETURNING d.*
)
SELECT {columns_of(OverdueDelivery, "d", _EXPRESSIONS)}
FROM due d JOIN messages m ON m.id = d.message_id JOIN environments e ON e.id = d.environment_id
ORDER BY d.message_id
"""  # noqa: S608 - constants

_WAITING = """
SELECT count(*)::int AS messages FROM deliveries WHERE environment_id = %s AND channel_id = %s
"""


_HELD = """
SELECT c.key AS channel_key, e.slug AS environment, h.since,
       (SELECT count(*) FROM deliveries d
        WHERE d.environment_id = h.environment_id AND d.channel_id = h.channel_id)::int AS messages
FROM channel_holds h
JOIN channels c ON c.id = h.channel_id
JOIN environments e ON e.id = h.environment_id AND e.removed_at IS NULL
ORDER BY h.since, c.key, e.slug
"""


async def held_channels(connection: Connection) -> list[HeldChannel]:
    """Return what is held in any environment, held longest first."""
    return await fetch_all(connection, HeldChannel, _HELD)


async def hold_channel(
    connection: Connection, environment_id: UUID, channel_id: UUID, now: datetime
) -> None:
    """Hold a channel; one that is held stays so."""
    await connection.execute(_HOLD, (environment_id, channel_id, now))


async def release_channel(connection: Connection, environment_id: UUID, channel_id: UUID) -> None:
    """Release a channel."""
    await connection.execute(_RELEASE, (environment_id, channel_id))


async def send_on(
    connection: Connection, environment_id: UUID, channel_id: UUID, *, after: UUID, limit: int
) -> list[OverdueDelivery]:
    """Make messages due that a channel was held for, and return them by id.

    Args:
        connection: outside a transaction.
        environment_id: where.
        channel_id: which channel.
        after: the last of the page before.
        limit: of a page.
    """
    values = {
        "environment_id": environment_id,
        "channel_id": channel_id,
        "after": after,
        "limit": limit,
    }
    return await fetch_all(connection, OverdueDelivery, _SEND_ON, values)


async def messages_on_their_way(
    connection: Connection, environment_id: UUID, channel_id: UUID
) -> int:
    """Return how many messages of a channel have not reached a final status."""
    cursor = await connection.execute(_WAITING, (environment_id, channel_id))
    row = await cursor.fetchone()
    return int(row["messages"]) if row else 0
