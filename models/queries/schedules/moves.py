"""Recipients whose time zone was changed, as a trigger of the database notes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from domain.recipients.refs import RecipientRef
from domain.schedules.rows import Move
from models.queries.recipients.by_key import GIVEN, key_values
from models.sql import columns_of, fetch_all
from runtime.database import Connection

_AMONG = f"""
SELECT m.collection, m.recipient_id AS id FROM moved_recipients m
JOIN {GIVEN} ON m.collection = given.collection AND m.recipient_id = given.id
WHERE m.environment_id = %(environment_id)s
"""  # noqa: S608 - constants

_SETTLED = f"""
SELECT {columns_of(Move, "m")} FROM moved_recipients m
WHERE m.moved_at < now() - %(age)s::interval
  AND (%(after)s::timestamptz IS NULL
       OR (m.moved_at, m.environment_id, m.collection, m.recipient_id)
        > (%(after)s, %(environment_id)s::uuid, %(collection)s::text, %(recipient_id)s::text))
ORDER BY m.moved_at, m.environment_id, m.collection, m.recipient_id LIMIT %(limit)s
"""  # noqa: S608 - names of fields

# Who has moved again meanwhile stays.
_FORGET = """
DELETE FROM moved_recipients
WHERE environment_id = %s AND collection = %s AND recipient_id = %s AND moved_at = %s
"""


async def moved_among(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef]
) -> list[RecipientRef]:
    """Return which of some recipients have moved lately, in this transaction or before."""
    return await fetch_all(connection, RecipientRef, _AMONG, key_values(environment_id, refs))


async def settled_moves(
    connection: Connection, *, age: timedelta, limit: int, after: Move | None = None
) -> list[Move]:
    """Return moves that were made some time ago, by the database's clock, the oldest first."""
    values = {
        "age": age,
        "limit": limit,
        "after": after and after.moved_at,
        "environment_id": after and after.environment_id,
        "collection": after and after.collection,
        "recipient_id": after and after.recipient_id,
    }
    return await fetch_all(connection, Move, _SETTLED, values)


async def forget_move(connection: Connection, move: Move) -> None:
    """Note that everybody has followed a move."""
    values = (move.environment_id, move.collection, move.recipient_id, move.moved_at)
    await connection.execute(_FORGET, values)
