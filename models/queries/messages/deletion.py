"""Statements that delete messages with all that hangs on them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from runtime.database import Connection

# A statement sees only what was there when it began: whoever is still writing an event holds the
# message, and is waited for before what hangs on it is deleted.
_LOCK = "SELECT FROM messages WHERE environment_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE"
_DELETE = tuple(
    f"DELETE FROM {table} WHERE {column} IN ("  # noqa: S608 - constants
    "SELECT id FROM messages WHERE environment_id = %s AND id = ANY(%s))"
    for table, column in (
        ("deliveries", "message_id"),
        ("status_checks", "message_id"),
        ("message_events", "message_id"),
        ("delivery_attempts", "message_id"),
        ("messages", "id"),
    )
)


async def delete_messages(
    connection: Connection, environment_id: UUID, message_ids: Collection[UUID]
) -> None:
    """Delete messages with all that hangs on them, inside a transaction."""
    values = (environment_id, list(message_ids))
    for statement in (_LOCK, *_DELETE):
        await connection.execute(statement, values)
