"""What a recipient has stored for one channel."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from runtime.database import Connection

_GET = """
SELECT data FROM channel_data
WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s
"""


async def channel_data_of(
    connection: Connection, environment_id: UUID, ref: RecipientRef, channel_id: UUID
) -> JsonObject | None:
    """Return a recipient's data for a channel, or None."""
    cursor = await connection.execute(_GET, (environment_id, ref.collection, ref.id, channel_id))
    row = await cursor.fetchone()
    return None if row is None else row["data"]


async def delete_channel_data(
    connection: Connection, environment_id: UUID, ref: RecipientRef, channel_id: UUID
) -> None:
    """Forget a recipient's data for a channel."""
    await connection.execute(
        "DELETE FROM channel_data"
        " WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s",
        (environment_id, ref.collection, ref.id, channel_id),
    )


async def forget_member(
    connection: Connection,
    environment_id: UUID,
    ref: RecipientRef,
    channel_id: UUID,
    member: str,
    *,
    now: datetime,
) -> None:
    """Take one member out of a recipient's data for a channel."""
    await connection.execute(
        "UPDATE channel_data SET data = data - %s::text, updated_at = %s"
        " WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s",
        (member, now, environment_id, ref.collection, ref.id, channel_id),
    )
