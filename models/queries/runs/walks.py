"""The two statements of a walk: take the run with everything it needs, and record what was done.

They run for every advance of every run; each is one round trip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.channels.kinds import READ_HERE
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from domain.preferences.names import DEFAULT_SET
from domain.recipients.refs import TENANTS
from domain.runs.events import RunEventType
from domain.runs.rows import NewMessage, RunMessage, RunPatch, TakenRun
from domain.runs.statuses import OPEN_RUN
from domain.tracking.rows import ShortLink
from models.queries.events.writing import EVENTS, add_events, count_event, run_facts, tell_runs
from models.queries.runs.own_data import OWN_DATA
from models.sql import columns_of, fetch_all, fetch_one, insert_rows, listed, names_of
from runtime.database import Connection

# The data of a trigger for many may have 10 MB: it is not sent and decoded for each of them.
_SMALL_DATA = 8_192

# Two ids at most are read, by the primary key.
PREFERENCES = f"""(
    SELECT jsonb_object_agg(p.id, p.content) FROM preference_sets p
    WHERE p.environment_id = r.environment_id AND p.collection = r.collection
      AND p.recipient_id = r.recipient_id
      AND p.id IN ('{DEFAULT_SET}', coalesce(r.tenant_id, '{DEFAULT_SET}')))
"""  # noqa: S608 - constants
_COLUMNS = columns_of(
    TakenRun,
    "r",
    {
        "environment": "e.slug",
        "branch_id": "w.branch_id",
        "config_version": "e.config_version",
        "accepted_at": "w.accepted_at",
        "data": "CASE WHEN (w.recipient_count = 1 AND r.through_id IS NULL)"
        f" OR pg_column_size(w.data) <= {_SMALL_DATA}"
        " THEN w.data END",
        "trigger_data": OWN_DATA,
        "settings": "w.settings",
        "source": "w.source",
        "actor_collection": "w.actor_collection",
        "actor_id": "w.actor_id",
        "recipient": "to_jsonb(recipient)",
        "actor": "to_jsonb(actor)",
        "tenant": "to_jsonb(tenant)",
        "preferences": PREFERENCES,
    },
)
# Also what tries content out reads, which locks nothing.
AS_TAKEN = f"""
SELECT {_COLUMNS}
FROM recipient_runs r
JOIN workflow_runs w ON w.id = r.workflow_run_id
JOIN environments e ON e.id = r.environment_id
LEFT JOIN recipients recipient ON recipient.environment_id = r.environment_id
    AND recipient.collection = r.collection AND recipient.id = r.recipient_id
LEFT JOIN recipients actor ON actor.environment_id = r.environment_id
    AND actor.collection = w.actor_collection AND actor.id = w.actor_id
LEFT JOIN recipients tenant ON tenant.environment_id = r.environment_id
    AND tenant.collection = '{TENANTS}' AND tenant.id = r.tenant_id
"""  # noqa: S608 - names of fields
_FIRST_OF_BATCH = f"""
{AS_TAKEN}
WHERE r.environment_id = %(environment_id)s AND r.id = (
    SELECT i.recipient_run_id FROM batch_items i
    WHERE i.environment_id = %(environment_id)s AND i.batch_id = %(batch_id)s
      AND i.removed_at IS NULL
    ORDER BY i.workflow_run_id LIMIT 1)
"""  # noqa: S608 - names of fields
_TAKE = f"{AS_TAKEN} WHERE r.id = %s AND r.environment_id = %s FOR UPDATE OF r"

# What a walk may add rows to, beside events.
_ADDED: dict[str, tuple[str, ...]] = {
    "run_patches": names_of(RunPatch),
    "messages": names_of(NewMessage),
    "short_links": names_of(ShortLink),
}

# What needs a provider is on its way from here on; a final status ends it. An item of a feed that
# waits for its window is found by whose feed it is, which leaves it out.
_ON_THEIR_WAY = f"""
on_their_way AS (
    INSERT INTO deliveries (message_id, environment_id, channel_id, channel_type, due_at, retry,
                            attempts, interruptions, inserted_at, collection, recipient_id)
    SELECT id, environment_id, channel_id, channel_type, coalesce(scheduled_at, now()), retry_count,
           0, 0, now(), held.collection, held.recipient_id
    FROM added_messages m
    LEFT JOIN LATERAL (
        SELECT m.collection, m.recipient_id WHERE m.channel_type IN ({listed(READ_HERE)})
    ) AS held ON true
    WHERE delivery_status = '{DeliveryStatus.QUEUED}'
)
"""  # noqa: S608 - fixed text

_UPDATE = """
UPDATE recipient_runs
SET status = %(status)s, version_id = %(version_id)s,
    error_count = %(error_count)s, event_count = %(event_count)s,
    step_outcomes = %(step_outcomes)s, resumes_at = %(resumes_at)s, started_at = %(started_at)s,
    ended_at = %(ended_at)s, end_reason = %(end_reason)s, updated_at = %(now)s
WHERE id = %(id)s
"""

_MESSAGES_OF_RUN = f"""
SELECT {columns_of(RunMessage, "m")}
FROM messages m WHERE m.workflow_run_id = %s AND m.recipient_run_id = %s
ORDER BY m.inserted_at, m.id
"""  # noqa: S608 - names of fields

_TOLD_STALL = tell_runs(
    "stalled", RunEventType.RUN_STALLED, data="%(data)s::jsonb", at="%(now)s::timestamptz"
)

# Told once for each time that a run stalls: not again while nothing else has happened to it.
_STALL = f"""
WITH stalled AS (
    UPDATE recipient_runs r
    SET {count_event("r", RunEventType.RUN_STALLED)}, updated_at = %(now)s
    WHERE r.id = %(id)s AND r.environment_id = %(environment_id)s
      AND r.status IN ({listed(OPEN_RUN)})
      AND NOT EXISTS (SELECT FROM recipient_run_events e
          WHERE e.recipient_run_id = r.id AND e.position = r.event_count - 1
            AND e.event = '{RunEventType.RUN_STALLED}')
    RETURNING {run_facts("r")}
), {_TOLD_STALL}
SELECT id FROM stalled
"""  # noqa: S608 - fixed text


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a walk makes of its run's row."""

    status: str
    version_id: UUID
    error_count: int
    event_count: int
    step_outcomes: JsonObject
    resumes_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


async def take_run(connection: Connection, environment_id: UUID, run_id: UUID) -> TakenRun | None:
    """Lock a run for the rest of the transaction, and return it with its trigger and people.

    `data` is None when the trigger's data is large and others share it: see `trigger_data`.
    """
    return await fetch_one(connection, TakenRun, _TAKE, (run_id, environment_id))


async def first_of_batch(
    connection: Connection, environment_id: UUID, batch_id: UUID
) -> TakenRun | None:
    """Return the run of the oldest item that is left in a batch; it is not locked."""
    values = {"environment_id": environment_id, "batch_id": batch_id}
    return await fetch_one(connection, TakenRun, _FIRST_OF_BATCH, values)


async def trigger_data(connection: Connection, workflow_run_id: UUID) -> str:
    """Return the data of a trigger as JSON text."""
    cursor = await connection.execute(
        "SELECT data::text AS data FROM workflow_runs WHERE id = %s", (workflow_run_id,)
    )
    row = await cursor.fetchone()
    return "{}" if row is None else str(row["data"])


async def patches_of_run(connection: Connection, run_id: UUID) -> list[JsonObject]:
    """Return what the steps of a run changed in its data, in order."""
    cursor = await connection.execute(
        "SELECT patch FROM run_patches WHERE recipient_run_id = %s ORDER BY position", (run_id,)
    )
    return [row["patch"] for row in await cursor.fetchall()]


@cache
def _record(tables: tuple[str, ...]) -> str:
    """Write the statement that adds rows to some tables, and changes the run, all or nothing."""
    parts = [
        add_events(table)
        if table in EVENTS
        else insert_rows(table, _ADDED[table], returns=table == "messages")
        for table in tables
    ]
    if "messages" in tables:
        parts.append(_ON_THEIR_WAY)
    return (f"WITH {', '.join(parts)}" if parts else "") + _UPDATE


async def record_walk(
    connection: Connection,
    run_id: UUID,
    change: RunChange,
    rows: Mapping[str, Sequence[JsonObject]],
    now: datetime,
) -> None:
    """Store what a walk did: the new state of its run, and rows by table and column name."""
    added = {table: Jsonb(rows[table]) for table in (*EVENTS, *_ADDED) if rows.get(table)}
    values = {
        "id": run_id,
        "status": change.status,
        "version_id": change.version_id,
        "error_count": change.error_count,
        "event_count": change.event_count,
        "step_outcomes": Jsonb(change.step_outcomes),
        "resumes_at": change.resumes_at,
        "started_at": change.started_at,
        "ended_at": change.ended_at,
        "end_reason": change.end_reason,
        "now": now,
        **added,
    }
    await connection.execute(_record(tuple(added)), values)


async def record_stall(
    connection: Connection, environment_id: UUID, run_id: UUID, *, data: JsonObject, now: datetime
) -> bool:
    """Note that a run stands still by a fault of ours; False when the last note says so already."""
    cursor = await connection.execute(
        _STALL,
        {"id": run_id, "environment_id": environment_id, "data": Jsonb(data), "now": now},
    )
    return cursor.rowcount == 1


async def messages_of_run(
    connection: Connection, workflow_run_id: UUID, run_id: UUID
) -> list[RunMessage]:
    """Return the messages that a run has made, oldest first, with their statuses."""
    return await fetch_all(connection, RunMessage, _MESSAGES_OF_RUN, (workflow_run_id, run_id))
