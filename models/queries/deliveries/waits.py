"""The statement by which an operator lets a message wait until another instant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.deliveries.claims import MovedDelivery
from domain.kit.ids import new_id
from domain.messages.events import MessageEventType
from models.queries.events.writing import message_facts, tell_messages
from models.sql import as_iso, fetch_one
from runtime.database import Connection

# The message is locked before its delivery, as everybody does who changes both. A delivery that
# somebody has claimed is with the provider, and waits for nothing. Before the first attempt a
# message waits for its send window, which clients are shown.
_MOVE = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM messages
    WHERE id = %(id)s AND environment_id = %(environment_id)s FOR NO KEY UPDATE
), waiting AS MATERIALIZED (
    SELECT message_id, due_at FROM deliveries
    WHERE message_id IN (SELECT id FROM locked) AND (lease_until IS NULL OR lease_until <= now())
    FOR UPDATE
), moved AS (
    UPDATE deliveries d SET due_at = greatest(%(until)s::timestamptz, now())
    FROM waiting w WHERE d.message_id = w.message_id
    RETURNING d.message_id, d.retry, d.attempts, d.due_at, w.due_at AS was_due_at
), changed AS (
    UPDATE messages m
    SET updated_at = %(now)s, scheduled_at = CASE
        WHEN d.attempts = 0 AND m.scheduled_at IS NOT NULL THEN d.due_at ELSE m.scheduled_at END
    FROM moved d WHERE m.id = d.message_id
    RETURNING {message_facts("m")}, m.channel_type, d.retry, d.due_at, d.was_due_at
), events AS (
    SELECT id AS message_id, %(event_id)s::uuid AS id, '{MessageEventType.QUEUED}' AS event_type,
           jsonb_build_object(
               'due_at', {as_iso("due_at")}, 'was_due_at', {as_iso("was_due_at")}
           ) AS data,
           %(now)s::timestamptz AS inserted_at
    FROM changed
), {tell_messages("events", "changed")}
SELECT id, channel_type, workflow_key, retry, due_at, was_due_at FROM changed
"""  # noqa: S608 - fixed text


async def move_delivery(
    connection: Connection,
    environment_id: UUID,
    message_id: UUID,
    *,
    until: datetime | None,
    now: datetime,
) -> MovedDelivery | None:
    """Let a message that waits be due at another instant; None when it does not wait.

    Args:
        connection: a transaction.
        environment_id: where.
        message_id: which.
        until: when it is due; at once for None, and for what is past.
        now: of the unit, for the message's story.
    """
    values = {
        "id": message_id,
        "environment_id": environment_id,
        "until": until,
        "now": now,
        "event_id": new_id(),
    }
    return await fetch_one(connection, MovedDelivery, _MOVE, values)
