"""Statements of the delivery of one message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.delivery import Exchange
from domain.ids import new_id
from domain.json_types import JsonObject
from runtime.database import Connection

_TO_DELIVER = """
SELECT m.id, m.environment_id, m.channel_id, m.channel_type, m.collection, m.recipient_id,
       m.content, m.delivery_status, m.retry_count, c.provider, s.provider_settings
FROM messages m
LEFT JOIN channels c ON c.id = m.channel_id AND c.archived_at IS NULL
LEFT JOIN channel_environments s
       ON s.channel_id = m.channel_id AND s.environment_id = m.environment_id
WHERE m.id = %s AND m.environment_id = %s
"""

# A message that has a final status keeps it: a second worker that tried the same message (the
# first was thought dead) logs its attempt and changes nothing else.
_RECORD = """
WITH changed AS (
    UPDATE messages
    SET delivery_status = %(status)s, provider_metadata = provider_metadata || %(metadata)s,
        updated_at = %(now)s
    WHERE id = %(id)s AND delivery_status IN ('queued', 'delivery_attempted')
    RETURNING delivery_status
), story AS (
    INSERT INTO message_events (message_id, id, event_type, data, inserted_at)
    SELECT message_id, id, event_type, data, inserted_at
    FROM jsonb_populate_recordset(NULL::message_events, %(events)s)
    WHERE EXISTS (SELECT FROM changed)
), logged AS (
    INSERT INTO delivery_attempts (id, message_id, environment_id, attempt, service_name, request,
                                   response, inserted_at)
    SELECT %(log_id)s::uuid, %(id)s::uuid, %(environment_id)s::uuid, %(attempt)s::int,
           %(service)s::text, %(request)s::jsonb, %(response)s::jsonb, %(now)s::timestamptz
    WHERE %(service)s::text IS NOT NULL
)
SELECT delivery_status FROM changed
"""

_STATUS = "SELECT delivery_status FROM messages WHERE id = %s"

_REQUEUE = """
WITH requeued AS (
    UPDATE messages
    SET delivery_status = 'queued', retry_count = retry_count + 1, updated_at = %(now)s
    WHERE id = %(id)s AND environment_id = %(environment_id)s
      AND delivery_status IN ('undelivered', 'bounced')
    RETURNING id, channel_type, workflow_key, retry_count
), story AS (
    INSERT INTO message_events (id, message_id, event_type, data, inserted_at)
    SELECT %(event_id)s::uuid, id, 'message.queued', jsonb_build_object('retry', retry_count),
           %(now)s::timestamptz
    FROM requeued
)
SELECT * FROM requeued
"""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What one attempt changes."""

    message_id: UUID
    environment_id: UUID
    attempt: int
    status: str
    metadata: JsonObject
    events: list[JsonObject]
    exchange: Exchange | None
    now: datetime


async def message_to_deliver(
    connection: Connection, environment_id: UUID, message_id: UUID
) -> dict[str, Any] | None:
    """Return a message with its channel's provider and sealed settings, or None."""
    cursor = await connection.execute(_TO_DELIVER, (message_id, environment_id))
    return await cursor.fetchone()


async def record_attempt(connection: Connection, record: AttemptRecord) -> str:
    """Store one attempt, and return the message's delivery status after it."""
    exchange = record.exchange
    response = exchange.response if exchange else None
    cursor = await connection.execute(
        _RECORD,
        {
            "id": record.message_id,
            "environment_id": record.environment_id,
            "attempt": record.attempt,
            "status": record.status,
            "metadata": Jsonb(record.metadata),
            "events": Jsonb(record.events),
            "log_id": new_id(),
            "service": exchange.service_name if exchange else None,
            "request": Jsonb(exchange.request if exchange else {}),
            "response": None if response is None else Jsonb(response),
            "now": record.now,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        # A twin was quicker. This statement's view of the row is older than the twin's change, so
        # the status is read by one of its own.
        cursor = await connection.execute(_STATUS, (record.message_id,))
        row = await cursor.fetchone()
    return str(row["delivery_status"]) if row else "deleted"


async def requeue(
    connection: Connection, environment_id: UUID, message_id: UUID, now: datetime
) -> dict[str, Any] | None:
    """Set an undelivered or bounced message back to queued; None when it is neither."""
    values = {
        "id": message_id,
        "environment_id": environment_id,
        "event_id": new_id(),
        "now": now,
    }
    cursor = await connection.execute(_REQUEUE, values)
    return await cursor.fetchone()
