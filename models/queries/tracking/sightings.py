"""Stores that links were followed and messages opened, and tells it in the same transaction."""

from __future__ import annotations

from domain.channels.kinds import CHANNEL_KINDS
from domain.kit.ids import first_id_before
from domain.messages.events import MessageEventType
from domain.tracking.rows import Sighting
from models.queries.events.writing import message_facts, tell_messages
from models.sql import listed
from runtime.database import Connection

# Programs fetch twice, and anybody may fetch for ever: the same is told once within this time.
_ONCE_IN_SECONDS = 1
_CLICK_READS = listed(name for name, kind in CHANNEL_KINDS.items() if kind.click_reads)


def _is_new(event: MessageEventType) -> str:
    return f"""NOT EXISTS (
        SELECT FROM message_events e
        WHERE e.message_id = b.id AND e.id >= %(recent)s AND e.event_type = '{event}'
          AND e.data->>'url' IS NOT DISTINCT FROM %(url)s::text)"""  # noqa: S608 - fixed text


# A statement sees only what was there when it began: whoever stores the same holds the message, and
# is waited for before it is looked for.
_HOLD = "SELECT FROM messages WHERE id = %(message_id)s FOR UPDATE"
_BEFORE = f"""
before AS (
    SELECT {message_facts("m")}, m.read_at, m.channel_type IN ({_CLICK_READS}) AS click_reads
    FROM messages m WHERE m.id = %(message_id)s
)"""  # noqa: S608 - fixed text
# What is stored late turns no time back.
_LATEST = "greatest(m.{column}, %(at)s)"
_UPDATED = f"updated_at = {_LATEST.format(column='updated_at')}"
# With a click on it a message was read that has no other way to tell so.
_CLICK = f"""
WITH {_BEFORE}, clicks AS (
    SELECT %(event_id)s::uuid AS id, b.id AS message_id,
           '{MessageEventType.LINK_CLICKED}' AS event_type,
           jsonb_build_object('url', %(url)s::text) AS data, %(at)s::timestamptz AS inserted_at
    FROM before b WHERE {_is_new(MessageEventType.LINK_CLICKED)}
), events AS (
    SELECT * FROM clicks
    UNION ALL
    SELECT %(read_event_id)s, b.id, '{MessageEventType.READ}', NULL, c.inserted_at
    FROM before b JOIN clicks c ON c.message_id = b.id WHERE b.click_reads AND b.read_at IS NULL
), {tell_messages("events", "before")}
UPDATE messages m
SET link_clicked_at = {_LATEST.format(column="link_clicked_at")}, {_UPDATED},
    read_at = CASE WHEN b.click_reads THEN coalesce(m.read_at, %(at)s) ELSE m.read_at END
FROM before b JOIN clicks c ON c.message_id = b.id WHERE m.id = b.id
"""  # noqa: S608 - fixed text
_OPEN = f"""
WITH {_BEFORE}, events AS (
    SELECT %(event_id)s::uuid AS id, b.id AS message_id, '{MessageEventType.READ}' AS event_type,
           NULL::jsonb AS data, %(at)s::timestamptz AS inserted_at
    FROM before b WHERE {_is_new(MessageEventType.READ)}
), {tell_messages("events", "before")}
UPDATE messages m SET read_at = {_LATEST.format(column="read_at")}, {_UPDATED}
FROM events e WHERE m.id = e.message_id
"""  # noqa: S608 - fixed text


async def store_sighting(connection: Connection, sighting: Sighting) -> None:
    """Store that a message was opened or a link in it followed; nothing where it is gone.

    Every one is told, the latest is kept with the message (Knock docs: "Link and open tracking").

    Args:
        connection: inside a transaction.
        sighting: what was seen.

    Raises:
        psycopg.errors.UniqueViolation: it was stored before.
    """
    values = {
        "message_id": sighting.message_id,
        "at": sighting.at,
        "url": sighting.url,
        "event_id": sighting.event_id,
        "read_event_id": sighting.read_event_id,
        "recent": first_id_before(sighting.event_id, _ONCE_IN_SECONDS),
    }
    await connection.execute(_HOLD, values)
    await connection.execute(_OPEN if sighting.url is None else _CLICK, values)
