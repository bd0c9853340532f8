"""Sets what recipients did with messages, and tells it in events of the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import new_id
from domain.messages.engagement import Engagement, StatusChange
from domain.messages.events import MessageEventType
from models.queries.events.writing import message_facts, tell_messages
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
_STATEMENT = f"""
WITH before AS (
    SELECT {message_facts("m")}, m.seen_at, m.read_at, m.archived_at FROM messages m
    WHERE environment_id = %(environment_id)s AND id = ANY(%(ids)s)
    ORDER BY id FOR UPDATE
), events AS (
    SELECT e.id, e.message_id, e.event_type,
           CASE WHEN e.event_type = '{MessageEventType.INTERACTED}' THEN %(metadata)s::jsonb END
               AS data,
           %(now)s::timestamptz AS inserted_at
    FROM unnest(%(event_ids)s::uuid[], %(event_messages)s::uuid[], %(event_types)s::text[])
        AS e (id, message_id, event_type)
    JOIN before b ON b.id = e.message_id
    WHERE CASE e.event_type {{changes}} END
), {tell_messages("events", "before")}
UPDATE messages m SET {{assignments}}, updated_at = %(now)s FROM before b WHERE m.id = b.id
"""  # noqa: S608 - fixed text


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
    types = {MessageEventType.of(status): condition for status, condition in changes.items()}
    cases = " ".join(f"WHEN '{kind}' THEN {condition}" for kind, condition in types.items())
    events = [(new_id(), message_id, kind) for message_id in message_ids for kind in types]
    await connection.execute(
        _STATEMENT.format(assignments=assignments, changes=cases),
        {
            "environment_id": environment_id,
            "ids": list(message_ids),
            "now": now,
            "metadata": None if change.metadata is None else Jsonb(change.metadata),
            "event_ids": [event[0] for event in events],
            "event_messages": [event[1] for event in events],
            "event_types": [event[2] for event in events],
        },
    )
