"""Statements over deliveries to endpoints: make them, take them up, store what came of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import webhook_delivery_id
from domain.webhooks.deliveries import (
    ENDED,
    AttemptOutcome,
    BegunDelivery,
    DeliveryState,
    StartableDelivery,
)
from domain.webhooks.events import WebhookEvent
from models.sql import columns_of, fetch_all, fetch_one, listed, names_of
from runtime.database import Connection

_EVENT_COLUMNS = ", ".join((*names_of(WebhookEvent), "inserted_at"))

# What was stored before is told already.
_ADD = f"""
WITH added AS (
    INSERT INTO webhook_events ({_EVENT_COLUMNS})
    SELECT {_EVENT_COLUMNS} FROM jsonb_populate_recordset(NULL::webhook_events, %(events)s)
    ON CONFLICT (id) DO NOTHING RETURNING id, environment_id, event_type
)
INSERT INTO webhook_deliveries (id, environment_id, endpoint_id, event_id, event_type, state,
                                attempts, interruptions, due_at, redeliveries, inserted_at,
                                updated_at)
SELECT d.id, a.environment_id, d.endpoint_id, a.id, a.event_type, '{DeliveryState.WAITING}', 0, 0,
       now(), 0, %(now)s, %(now)s
FROM jsonb_to_recordset(%(deliveries)s) AS d (id uuid, endpoint_id uuid, event_id uuid)
JOIN added a ON a.id = d.event_id
"""  # noqa: S608 - fixed text

_STARTABLE = columns_of(StartableDelivery, "d", {"environment": "v.slug"})

# An endpoint has few under way, so that one that is slow or away fills no queue; the rest waits
# here. What is taken is started after the commit; what then was not started is found as overdue.
_TAKE_WAITING = f"""
WITH room AS (
    SELECT w.id, %(most)s - (SELECT count(*) FROM (
        SELECT FROM webhook_deliveries s
        WHERE s.endpoint_id = w.id AND s.state = '{DeliveryState.SENDING}'
        LIMIT %(most)s) AS under_way) AS places
    FROM webhook_endpoints w WHERE w.is_enabled AND w.archived_at IS NULL
), chosen AS (
    SELECT next.id FROM room CROSS JOIN LATERAL (
        SELECT d.id FROM webhook_deliveries d
        WHERE d.endpoint_id = room.id AND d.state = '{DeliveryState.WAITING}'
        ORDER BY d.inserted_at, d.id LIMIT greatest(room.places, 0)
        FOR UPDATE SKIP LOCKED) AS next
)
UPDATE webhook_deliveries d SET state = '{DeliveryState.SENDING}', due_at = now(), begun_at = NULL
FROM environments v
WHERE d.id = ANY(ARRAY(SELECT id FROM chosen)) AND v.id = d.environment_id
RETURNING {_STARTABLE}
"""  # noqa: S608 - fixed text

# Whoever takes one pushes it back, so that those which only wait for a worker let others pass.
_TAKE_OVERDUE = f"""
WITH chosen AS (
    SELECT id FROM webhook_deliveries
    WHERE state = '{DeliveryState.SENDING}' AND due_at < now() - make_interval(secs => %(grace)s)
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries d SET due_at = now() FROM environments v
WHERE d.id = ANY(ARRAY(SELECT id FROM chosen)) AND v.id = d.environment_id
RETURNING {_STARTABLE}
"""  # noqa: S608 - fixed text

# What was begun and neither recorded nor put off was interrupted: its process died.
_BEGIN = f"""
UPDATE webhook_deliveries d
SET interruptions = d.interruptions + (d.begun_at IS NOT NULL)::int, begun_at = now(),
    due_at = now()
FROM webhook_events e, webhook_endpoints w
WHERE d.environment_id = %s AND d.id = %s AND d.state = '{DeliveryState.SENDING}'
  AND e.id = d.event_id AND w.id = d.endpoint_id
RETURNING {
    columns_of(
        BegunDelivery,
        "d",
        {
            "body": "e.body",
            "sealed": "w.sealed",
            "next_key_at": "w.next_key_at",
            "is_enabled": "w.is_enabled",
            "age": "extract(epoch FROM now() - greatest(d.updated_at, d.inserted_at))::float8",
        },
    )
}
"""  # noqa: S608 - fixed text

_PUT_OFF = f"""
UPDATE webhook_deliveries
SET begun_at = NULL, due_at = now() + make_interval(secs => %(after)s), state = %(state)s,
    error = coalesce(%(reason)s, error)
WHERE environment_id = %(environment_id)s AND id = %(id)s AND state = '{DeliveryState.SENDING}'
"""  # noqa: S608 - fixed text

_RECORD = f"""
WITH recorded AS (
    UPDATE webhook_deliveries
    SET attempts = %(attempt)s, interruptions = 0, begun_at = NULL, state = %(state)s,
        status_code = %(status_code)s, error = %(error)s,
        due_at = now() + make_interval(secs => %(after)s), updated_at = %(now)s
    WHERE environment_id = %(environment_id)s AND id = %(id)s
      AND state = '{DeliveryState.SENDING}' AND attempts = %(attempt)s - 1
), logged AS (
    INSERT INTO webhook_attempts (id, environment_id, delivery_id, attempt, status_code, error,
                                  milliseconds, request, response, inserted_at)
    SELECT %(log_id)s::uuid, environment_id, id, %(attempt)s::int, %(status_code)s::int,
           %(error)s::text, %(milliseconds)s::int, %(request)s::jsonb, %(response)s::jsonb,
           %(now)s::timestamptz
    FROM webhook_deliveries
    WHERE environment_id = %(environment_id)s AND id = %(id)s AND %(request)s::jsonb IS NOT NULL
    ON CONFLICT (id) DO NOTHING
)
SELECT 1
"""  # noqa: S608 - fixed text

_AGAIN = f"""
WITH chosen AS (
    SELECT id FROM webhook_deliveries
    WHERE environment_id = %(environment_id)s AND endpoint_id = %(endpoint_id)s
      AND state = ANY(%(states)s) AND state IN ({listed(ENDED)})
      AND CASE WHEN %(id)s::uuid IS NULL THEN updated_at < %(now)s ELSE id = %(id)s END
      AND (%(since)s::timestamptz IS NULL OR inserted_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR inserted_at < %(until)s)
    ORDER BY inserted_at, id LIMIT %(limit)s FOR UPDATE
)
UPDATE webhook_deliveries d
SET state = '{DeliveryState.WAITING}', attempts = 0, interruptions = 0, begun_at = NULL,
    due_at = now(), redeliveries = d.redeliveries + 1, updated_at = %(now)s
FROM chosen c WHERE d.id = c.id
"""  # noqa: S608 - fixed text

# What is just deleted with its recipient, or moved to another one, is passed over.
_FORGET_OLD = """
WITH locked AS MATERIALIZED (
    SELECT id FROM webhook_events WHERE inserted_at < %s ORDER BY inserted_at LIMIT %s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM webhook_events e USING locked WHERE e.id = locked.id
"""
_FORGET_OF_ARCHIVED = """
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint_id = w.id
    WHERE w.archived_at IS NOT NULL LIMIT %s)
"""
_FORGET_ARCHIVED = """
DELETE FROM webhook_endpoints w WHERE w.archived_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id)
"""


async def add_events(
    connection: Connection, told: Mapping[WebhookEvent, Sequence[UUID]], now: datetime
) -> None:
    """Store events, each with the endpoints that are told of it; those that are known stay."""
    events = [
        {
            **{name: getattr(event, name) for name in names_of(WebhookEvent)},
            "id": str(event.id),
            "environment_id": str(event.environment_id),
            "happened_at": event.happened_at.isoformat(),
            "inserted_at": now.isoformat(),
        }
        for event in told
    ]
    deliveries = [
        {
            "id": str(webhook_delivery_id(event.id, endpoint_id)),
            "endpoint_id": str(endpoint_id),
            "event_id": str(event.id),
        }
        for event, endpoints in told.items()
        for endpoint_id in endpoints
    ]
    values = {"events": Jsonb(events), "deliveries": Jsonb(deliveries), "now": now}
    await connection.execute(_ADD, values)


async def take_waiting(connection: Connection, *, most: int) -> list[StartableDelivery]:
    """Take deliveries that wait, oldest first; an endpoint has `most` under way at most."""
    return await fetch_all(connection, StartableDelivery, _TAKE_WAITING, {"most": most})


async def take_overdue(
    connection: Connection, *, grace: float, limit: int
) -> list[StartableDelivery]:
    """Take deliveries that nobody seems to work on: due for `grace` seconds."""
    values = {"grace": grace, "limit": limit}
    return await fetch_all(connection, StartableDelivery, _TAKE_OVERDUE, values)


async def begin_attempt(
    connection: Connection, environment_id: UUID, delivery_id: UUID
) -> BegunDelivery | None:
    """Note that an attempt begins; None when the delivery has ended or is gone."""
    return await fetch_one(connection, BegunDelivery, _BEGIN, (environment_id, delivery_id))


async def put_off(
    connection: Connection,
    environment_id: UUID,
    delivery_id: UUID,
    *,
    after: float = 0.0,
    waits: bool = False,
    reason: str | None = None,
) -> None:
    """End an attempt that was not made.

    Args:
        connection: a connection.
        environment_id: where.
        delivery_id: which.
        after: seconds until it is due again.
        waits: whether it goes back to those that nobody works on.
        reason: why, for operators.
    """
    state = DeliveryState.WAITING if waits else DeliveryState.SENDING
    values = {
        "environment_id": environment_id,
        "id": delivery_id,
        "after": after,
        "state": state,
        "reason": reason,
    }
    await connection.execute(_PUT_OFF, values)


async def record_attempt(
    connection: Connection,
    environment_id: UUID,
    delivery_id: UUID,
    outcome: AttemptOutcome,
    *,
    state: DeliveryState,
    after: float,
    now: datetime,
) -> None:
    """Store what came of an attempt; the first to do so counts, and every request is logged."""
    exchange = outcome.exchange
    response = exchange.response if exchange else None
    values = {
        "environment_id": environment_id,
        "id": delivery_id,
        "attempt": outcome.attempt,
        "state": state,
        "status_code": outcome.status_code,
        "error": outcome.error,
        "after": after,
        "log_id": outcome.log_id,
        "milliseconds": outcome.milliseconds,
        "request": Jsonb(exchange.request) if exchange else None,
        "response": None if response is None else Jsonb(response),
        "now": now,
    }
    await connection.execute(_RECORD, values)


async def deliver_again(
    connection: Connection,
    environment_id: UUID,
    endpoint_id: UUID,
    *,
    states: Sequence[DeliveryState],
    delivery_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    now: datetime,
) -> int:
    """Let deliveries that have ended begin anew, with the same events; returns how many."""
    values = {
        "environment_id": environment_id,
        "endpoint_id": endpoint_id,
        "states": [state.value for state in states],
        "id": delivery_id,
        "since": since,
        "until": until,
        "limit": limit,
        "now": now,
    }
    cursor = await connection.execute(_AGAIN, values)
    return cursor.rowcount


async def forget_old(connection: Connection, *, before: datetime, limit: int) -> int:
    """Delete events with their log that are older, and what is left of deleted endpoints."""
    cursor = await connection.execute(_FORGET_OLD, (before, limit))
    deleted = cursor.rowcount
    cursor = await connection.execute(_FORGET_OF_ARCHIVED, (limit,))
    deleted += cursor.rowcount
    await connection.execute(_FORGET_ARCHIVED)
    return deleted
