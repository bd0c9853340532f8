"""Statements over messages whose vendors are asked what became of them."""

from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb

from domain.deliveries.checks import (
    MOST_CHECKS,
    BegunCheck,
    CheckedMessage,
    CheckRecord,
    CheckStanding,
    StartableCheck,
)
from domain.deliveries.reports import event_data
from domain.messages.statuses import DeliveryStatus
from models.queries.events.writing import message_facts, tell_messages
from models.sql import fetch_all, fetch_one
from runtime.database import Connection

# Open is what its vendor was last told to send, and has not said to have arrived or failed.
_IS_OPEN = f"m.delivery_status = '{DeliveryStatus.SENT}' AND m.retry_count = c.retry"

# Counted before the vendor is asked, and nobody else's for as long as that takes.
_BEGIN = f"""
WITH begun AS (
    UPDATE status_checks c
    SET checks = c.checks + 1, due_at = %(now)s + make_interval(secs => %(lease)s)
    FROM messages m
    WHERE c.message_id = %(id)s AND c.environment_id = %(environment_id)s
      AND c.retry = %(retry)s AND c.due_at <= %(now)s AND c.checks < {MOST_CHECKS}
      AND m.id = c.message_id AND {_IS_OPEN}
    RETURNING c.message_id, c.checks, c.inserted_at
)
SELECT m.id, m.environment_id, m.channel_id, m.channel_type, m.recipient_id, m.content, b.checks,
       m.provider_metadata ->> 'external_id' AS external_id, ch.provider, s.provider_settings,
       h.since IS NOT NULL AS is_held,
       extract(epoch FROM %(now)s - b.inserted_at)::float8 AS age
FROM begun b
JOIN messages m ON m.id = b.message_id
LEFT JOIN channels ch ON ch.id = m.channel_id AND ch.archived_at IS NULL
LEFT JOIN channel_environments s
       ON s.channel_id = m.channel_id AND s.environment_id = m.environment_id
LEFT JOIN channel_holds h
       ON h.environment_id = m.environment_id AND h.channel_id = m.channel_id
"""  # noqa: S608 - fixed text

_STANDING = f"""
SELECT c.due_at, {_IS_OPEN} AS is_open FROM status_checks c JOIN messages m ON m.id = c.message_id
WHERE c.message_id = %s AND c.environment_id = %s AND c.retry = %s
"""  # noqa: S608 - fixed text

_FORGET = "DELETE FROM status_checks WHERE message_id = %s AND environment_id = %s AND retry = %s"

# The vendor was not asked: that is no check.
_GIVE_BACK = """
UPDATE status_checks
SET checks = greatest(checks - 1, 0), due_at = %(now)s + make_interval(secs => %(after)s)
WHERE message_id = %(id)s AND environment_id = %(environment_id)s AND retry = %(retry)s
"""

# The message is locked before its row here, as everybody does who changes both. A callback that was
# quicker has decided; the call is logged all the same, but never for a message that was deleted.
_RECORD = f"""
WITH locked AS MATERIALIZED (
    SELECT id, environment_id FROM messages
    WHERE id = %(id)s AND environment_id = %(environment_id)s FOR NO KEY UPDATE
), ended AS (
    DELETE FROM status_checks
    WHERE message_id = %(id)s AND retry = %(retry)s AND %(after)s::float8 IS NULL
      AND EXISTS (SELECT FROM locked)
), put_off AS (
    UPDATE status_checks SET due_at = %(now)s + make_interval(secs => %(after)s::float8)
    WHERE message_id = %(id)s AND retry = %(retry)s AND %(after)s::float8 IS NOT NULL
      AND EXISTS (SELECT FROM locked)
), changed AS (
    UPDATE messages m SET delivery_status = %(status)s, updated_at = %(now)s
    WHERE id = %(id)s AND retry_count = %(retry)s AND %(status)s::text IS NOT NULL
      AND delivery_status = '{DeliveryStatus.SENT}' AND EXISTS (SELECT FROM locked)
    RETURNING {message_facts("m")}
), events AS (
    SELECT id AS message_id, %(event_id)s::uuid AS id, 'message.' || %(status)s AS event_type,
           %(data)s::jsonb AS data, %(now)s::timestamptz AS inserted_at
    FROM changed
), {tell_messages("events", "changed")}, logged AS (
    INSERT INTO delivery_attempts (id, message_id, environment_id, attempt, service_name, request,
                                   response, inserted_at)
    SELECT %(log_id)s::uuid, id, environment_id, 0, %(service)s::text, %(request)s::jsonb,
           %(response)s::jsonb, %(now)s::timestamptz
    FROM locked WHERE %(service)s::text IS NOT NULL
    ON CONFLICT (message_id, id) DO NOTHING
)
SELECT count(*) AS changed FROM changed
"""  # noqa: S608 - fixed text

_STARTABLE = """
SELECT c.message_id, c.environment_id, e.slug AS environment, m.channel_type, m.workflow_key,
       c.retry, c.due_at
FROM status_checks c
JOIN messages m ON m.id = c.message_id
JOIN environments e ON e.id = c.environment_id
WHERE c.message_id = %s AND c.environment_id = %s
"""

# Whoever takes some pushes them back, so that those which only wait for a worker let others pass.
# A process of before deletes a message without its row, which would be chosen for ever.
_TAKE_OVERDUE = """
WITH chosen AS (
    SELECT message_id FROM status_checks
    WHERE due_at < %(now)s - make_interval(secs => %(grace)s)
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM status_checks
    WHERE message_id = ANY(ARRAY(SELECT message_id FROM chosen))
      AND NOT EXISTS (SELECT FROM messages m WHERE m.id = status_checks.message_id)
)
UPDATE status_checks c SET due_at = %(now)s
FROM messages m, environments e
WHERE c.message_id = ANY(ARRAY(SELECT message_id FROM chosen)) AND m.id = c.message_id
  AND e.id = c.environment_id
RETURNING c.message_id, c.environment_id, e.slug AS environment, m.channel_type, m.workflow_key,
          c.retry, c.due_at
"""


async def begin_check(
    connection: Connection, message: CheckedMessage, *, now: datetime, lease: float
) -> BegunCheck | None:
    """Begin the next check of a message that is due; None when there is none now.

    Args:
        connection: a connection.
        message: which.
        now: when.
        lease: for how many seconds nobody else begins one.
    """
    values = {**_named(message), "now": now, "lease": lease}
    return await fetch_one(connection, BegunCheck, _BEGIN, values)


async def check_standing(connection: Connection, message: CheckedMessage) -> CheckStanding | None:
    """Return when the next check of a message is due; None when it is not asked for any more."""
    values = (message.message_id, message.environment_id, message.retry)
    return await fetch_one(connection, CheckStanding, _STANDING, values)


async def forget_checks(connection: Connection, message: CheckedMessage) -> None:
    """Ask for a message no more."""
    values = (message.message_id, message.environment_id, message.retry)
    await connection.execute(_FORGET, values)


async def give_back_check(
    connection: Connection, message: CheckedMessage, *, now: datetime, after: float
) -> None:
    """Take back a check that was begun and not made; the next one is due in some seconds."""
    await connection.execute(_GIVE_BACK, {**_named(message), "now": now, "after": after})


async def record_check(connection: Connection, record: CheckRecord) -> bool:
    """Store what a vendor has answered, and tell of it; returns whether the message has changed."""
    finding, exchange = record.finding, record.finding.exchange
    response = exchange.response if exchange else None
    data = event_data(finding.status, finding.details) if finding.status else None
    cursor = await connection.execute(
        _RECORD,
        {
            **_named(record.message),
            "status": finding.status.value if finding.status else None,
            "data": None if data is None else Jsonb(data),
            "after": record.after,
            "event_id": record.event_id,
            "log_id": record.log_id,
            "service": exchange.service_name if exchange else None,
            "request": Jsonb(exchange.request if exchange else {}),
            "response": None if response is None else Jsonb(response),
            "now": record.now,
        },
    )
    row = await cursor.fetchone()
    return bool(row and row["changed"])


async def startable_check(connection: Connection, message: CheckedMessage) -> StartableCheck | None:
    """Return what the start of a message's checks needs; None when it is not asked for."""
    values = (message.message_id, message.environment_id)
    return await fetch_one(connection, StartableCheck, _STARTABLE, values)


async def take_overdue(
    connection: Connection, *, now: datetime, grace: float, limit: int
) -> list[StartableCheck]:
    """Take checks that nobody seems to make, of all environments: due for `grace` seconds."""
    values = {"now": now, "grace": grace, "limit": limit}
    return await fetch_all(connection, StartableCheck, _TAKE_OVERDUE, values)


def _named(message: CheckedMessage) -> dict[str, object]:
    return {
        "id": message.message_id,
        "environment_id": message.environment_id,
        "retry": message.retry,
    }
