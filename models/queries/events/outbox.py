"""Statements of the outbox's readers: subscribe, take what is new in order, and tidy up.

An id is drawn when its row is written, and may become visible after a greater one that was drawn
later and committed earlier. Whoever reads up to an id therefore makes sure first that every
transaction has ended that may have drawn a lower one: see `writers`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.events.outbox import OutboxRow, ReaderState, Subscription
from models.sql import columns_of, fetch_all
from runtime.database import Connection

# Ids that were drawn so far; what is written after this statement gets a greater one.
_LAST_ID = "coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'id')), 0)"

_REGISTER = f"""
INSERT INTO outbox_readers (name, position, patience, inserted_at)
VALUES (%(reader)s, {_LAST_ID}, %(patience)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET patience = excluded.patience
"""  # noqa: S608 - fixed text

_SUBSCRIBE = f"""
INSERT INTO outbox_subscriptions (reader, environment_id, event_types, since)
VALUES (%(reader)s, %(environment_id)s, %(event_types)s, {_LAST_ID})
ON CONFLICT (reader, environment_id) DO UPDATE SET event_types = excluded.event_types
WHERE outbox_subscriptions.event_types <> excluded.event_types
"""  # noqa: S608 - fixed text

# Held for the rest of the transaction, so that nobody ends the subscription meanwhile.
_HOLD_SUBSCRIPTION = """
SELECT FROM outbox_subscriptions
WHERE reader = %(reader)s AND environment_id = %(environment_id)s
  AND event_types @> %(event_types)s::text[]
FOR KEY SHARE
"""

_WIDEN = f"""
INSERT INTO outbox_subscriptions AS known (reader, environment_id, event_types, since)
VALUES (%(reader)s, %(environment_id)s, %(event_types)s, {_LAST_ID})
ON CONFLICT (reader, environment_id) DO UPDATE
SET event_types = ARRAY(
    SELECT DISTINCT unnest(known.event_types || excluded.event_types) ORDER BY 1)
"""  # noqa: S608 - fixed text

_LOCK_SUBSCRIPTION = """
SELECT FROM outbox_subscriptions WHERE reader = %s AND environment_id = %s FOR UPDATE
"""

# A reader that wants nothing more goes with its last subscription.
_UNSUBSCRIBE = """
WITH ended AS (
    DELETE FROM outbox_subscriptions
    WHERE reader = %(reader)s AND environment_id = %(environment_id)s
)
DELETE FROM outbox_readers r
WHERE r.name = %(reader)s AND NOT EXISTS (
    SELECT FROM outbox_subscriptions s
    WHERE s.reader = r.name AND s.environment_id <> %(environment_id)s)
"""

_SUBSCRIBED = """
SELECT DISTINCT unnest(event_types) AS event_type FROM outbox_subscriptions
WHERE environment_id = %s
"""

_NEWS = """
SELECT position, (SELECT max(id) FROM outbox) AS newest FROM outbox_readers WHERE name = %s
"""

# Whoever inserts into a table holds this lock on it from before the row's id is drawn until after
# its transaction has ended and its rows can be seen. Readers and the table's index do not matter.
_WRITERS = """
SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock'
  AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_HOLD = "SELECT position FROM outbox_readers WHERE name = %s FOR UPDATE SKIP LOCKED"

_NEXT = f"""
SELECT {columns_of(OutboxRow, "o")}
FROM outbox o
JOIN outbox_subscriptions s
  ON s.reader = %(reader)s AND s.environment_id = o.environment_id
 AND o.event_type = ANY(s.event_types) AND o.id > s.since
WHERE o.id > %(after)s AND o.id <= %(up_to)s
ORDER BY o.id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

_READERS = """
SELECT r.name, r.position, r.patience,
       (SELECT o.happened_at FROM outbox o WHERE o.id > r.position ORDER BY o.id LIMIT 1)
           AS behind_since
FROM outbox_readers r ORDER BY r.name
"""

# One that somebody reads for at this moment is not given up.
_FORGET = """
DELETE FROM outbox_readers WHERE name IN (
    SELECT name FROM outbox_readers WHERE name = %s AND position = %s FOR UPDATE SKIP LOCKED)
"""

_TRIM = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox
    WHERE id <= (SELECT coalesce(min(position), 9223372036854775807) FROM outbox_readers)
    ORDER BY id LIMIT %s)
"""


async def subscribe(
    connection: Connection, environment_id: UUID, wanted: Subscription, now: datetime
) -> None:
    """Subscribe a reader to what happens from now on; one that is known goes on where it is."""
    values = {
        "reader": wanted.reader,
        "environment_id": environment_id,
        "event_types": sorted(wanted.event_types),
        "patience": wanted.patience,
        "now": now,
    }
    await connection.execute(_REGISTER, values)
    await connection.execute(_SUBSCRIBE, values)


async def subscribe_also(
    connection: Connection, environment_id: UUID, wanted: Subscription, now: datetime
) -> None:
    """Subscribe a reader to more events than before, unless it hears of them already."""
    values = {
        "reader": wanted.reader,
        "environment_id": environment_id,
        "event_types": sorted(wanted.event_types),
        "patience": wanted.patience,
        "now": now,
    }
    cursor = await connection.execute(_HOLD_SUBSCRIPTION, values)
    if cursor.rowcount == 0:
        await connection.execute(_REGISTER, values)
        await connection.execute(_WIDEN, values)


async def lock_subscription(connection: Connection, environment_id: UUID, reader: str) -> None:
    """Keep others from relying on a subscription until the transaction ends."""
    await connection.execute(_LOCK_SUBSCRIPTION, (reader, environment_id))


async def unsubscribe(connection: Connection, environment_id: UUID, reader: str) -> None:
    """End the subscription of a reader in an environment."""
    values = {"reader": reader, "environment_id": environment_id}
    await connection.execute(_UNSUBSCRIBE, values)


async def subscribed_events(connection: Connection, environment_id: UUID) -> frozenset[str]:
    """Return the types of all events that somebody has subscribed to in an environment."""
    cursor = await connection.execute(_SUBSCRIBED, (environment_id,))
    return frozenset(row["event_type"] for row in await cursor.fetchall())


async def news(connection: Connection, reader: str) -> tuple[int, int] | None:
    """Return a reader's position and the greatest id that can be seen; None: it is not known."""
    cursor = await connection.execute(_NEWS, (reader,))
    row = await cursor.fetchone()
    return None if row is None else (row["position"], row["newest"] or 0)


async def writers(connection: Connection) -> frozenset[str]:
    """Return the transactions under way that write, or may write, into the outbox.

    An id below one that can be seen is settled, visible or lost, once all of these have ended.
    """
    cursor = await connection.execute(_WRITERS)
    return frozenset(row["writer"] for row in await cursor.fetchall())


async def hold_reader(connection: Connection, reader: str) -> int | None:
    """Lock a reader for the rest of the transaction and return its position.

    Returns:
        None when somebody else holds it, or it is not known.
    """
    cursor = await connection.execute(_HOLD, (reader,))
    row = await cursor.fetchone()
    return None if row is None else int(row["position"])


async def next_rows(
    connection: Connection, reader: str, *, after: int, up_to: int, limit: int
) -> list[OutboxRow]:
    """Return what a reader has subscribed to between two ids, the first excluded, in order."""
    values = {"reader": reader, "after": after, "up_to": up_to, "limit": limit}
    return await fetch_all(connection, OutboxRow, _NEXT, values)


async def move_reader(connection: Connection, reader: str, position: int) -> None:
    """Note how far a reader has come."""
    await connection.execute(
        "UPDATE outbox_readers SET position = %s WHERE name = %s", (position, reader)
    )


async def readers(connection: Connection) -> list[ReaderState]:
    """Return every reader, and how far it has come."""
    return await fetch_all(connection, ReaderState, _READERS)


async def forget_reader(connection: Connection, reader: ReaderState) -> bool:
    """Delete a reader with its subscriptions, unless it has moved; returns whether it is gone."""
    cursor = await connection.execute(_FORGET, (reader.name, reader.position))
    return cursor.rowcount > 0


async def trim(connection: Connection, *, limit: int) -> int:
    """Delete the oldest rows that every reader has passed; returns how many."""
    cursor = await connection.execute(_TRIM, (limit,))
    return cursor.rowcount
