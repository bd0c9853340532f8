"""Sets what recipients did with messages, and tells it in events of the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.channels.types import ChannelType
from domain.kit.ids import new_id
from domain.messages.engagement import Engagement, StatusChange
from runtime.database import Connection

# Setting again moves the time; an event tells a change of state, and each interaction.
_SET = {
    Engagement.SEEN: ("seen_at = %(now)s", {"seen": "b.seen_at IS NULL"}),
    Engagement.READ: ("read_at = %(now)s", {"read": "b.read_at IS NULL"}),
    Engagement.ARCHIVED: ("archived_at = %(now)s", {"archived": "b.archived_at IS NULL"}),
    Engagement.UNSEEN: ("seen_at = NULL", {"unseen": "b.seen_at IS NOT NULL"}),
    Engagement.UNREAD: ("read_at = NULL", {"unread": "b.read_at IS NOT NULL"}),
    Engagement.UNARCHIVED: ("archived_at = NULL", {"unarchived": "b.archived_at IS NOT NULL"}),
    # What was interacted with was seen and read, as the official feed client assumes.
    Engagement.INTERACTED: (
        "interacted_at = %(now)s, read_at = coalesce(m.read_at, %(now)s),"
        " seen_at = coalesce(m.seen_at, %(now)s)",
        {"seen": "b.seen_at IS NULL", "read": "b.read_at IS NULL", "interacted": "true"},
    ),
}
_STATEMENT = """
WITH before AS (
    SELECT id, seen_at, read_at, archived_at FROM messages
    WHERE environment_id = %(environment_id)s AND id = ANY(%(ids)s)
      AND (channel_type = %(feed)s OR NOT %(feed_only)s)
    ORDER BY id FOR UPDATE
), told AS (
    INSERT INTO message_events (id, message_id, event_type, data, inserted_at)
    SELECT e.id, e.message_id, 'message.' || e.kind,
           CASE WHEN e.kind = 'interacted' THEN %(metadata)s::jsonb END, %(now)s
    FROM unnest(%(event_ids)s::uuid[], %(event_messages)s::uuid[], %(event_kinds)s::text[])
        AS e (id, message_id, kind)
    JOIN before b ON b.id = e.message_id
    WHERE CASE e.kind {changes} END
)
UPDATE messages m SET {assignments}, updated_at = %(now)s FROM before b WHERE m.id = b.id
"""


async def engage(
    connection: Connection,
    environment_id: UUID,
    change: StatusChange,
    message_ids: Sequence[UUID],
    *,
    now: datetime,
) -> None:
    """Apply a change to those of the messages that exist; doing it twice is harmless.

    Args:
        connection: one statement, so no transaction is needed.
        environment_id: where the messages are.
        change: what was done.
        message_ids: to which messages.
        now: when.
    """
    assignments, changes = _SET[change.action]
    cases = " ".join(f"WHEN '{kind}' THEN {condition}" for kind, condition in changes.items())
    events = [(new_id(), message_id, kind) for message_id in message_ids for kind in changes]
    await connection.execute(
        _STATEMENT.format(assignments=assignments, changes=cases),
        {
            "environment_id": environment_id,
            "ids": list(message_ids),
            "feed": ChannelType.IN_APP_FEED,
            "feed_only": change.feed_only,
            "now": now,
            "metadata": None if change.metadata is None else Jsonb(change.metadata),
            "event_ids": [event[0] for event in events],
            "event_messages": [event[1] for event in events],
            "event_kinds": [event[2] for event in events],
        },
    )
