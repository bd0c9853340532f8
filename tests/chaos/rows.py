"""Rows that no crash may leave behind, each as a query that must find nothing."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

_SHOWN = 20

HALF_DONE: dict[str, str] = {
    "run that never ended": "SELECT id FROM recipient_runs WHERE status NOT IN "
    "('completed', 'cancelled')",
    "ended run that still waits": "SELECT id FROM recipient_runs WHERE resumes_at IS NOT NULL",
    "run without its trigger": "SELECT r.id FROM recipient_runs r LEFT JOIN workflow_runs w "
    "ON w.id = r.workflow_run_id WHERE w.id IS NULL",
    "trigger without all its runs": "SELECT w.id FROM workflow_runs w WHERE w.recipient_count <> "
    "(SELECT count(*) FROM recipient_runs r WHERE r.workflow_run_id = w.id "
    "AND r.through_id IS NULL)",
    "followers without their runs": "SELECT workflow_run_id AS id FROM trigger_expansions",
    "trigger never released": "SELECT workflow_run_id AS id FROM trigger_releases "
    "WHERE released_at IS NULL",
    "cancellation never released": "SELECT id FROM cancellations WHERE released_at IS NULL",
    "cancellation with another number of runs": "SELECT c.id FROM cancellations c WHERE "
    "c.run_count <> (SELECT count(*) FROM recipient_runs r WHERE r.cancellation_id = c.id)",
    "idempotency key without its trigger": "SELECT i.key AS id FROM idempotency_records i LEFT "
    "JOIN workflow_runs w ON w.id::text = i.body->>'workflow_run_id' WHERE w.id IS NULL",
    "trigger without its idempotency key": "SELECT w.id FROM workflow_runs w LEFT JOIN "
    "idempotency_records i ON i.body->>'workflow_run_id' = w.id::text WHERE i.key IS NULL "
    "AND w.source->>'type' = 'api'",
    # Positions of what the run's row stands for are not stored: that it started, that it completed.
    "run whose story has gaps": "SELECT r.id FROM recipient_runs r LEFT JOIN LATERAL (SELECT "
    "count(*) AS lines, max(position) AS highest FROM "
    "recipient_run_events e WHERE e.recipient_run_id = r.id) s ON true WHERE s.lines <> "
    "r.event_count - (r.started_at IS NOT NULL)::int - (r.status = 'completed' AND NOT EXISTS "
    "(SELECT FROM recipient_run_events e WHERE e.recipient_run_id = r.id "
    "AND e.event = 'run_halted'))::int OR s.highest >= r.event_count OR r.event_count = 0",
    "run whose story does not end once, at its end": "SELECT r.id FROM recipient_runs r WHERE "
    "(r.status IN ('completed', 'cancelled')) <> (r.ended_at IS NOT NULL) OR "
    "(SELECT array_agg(e.event || ' ' || (e.position = r.event_count - 1)) FROM "
    "recipient_run_events e WHERE e.recipient_run_id = r.id AND e.event IN "
    "('run_cancelled', 'run_halted')) IS DISTINCT FROM "
    "CASE r.status WHEN 'cancelled' THEN ARRAY['run_cancelled true'] END",
    "story without its run": "SELECT DISTINCT e.recipient_run_id AS id FROM recipient_run_events "
    "e LEFT JOIN recipient_runs r ON r.id = e.recipient_run_id WHERE r.id IS NULL",
    "message without its run": "SELECT m.id FROM messages m LEFT JOIN recipient_runs r "
    "ON r.id = m.recipient_run_id WHERE r.id IS NULL",
    "message that its run does not know": "SELECT m.id FROM messages m JOIN recipient_runs r "
    "ON r.id = m.recipient_run_id WHERE NOT coalesce(r.step_outcomes->m.step_ref->'message_ids' "
    "? m.id::text, false)",
    "message that is only in its run's outcomes": "SELECT given.id FROM recipient_runs r, "
    "jsonb_each(r.step_outcomes) AS taken (ref, outcome), jsonb_array_elements_text("
    "coalesce(taken.outcome->'message_ids', '[]')) AS given (id) "
    "WHERE NOT EXISTS (SELECT FROM messages m WHERE m.id = given.id::uuid)",
    "message still under way": "SELECT id FROM messages WHERE delivery_status IN "
    "('queued', 'delivery_attempted')",
    "delivery of a message that needs none": "SELECT d.message_id AS id FROM deliveries d "
    "LEFT JOIN messages m ON m.id = d.message_id AND m.delivery_status IN "
    "('queued', 'delivery_attempted') WHERE m.id IS NULL",
    "message sent beyond its attempts": "SELECT message_id AS id FROM delivery_attempts "
    "WHERE attempt > 0 GROUP BY 1 HAVING max(attempt) > 8 OR count(*) > 8",
    "message whose status has not one event": "SELECT m.id FROM messages m "
    "WHERE m.channel_type <> 'in_app_feed' AND (SELECT count(*) "
    "FROM message_events e WHERE e.message_id = m.id "
    "AND e.event_type = 'message.' || m.delivery_status) <> 1",
    "message event without its message": "SELECT e.id FROM message_events e LEFT JOIN messages m "
    "ON m.id = e.message_id WHERE m.id IS NULL",
    "e-mail without a delivery log": "SELECT m.id FROM messages m WHERE m.channel_type = 'email' "
    "AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.message_id = m.id)",
}

UNREST = """
SELECT (SELECT count(*) FROM recipient_runs WHERE status NOT IN ('completed', 'cancelled')) AS runs,
       (SELECT count(*) FROM trigger_releases WHERE released_at IS NULL) AS triggers,
       (SELECT count(*) FROM cancellations WHERE released_at IS NULL) AS cancellations,
       (SELECT count(*) FROM messages WHERE delivery_status IN ('queued', 'delivery_attempted'))
           AS messages,
       (SELECT count(*) FROM schedules WHERE due_at IS NOT NULL) AS schedules,
       (SELECT count(*) FROM batches WHERE closed_at IS NULL
        OR resumed_at IS NULL AND carrier_run_id IS NOT NULL) AS batches,
       (SELECT count(*) FROM bulk_operations WHERE status NOT IN ('completed', 'failed'))
           AS bulk_operations,
       (SELECT count(*) FROM outbox o JOIN outbox_readers r ON o.id > r.position) AS news,
       (SELECT count(*) FROM webhook_deliveries WHERE state IN ('waiting', 'sending')) AS webhooks
"""

_TRIGGERS = """
SELECT id::text, (data->>'number')::int AS number FROM workflow_runs
WHERE source->>'type' = 'api' AND data ? 'number'
"""
_DELAYS = """
SELECT id, workflow_run_id::text, recipient_id, status,
       extract(epoch FROM (step_outcomes->%s->>'until')::timestamptz)::float AS due
FROM recipient_runs
"""


async def fetch(url: str, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Run one query on a connection of its own."""
    connection = await psycopg.AsyncConnection.connect(url, connect_timeout=5, row_factory=dict_row)
    async with connection:
        cursor = await connection.execute(query, parameters or None)
        return await cursor.fetchall()


async def half_done_rows(url: str) -> list[str]:
    """Return one line for each row that should not be there."""
    broken = []
    for name, query in HALF_DONE.items():
        found = [str(row["id"]) for row in await fetch(url, query)]
        broken += [f"{name}: {identifier}" for identifier in found[:_SHOWN]]
        if len(found) > _SHOWN:
            broken.append(f"{name}: and {len(found) - _SHOWN} more")
    return broken


async def stored_triggers(url: str) -> list[dict[str, Any]]:
    """Return the id of every stored trigger with the number that its data carries."""
    return await fetch(url, _TRIGGERS)


async def stored_runs(url: str, delay_ref: str) -> list[dict[str, Any]]:
    """Return every run with the epoch second at which its delay ended, if it came that far."""
    return await fetch(url, _DELAYS, delay_ref)
