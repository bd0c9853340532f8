"""Statement over how far messages have come with their providers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.deliveries.claims import HELD_BY_OPERATOR
from domain.messages.events import MessageEventType
from domain.messages.explanation import MessageProgress
from models.sql import fetch_all, listed
from runtime.database import Connection

_FAILED = (MessageEventType.UNDELIVERED, MessageEventType.BOUNCED)

# Whoever delivers a message of a held channel notes that when it looks, which may be minutes away.
_PROGRESS = f"""
SELECT m.id, failed.data AS failure,
       CASE WHEN d.due_at <= now() AND h.since IS NOT NULL THEN '{HELD_BY_OPERATOR}'
            ELSE d.held_for END AS held_for,
       d.attempts, d.due_at, asked.service_name, asked.answered
FROM messages m
LEFT JOIN deliveries d ON d.message_id = m.id
LEFT JOIN channel_holds h ON h.environment_id = m.environment_id AND h.channel_id = m.channel_id
LEFT JOIN LATERAL (
    SELECT e.data FROM message_events e
    WHERE e.message_id = m.id AND e.event_type IN ({listed(_FAILED)}) ORDER BY e.id DESC LIMIT 1
) failed ON true
LEFT JOIN LATERAL (
    SELECT a.service_name, a.response ->> 'status' AS answered FROM delivery_attempts a
    WHERE a.message_id = m.id AND a.environment_id = m.environment_id AND a.attempt > 0
    ORDER BY a.id DESC LIMIT 1
) asked ON true
WHERE m.environment_id = %s AND m.id = ANY(%s)
"""  # noqa: S608 - fixed text


async def progress_of(
    connection: Connection, environment_id: UUID, message_ids: Sequence[UUID]
) -> dict[UUID, MessageProgress]:
    """Return how far those of the messages have come that exist, by id."""
    values = (environment_id, list(message_ids))
    found = await fetch_all(connection, MessageProgress, _PROGRESS, values)
    return {each.id: each for each in found}
