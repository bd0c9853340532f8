"""What recipients have stored for one channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from models.queries.recipients.by_key import GIVEN, key_values
from models.sql import fetch_one
from runtime.database import Connection

_OF_SOME = f"""
SELECT given.collection, given.id, d.data
FROM {GIVEN} CROSS JOIN LATERAL (
    SELECT * FROM channel_data d
    WHERE d.environment_id = %(environment_id)s AND d.collection = given.collection
      AND d.recipient_id = given.id AND d.channel_id = %(channel_id)s
    LIMIT 1
) AS d
"""  # noqa: S608 - constants

# As whoever changes a recipient does, before anything that belongs to it.
_HOLD_OF_MESSAGE = """
SELECT FROM messages m
JOIN recipients r ON r.environment_id = m.environment_id AND r.collection = m.collection
 AND r.id = m.recipient_id
WHERE m.id = %s AND m.environment_id = %s FOR NO KEY UPDATE OF r
"""

# Finds what the recipient of a message that bounced has stored, and holds it until the transaction
# ends.
_OF_MESSAGE = """
SELECT d.collection, d.recipient_id, d.channel_id, d.data, s.channel_settings
FROM messages m
JOIN channel_data d ON d.environment_id = m.environment_id AND d.collection = m.collection
 AND d.recipient_id = m.recipient_id AND d.channel_id = m.channel_id
JOIN channel_environments s ON s.environment_id = m.environment_id AND s.channel_id = m.channel_id
WHERE m.id = %s AND m.environment_id = %s
FOR UPDATE OF d
"""

# Connections that were found for the recipient of a message, unless it has stored its own.
_ADD_FOUND = """
INSERT INTO channel_data AS stored
    (environment_id, collection, recipient_id, channel_id, data, updated_at)
SELECT m.environment_id, m.collection, m.recipient_id, m.channel_id, %s, %s
FROM messages m
JOIN recipients r ON r.environment_id = m.environment_id AND r.collection = m.collection
 AND r.id = m.recipient_id
WHERE m.id = %s AND m.environment_id = %s
ON CONFLICT (environment_id, collection, recipient_id, channel_id) DO UPDATE
SET data = stored.data || excluded.data, updated_at = excluded.updated_at
WHERE coalesce(stored.data -> 'connections', '[]') IN ('[]', 'null')
RETURNING collection, recipient_id
"""

_GET = """
SELECT data FROM channel_data
WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s
"""

_REPLACE = """
UPDATE channel_data SET data = %s, updated_at = %s
WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s
"""


@dataclass(frozen=True, slots=True)
class StoredForMessage:
    """What the recipient of a message has stored for its channel, and the channel's settings."""

    collection: str
    recipient_id: str
    channel_id: UUID
    data: JsonObject
    channel_settings: JsonObject


async def channel_data_of(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef], channel_id: UUID
) -> dict[RecipientRef, JsonObject]:
    """Return the data for a channel of those recipients that have stored some."""
    values = {**key_values(environment_id, refs), "channel_id": channel_id}
    cursor = await connection.execute(_OF_SOME, values)
    return {
        RecipientRef(row["collection"], row["id"]): row["data"] for row in await cursor.fetchall()
    }


async def lock_for_message(
    connection: Connection, environment_id: UUID, message_id: UUID
) -> StoredForMessage | None:
    """Hold the recipient of a message; return what it has stored for the channel, or None."""
    await connection.execute(_HOLD_OF_MESSAGE, (message_id, environment_id))
    return await fetch_one(connection, StoredForMessage, _OF_MESSAGE, (message_id, environment_id))


async def replace_data(
    connection: Connection,
    environment_id: UUID,
    stored: StoredForMessage,
    data: JsonObject,
    *,
    now: datetime,
) -> None:
    """Store other data in the place of what was locked."""
    place = (environment_id, stored.collection, stored.recipient_id, stored.channel_id)
    await connection.execute(_REPLACE, (Jsonb(data), now, *place))


async def add_found_connection(
    connection: Connection,
    environment_id: UUID,
    message_id: UUID,
    found: JsonObject,
    *,
    now: datetime,
) -> RecipientRef | None:
    """Hold the recipient of a message, and store a connection for it unless it has one.

    Returns whose it is now, or None when nothing was stored.
    """
    await connection.execute(_HOLD_OF_MESSAGE, (message_id, environment_id))
    values = (Jsonb({"connections": [found]}), now, message_id, environment_id)
    cursor = await connection.execute(_ADD_FOUND, values)
    row = await cursor.fetchone()
    return None if row is None else RecipientRef(row["collection"], row["recipient_id"])


async def get_channel_data(
    connection: Connection, environment_id: UUID, ref: RecipientRef, channel_id: UUID
) -> JsonObject | None:
    """Return a recipient's data for a channel, or None."""
    cursor = await connection.execute(_GET, (environment_id, ref.collection, ref.id, channel_id))
    row = await cursor.fetchone()
    return None if row is None else row["data"]


async def delete_channel_data(
    connection: Connection, environment_id: UUID, ref: RecipientRef, channel_id: UUID
) -> bool:
    """Forget a recipient's data for a channel; tells whether there was any."""
    cursor = await connection.execute(
        "DELETE FROM channel_data"
        " WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s",
        (environment_id, ref.collection, ref.id, channel_id),
    )
    return cursor.rowcount > 0


async def forget_member(
    connection: Connection,
    environment_id: UUID,
    ref: RecipientRef,
    channel_id: UUID,
    member: str,
    *,
    now: datetime,
) -> bool:
    """Take one member out of a recipient's data for a channel; tells whether it was there."""
    cursor = await connection.execute(
        "UPDATE channel_data SET data = data - %s::text, updated_at = %s"
        " WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND channel_id = %s"
        " AND data ? %s",
        (member, now, environment_id, ref.collection, ref.id, channel_id, member),
    )
    return cursor.rowcount > 0
