"""Statements over channels that an operator holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from runtime.database import Connection

_HOLD = """
INSERT INTO channel_holds (environment_id, channel_id, since) VALUES (%s, %s, %s)
ON CONFLICT (environment_id, channel_id) DO NOTHING
"""
_RELEASE = "DELETE FROM channel_holds WHERE environment_id = %s AND channel_id = %s"

_WAITING = """
SELECT count(*)::int AS messages FROM deliveries WHERE environment_id = %s AND channel_id = %s
"""


async def hold_channel(
    connection: Connection, environment_id: UUID, channel_id: UUID, now: datetime
) -> None:
    """Hold a channel; one that is held stays so."""
    await connection.execute(_HOLD, (environment_id, channel_id, now))


async def release_channel(connection: Connection, environment_id: UUID, channel_id: UUID) -> None:
    """Release a channel."""
    await connection.execute(_RELEASE, (environment_id, channel_id))


async def messages_on_their_way(
    connection: Connection, environment_id: UUID, channel_id: UUID
) -> int:
    """Return how many messages of a channel have not reached a final status."""
    cursor = await connection.execute(_WAITING, (environment_id, channel_id))
    row = await cursor.fetchone()
    return int(row["messages"]) if row else 0
