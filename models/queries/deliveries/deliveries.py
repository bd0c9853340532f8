"""Statements of the delivery of one message: claim it, keep the claim, and store what came of it.

All instants of a claim are the database's: workers' clocks may differ.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.deliveries.claims import (
    AttemptRecord,
    Claim,
    ClaimedMessage,
    OverdueDelivery,
    RequeuedMessage,
    RetryFilter,
    Standing,
)
from domain.kit.ids import new_id
from domain.messages.events import MessageEventType
from domain.messages.statuses import (
    PENDING_DELIVERY,
    RETRIABLE_DELIVERY,
    DeliveryStatus,
)
from domain.runs.statuses import OPEN_RUN
from models.queries.events.writing import message_event_row, message_facts, tell_messages
from models.sql import fetch_all, fetch_one, listed
from runtime.database import Connection

# A claim that its owner never gave back was interrupted: its process died or lost the database.
# Written before the provider is called, so a database that cannot store the outcome sends nothing.
# The owner is new with every attempt, so nobody meets a claim of its own.
_CLAIM = """
WITH claimed AS (
    UPDATE deliveries
    SET lease_until = now() + make_interval(secs => %(lease)s), lease_owner = %(owner)s,
        interruptions = interruptions + (lease_owner IS NOT NULL)::int
    WHERE message_id = %(id)s AND environment_id = %(environment_id)s AND retry = %(retry)s
      AND due_at <= now()
      AND (lease_until IS NULL OR lease_until <= now())
    RETURNING message_id, attempts, interruptions, inserted_at
)
SELECT m.id, m.environment_id, m.channel_id, m.channel_type, m.collection, m.recipient_id,
       m.workflow_run_id, m.content, m.workflow_key, m.data, c.provider, s.provider_settings,
       a.data AS channel_data, d.attempts, d.interruptions, h.since IS NOT NULL AS is_held,
       extract(epoch FROM now() - greatest(d.inserted_at, m.scheduled_at))::float8 AS age
FROM claimed d
JOIN messages m ON m.id = d.message_id
LEFT JOIN channels c ON c.id = m.channel_id AND c.archived_at IS NULL
LEFT JOIN channel_environments s
       ON s.channel_id = m.channel_id AND s.environment_id = m.environment_id
LEFT JOIN channel_holds h
       ON h.environment_id = m.environment_id AND h.channel_id = m.channel_id
LEFT JOIN channel_data a
       ON a.environment_id = m.environment_id AND a.collection = m.collection
      AND a.recipient_id = m.recipient_id AND a.channel_id = m.channel_id
"""

# Why a claim found nothing: what the message says, and for how long nobody may claim it.
_STANDING = """
SELECT m.id, m.environment_id, m.channel_id, m.channel_type, m.collection, m.recipient_id,
       m.delivery_status, m.retry_count, d.retry,
       extract(epoch FROM d.due_at - now())::float8 AS due_in,
       extract(epoch FROM d.lease_until - now())::float8 AS leased_for
FROM messages m LEFT JOIN deliveries d ON d.message_id = m.id
WHERE m.id = %s AND m.environment_id = %s
"""

_FORGET = "DELETE FROM deliveries WHERE message_id = %s AND environment_id = %s"

_RENEW = """
UPDATE deliveries SET lease_until = now() + make_interval(secs => %s)
WHERE message_id = %s AND retry = %s AND lease_owner = %s
"""

_GIVE_BACK = """
UPDATE deliveries
SET lease_until = NULL, lease_owner = NULL, interruptions = interruptions + %(interruptions)s,
    due_at = greatest(due_at, now() + make_interval(secs => %(after)s)), held_for = %(reason)s
WHERE message_id = %(id)s AND retry = %(retry)s AND lease_owner = %(owner)s
"""

# Three ways to end an attempt. A failure counts only for the one who holds the claim. A provider
# that took the message took it, whoever asked: that ends the delivery even after the claim was
# lost, and corrects an `undelivered` of the same retry. Nothing lands on another retry.
_ENDED_ACCEPTED = """
    DELETE FROM deliveries
    WHERE message_id = %(id)s AND retry = %(retry)s AND EXISTS (SELECT FROM locked) RETURNING 1
"""
_ENDED_FINAL = """
    DELETE FROM deliveries
    WHERE message_id = %(id)s AND retry = %(retry)s AND lease_owner = %(owner)s
      AND EXISTS (SELECT FROM locked)
    RETURNING 1
"""
_ENDED_TRY_AGAIN = """
    UPDATE deliveries
    SET attempts = attempts + 1, due_at = now() + make_interval(secs => %(after)s),
        held_for = NULL, lease_until = NULL, lease_owner = NULL
    WHERE message_id = %(id)s AND retry = %(retry)s AND lease_owner = %(owner)s
      AND EXISTS (SELECT FROM locked)
    RETURNING 1
"""
_PENDING = f"delivery_status IN ({listed(PENDING_DELIVERY)}) AND EXISTS (SELECT FROM ended)"
_NOT_ACCEPTED = f"delivery_status IN ({listed((*PENDING_DELIVERY, DeliveryStatus.UNDELIVERED))})"

# The message is locked before its delivery, as everybody does who changes both. The provider's call
# is logged whoever made it, but never for a message that was deleted, and once where this is done
# again because nobody heard that it was done.
_RECORD = f"""
WITH locked AS MATERIALIZED (
    SELECT id, environment_id FROM messages WHERE id = %(id)s FOR NO KEY UPDATE
), ended AS ({{ended}}), changed AS (
    UPDATE messages m
    SET delivery_status = %(status)s, provider_metadata = provider_metadata || %(metadata)s,
        {{named}}updated_at = %(now)s
    WHERE id = %(id)s AND retry_count = %(retry)s AND {{open}} AND EXISTS (SELECT FROM locked)
    RETURNING delivery_status, {message_facts("m")}
), events AS (
    SELECT message_id, id, event_type, data, inserted_at
    FROM jsonb_populate_recordset(NULL::message_events, %(events)s)
    WHERE EXISTS (SELECT FROM changed)
), {tell_messages("events", "changed")}, logged AS (
    INSERT INTO delivery_attempts (id, message_id, environment_id, attempt, service_name, request,
                                   response, inserted_at)
    SELECT %(log_id)s::uuid, id, environment_id, %(attempt)s::int, %(service)s::text,
           %(request)s::jsonb, %(response)s::jsonb, %(now)s::timestamptz
    FROM locked WHERE %(service)s::text IS NOT NULL
    ON CONFLICT (message_id, id) DO NOTHING
){{more}}
SELECT delivery_status FROM changed
"""  # noqa: S608 - fixed text
# Its vendor is asked what becomes of it. One that was sent before is asked for anew.
_ASKED = """, asked AS (
    INSERT INTO status_checks (message_id, environment_id, retry, checks, due_at, inserted_at)
    SELECT id, environment_id, %(retry)s, 0,
           %(now)s::timestamptz + make_interval(secs => %(asked_after)s), %(now)s
    FROM changed
    ON CONFLICT (message_id) DO UPDATE
    SET retry = excluded.retry, checks = 0, due_at = excluded.due_at,
        inserted_at = excluded.inserted_at
)"""
# Columns of a later schema stand only where they are set: a database that was downgraded under a
# worker must still take that a message was sent, or it would be sent again.
_NAMED = "known_as = %(known_as)s, "
# By whether the vendor is asked, and whether it tells of the message by its own name.
_RECORD_ACCEPTED = {
    (asked, named): _RECORD.format(
        ended=_ENDED_ACCEPTED,
        open=_NOT_ACCEPTED,
        named=_NAMED if named else "",
        more=_ASKED if asked else "",
    )
    for asked in (False, True)
    for named in (False, True)
}
_RECORD_FINAL = _RECORD.format(ended=_ENDED_FINAL, open=_PENDING, named="", more="")
_RECORD_TRY_AGAIN = _RECORD.format(ended=_ENDED_TRY_AGAIN, open=_PENDING, named="", more="")

_STATUS = "SELECT delivery_status FROM messages WHERE id = %s"

_REQUEUE = f"""
WITH requeued AS (
    UPDATE messages m
    SET delivery_status = %(queued)s, retry_count = retry_count + 1, updated_at = %(now)s
    WHERE id = %(id)s AND environment_id = %(environment_id)s
      AND delivery_status = ANY(%(retriable)s)
    RETURNING {message_facts("m")}, channel_type, retry_count
), on_its_way AS (
    INSERT INTO deliveries (message_id, environment_id, channel_id, channel_type, due_at, retry,
                            attempts, interruptions, inserted_at)
    SELECT id, environment_id, channel_id, channel_type, now(), retry_count, 0, 0, now()
    FROM requeued
), events AS (
    SELECT id AS message_id, %(event_id)s::uuid AS id, '{MessageEventType.QUEUED}' AS event_type,
           jsonb_build_object('retry', retry_count) AS data, %(now)s::timestamptz AS inserted_at
    FROM requeued
), {tell_messages("events", "requeued")}
SELECT id, channel_type, workflow_key, retry_count FROM requeued
"""  # noqa: S608 - fixed text

_RETRIABLE = f"""
SELECT m.id FROM messages m
WHERE m.environment_id = %(environment_id)s AND m.failed_status = ANY(%(statuses)s)
  AND m.inserted_at < %(now)s AND m.updated_at < %(now)s
  AND (%(channel_id)s::uuid IS NULL OR m.channel_id = %(channel_id)s)
  AND (%(workflow)s::text IS NULL OR m.workflow_key = %(workflow)s)
  AND (%(tenant)s::text IS NULL OR m.tenant_id = %(tenant)s)
  AND (%(since)s::timestamptz IS NULL OR m.inserted_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR m.inserted_at < %(until)s)
  AND m.failed_status IN ({listed(RETRIABLE_DELIVERY)})
ORDER BY m.inserted_at, m.id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

_OVERDUE = """
SELECT d.message_id, d.environment_id, d.channel_type, d.retry, d.due_at, e.slug AS environment,
       m.workflow_key, m.recipient_run_id
FROM deliveries d
JOIN messages m ON m.id = d.message_id
JOIN environments e ON e.id = d.environment_id
LEFT JOIN recipient_runs r ON r.id = m.recipient_run_id
WHERE d.due_at < now() - make_interval(secs => %(grace)s)
  AND (d.lease_until IS NULL OR d.lease_until < now())
  AND (d.retry > 0 OR r.id IS NULL OR r.status <> ALL(%(open_run)s))
  AND (%(after_due)s::timestamptz IS NULL
       OR (d.due_at, d.message_id) > (%(after_due)s, %(after_id)s::uuid))
ORDER BY d.due_at, d.message_id LIMIT %(limit)s
"""


async def claim_delivery(
    connection: Connection, claim: Claim, *, lease: float
) -> ClaimedMessage | None:
    """Claim a message that is due, for `lease` seconds; None when there is nothing to claim now."""
    values = {
        "id": claim.message_id,
        "environment_id": claim.environment_id,
        "retry": claim.retry,
        "owner": claim.owner,
        "lease": lease,
    }
    return await fetch_one(connection, ClaimedMessage, _CLAIM, values)


async def standing(
    connection: Connection, environment_id: UUID, message_id: UUID
) -> Standing | None:
    """Return where a message stands, or None when it is gone."""
    return await fetch_one(connection, Standing, _STANDING, (message_id, environment_id))


async def forget_delivery(connection: Connection, environment_id: UUID, message_id: UUID) -> None:
    """Drop the delivery of a message that was deleted."""
    await connection.execute(_FORGET, (message_id, environment_id))


async def renew_lease(connection: Connection, claim: Claim, *, lease: float) -> bool:
    """Hold a claim for `lease` seconds from now. Returns whether it is still held."""
    cursor = await connection.execute(_RENEW, (lease, claim.message_id, claim.retry, claim.owner))
    return cursor.rowcount > 0


async def give_back(
    connection: Connection,
    claim: Claim,
    *,
    after: float = 0.0,
    reason: str | None = None,
    interrupted: bool = False,
) -> None:
    """End a claim without an outcome; it uses up no attempt.

    Args:
        connection: a connection.
        claim: of the caller.
        after: seconds until it may be claimed again.
        reason: why it waits, for operators.
        interrupted: whether the provider may have been called.
    """
    await connection.execute(
        _GIVE_BACK,
        {
            "id": claim.message_id,
            "retry": claim.retry,
            "owner": claim.owner,
            "after": after,
            "reason": reason,
            "interruptions": int(interrupted),
        },
    )


async def record_attempt(connection: Connection, record: AttemptRecord) -> str:
    """Store one attempt, and return the message's delivery status after it."""
    claim, exchange = record.claim, record.exchange
    response = exchange.response if exchange else None
    if record.accepted:
        parts = (record.asked_after is not None, record.known_as is not None)
        statement = _RECORD_ACCEPTED[parts]
    else:
        statement = _RECORD_FINAL if record.after is None else _RECORD_TRY_AGAIN
    cursor = await connection.execute(
        statement,
        {
            "id": claim.message_id,
            "retry": claim.retry,
            "owner": claim.owner,
            "after": record.after,
            "attempt": record.attempt,
            "status": record.status,
            "metadata": Jsonb(record.metadata),
            "known_as": record.known_as,
            "asked_after": record.asked_after,
            "events": Jsonb([message_event_row(event) for event in record.events]),
            "log_id": record.log_id,
            "service": exchange.service_name if exchange else None,
            "request": Jsonb(exchange.request if exchange else {}),
            "response": None if response is None else Jsonb(response),
            "now": record.now,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        # Another claim was quicker. This statement's view of the row may be older than that one's
        # change, so the status is read by a statement of its own.
        cursor = await connection.execute(_STATUS, (claim.message_id,))
        row = await cursor.fetchone()
    return str(row["delivery_status"]) if row else "deleted"


async def requeue(
    connection: Connection, environment_id: UUID, message_id: UUID, now: datetime
) -> RequeuedMessage | None:
    """Put an undelivered or bounced message on its way again; None when it is neither."""
    values = {
        "id": message_id,
        "environment_id": environment_id,
        "queued": DeliveryStatus.QUEUED,
        "retriable": list(RETRIABLE_DELIVERY),
        "event_id": new_id(),
        "now": now,
    }
    return await fetch_one(connection, RequeuedMessage, _REQUEUE, values)


async def retriable_messages(
    connection: Connection, environment_id: UUID, wanted: RetryFilter, *, now: datetime, limit: int
) -> list[UUID]:
    """Return the oldest messages that failed, and that nobody has sent again since `now`."""
    values = {
        "environment_id": environment_id,
        "statuses": list(wanted.statuses),
        "channel_id": wanted.channel_id,
        "workflow": wanted.workflow,
        "tenant": wanted.tenant,
        "since": wanted.since,
        "until": wanted.until,
        "now": now,
        "limit": limit,
    }
    cursor = await connection.execute(_RETRIABLE, values)
    return [row["id"] for row in await cursor.fetchall()]


async def overdue_deliveries(
    connection: Connection,
    *,
    grace_seconds: float,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> list[OverdueDelivery]:
    """Return deliveries that nobody works on though they were due long ago, in all environments.

    Only those that no walk would take up: the run of the message has ended or is gone, or the
    message was retried by hand. Whoever reads them asks Temporal whether their run still waits for
    them, and else calls `services.deliveries.retries.deliver_again`.

    Args:
        connection: a connection.
        grace_seconds: for how long a delivery may be overdue.
        limit: how many at most, longest overdue first.
        after: `due_at` and `message_id` of the last row of the page before.
    """
    after_due, after_id = after or (None, None)
    values = {
        "open_run": list(OPEN_RUN),
        "grace": grace_seconds,
        "limit": limit,
        "after_due": after_due,
        "after_id": after_id,
    }
    return await fetch_all(connection, OverdueDelivery, _OVERDUE, values)
