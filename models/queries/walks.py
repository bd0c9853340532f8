"""The two statements of a walk: take the run with everything it needs, and record what was done.

They run for every advance of every run; each is one round trip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.json_types import JsonObject
from runtime.database import Connection

_TAKE = """
SELECT r.id, r.environment_id, r.workflow_run_id, r.workflow_key, r.version_id, r.collection,
       r.recipient_id, r.tenant_id, r.cancellation_key, r.trigger_data, r.status, r.error_count,
       r.event_count, r.step_outcomes, r.inserted_at,
       w.data, w.settings, w.source, w.actor_collection, w.actor_id, w.accepted_at,
       e.slug AS environment, e.config_version,
       to_jsonb(recipient) AS recipient, to_jsonb(actor) AS actor, to_jsonb(tenant) AS tenant
FROM recipient_runs r
JOIN workflow_runs w ON w.id = r.workflow_run_id
JOIN environments e ON e.id = r.environment_id
LEFT JOIN recipients recipient ON recipient.environment_id = r.environment_id
    AND recipient.collection = r.collection AND recipient.id = r.recipient_id
LEFT JOIN recipients actor ON actor.environment_id = r.environment_id
    AND actor.collection = w.actor_collection AND actor.id = w.actor_id
LEFT JOIN recipients tenant ON tenant.environment_id = r.environment_id
    AND tenant.collection = '$tenants' AND tenant.id = r.tenant_id
WHERE r.id = %s AND r.environment_id = %s
FOR UPDATE OF r
"""

# Columns are named: one that a newer release added takes its default, so a process of the release
# before it still writes.
_STORY = """
    INSERT INTO recipient_run_events
        (recipient_run_id, position, event, status, attempt, step_ref, step_type, data, inserted_at)
    SELECT recipient_run_id, position, event, status, attempt, step_ref, step_type, data,
           inserted_at
    FROM jsonb_populate_recordset(NULL::recipient_run_events, %(events)s)
"""

# Everything a walk changed, in one statement: all of it is there or none.
_RECORD = f"""
WITH made AS (
    INSERT INTO messages
        (id, environment_id, channel_id, channel_type, recipient_run_id, workflow_run_id,
         workflow_key, version_id, step_ref, categories, collection, recipient_id, tenant_id,
         actors, data, content, delivery_status, scheduled_at, provider_metadata,
         recipient_snapshot, retry_count, inserted_at, updated_at)
    SELECT id, environment_id, channel_id, channel_type, recipient_run_id, workflow_run_id,
           workflow_key, version_id, step_ref, categories, collection, recipient_id, tenant_id,
           actors, data, content, delivery_status, scheduled_at, provider_metadata,
           recipient_snapshot, retry_count, inserted_at, updated_at
    FROM jsonb_populate_recordset(NULL::messages, %(messages)s)
), message_story AS (
    INSERT INTO message_events (message_id, id, event_type, data, inserted_at)
    SELECT message_id, id, event_type, data, inserted_at
    FROM jsonb_populate_recordset(NULL::message_events, %(message_events)s)
), story AS (
    {_STORY}
)
UPDATE recipient_runs
SET status = %(status)s, error_count = %(error_count)s, event_count = %(event_count)s,
    step_outcomes = %(step_outcomes)s, resumes_at = %(resumes_at)s, updated_at = %(now)s
WHERE id = %(id)s
"""  # noqa: S608 - the part is a constant of ours

_RECORD_WITHOUT_MESSAGES = f"""
WITH story AS (
    {_STORY}
)
UPDATE recipient_runs
SET status = %(status)s, error_count = %(error_count)s, event_count = %(event_count)s,
    step_outcomes = %(step_outcomes)s, resumes_at = %(resumes_at)s, updated_at = %(now)s
WHERE id = %(id)s
"""  # noqa: S608 - the part is a constant of ours

_MESSAGES_OF_RUN = """
SELECT id, step_ref, channel_id, channel_type, delivery_status, scheduled_at, seen_at, read_at,
       interacted_at, link_clicked_at, archived_at
FROM messages WHERE workflow_run_id = %s AND recipient_run_id = %s ORDER BY inserted_at, id
"""


@dataclass(slots=True)
class WalkRecord:
    """What a walk changed about its run; rows are JSON objects by column name."""

    status: str
    error_count: int
    event_count: int
    step_outcomes: JsonObject
    resumes_at: datetime | None = None
    events: list[JsonObject] = field(default_factory=list)
    messages: list[JsonObject] = field(default_factory=list)
    message_events: list[JsonObject] = field(default_factory=list)


async def take_run(
    connection: Connection, environment_id: UUID, run_id: UUID
) -> dict[str, Any] | None:
    """Lock a run for the rest of the transaction, and return it with its trigger and people."""
    cursor = await connection.execute(_TAKE, (run_id, environment_id))
    return await cursor.fetchone()


async def record_walk(
    connection: Connection, run_id: UUID, record: WalkRecord, now: datetime
) -> None:
    """Store what a walk did."""
    values: dict[str, Any] = {
        "id": run_id,
        "status": record.status,
        "error_count": record.error_count,
        "event_count": record.event_count,
        "step_outcomes": Jsonb(record.step_outcomes),
        "resumes_at": record.resumes_at,
        "events": Jsonb(record.events),
        "now": now,
    }
    if record.messages:
        values["messages"] = Jsonb(record.messages)
        values["message_events"] = Jsonb(record.message_events)
    await connection.execute(_RECORD if record.messages else _RECORD_WITHOUT_MESSAGES, values)


async def messages_of_run(
    connection: Connection, workflow_run_id: UUID, run_id: UUID
) -> list[dict[str, Any]]:
    """Return the messages that a run has made, oldest first, with their statuses."""
    cursor = await connection.execute(_MESSAGES_OF_RUN, (workflow_run_id, run_id))
    return await cursor.fetchall()
