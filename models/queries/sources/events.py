"""Statements over the events of sources, and the actions taken for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.pages import Page, PageRequest
from domain.runs.statuses import OPEN_RUN
from domain.sources.rows import ActionRow, KnownEvent, LogFilters, SourceEvent, SourceFigures
from domain.waits.rows import AwaitedRun
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one, listed, names_of
from runtime.database import Connection

_NAMES = names_of(SourceEvent)
_ACTION = names_of(ActionRow)

# A key of more than a day ago counts no more, and is the new event's.
_TAKE_KEY = """
INSERT INTO source_event_keys AS taken (environment_id, source_key, idempotency_key, event_id,
                                        inserted_at)
VALUES (%(environment_id)s, %(source_key)s, %(idempotency_key)s, %(id)s, %(inserted_at)s)
ON CONFLICT (environment_id, source_key, idempotency_key) DO UPDATE
SET event_id = excluded.event_id, inserted_at = excluded.inserted_at
WHERE taken.inserted_at <= excluded.inserted_at - interval '24 hours'
"""
_TAKEN = """
SELECT event_id FROM source_event_keys
WHERE environment_id = %s AND source_key = %s AND idempotency_key = %s
"""
_ADD = f"""
INSERT INTO source_events ({", ".join(_NAMES)})
VALUES ({", ".join(f"%({name})s" for name in _NAMES)})
"""  # noqa: S608 - names of fields
_FIND = f"""
SELECT {columns_of(SourceEvent, "e")} FROM source_events e
WHERE e.environment_id = %s AND e.id = %s
"""  # noqa: S608 - names of fields
_ADD_ACTION = f"""
INSERT INTO source_event_actions ({", ".join(_ACTION)})
VALUES ({", ".join(f"%({name})s" for name in _ACTION)})
ON CONFLICT (event_id, position) DO NOTHING
"""  # noqa: S608 - names of fields
_ACTIONS = f"""
SELECT {columns_of(ActionRow, "a")} FROM source_event_actions a
WHERE a.event_id = ANY(%s) ORDER BY a.event_id, a.position
"""  # noqa: S608 - names of fields
_PROCESSED = """
UPDATE source_events SET processed_at = %s WHERE environment_id = %s AND id = %s
"""
# From name to name by the index, past all events of one, however many those are.
_OF_SOURCE = "e.environment_id = %(environment_id)s AND e.source_key = %(source_key)s"
_KNOWN = f"""
WITH RECURSIVE known AS (
    (SELECT e.event FROM source_events e WHERE {_OF_SOURCE} ORDER BY e.event LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event FROM source_events e
            WHERE {_OF_SOURCE} AND e.event > known.event ORDER BY e.event LIMIT 1)
    FROM known WHERE known.event IS NOT NULL
)
SELECT event, (
    SELECT e.inserted_at FROM source_events e WHERE {_OF_SOURCE} AND e.event = first.event
    ORDER BY e.inserted_at DESC, e.id DESC LIMIT 1) AS last_received_at
FROM (SELECT event FROM known WHERE event IS NOT NULL LIMIT 1000) AS first ORDER BY event
"""  # noqa: S608 - fixed text
_FIGURES = """
SELECT count(*) FILTER (WHERE inserted_at > %(since)s) AS events_count,
       max(inserted_at) AS last_event_received
FROM source_events WHERE environment_id = %(environment_id)s AND source_key = %(source_key)s
"""
_FORGET = """
DELETE FROM source_events WHERE id IN (
    SELECT id FROM source_events WHERE inserted_at < %s LIMIT %s)
RETURNING id
"""
_FORGET_ACTIONS = "DELETE FROM source_event_actions WHERE event_id = ANY(%s)"
_FORGET_KEYS = """
DELETE FROM source_event_keys WHERE ctid IN (
    SELECT ctid FROM source_event_keys WHERE inserted_at < %s LIMIT %s)
"""
_WAITS = """
FROM event_waits
WHERE environment_id = %s AND event_type = 'integration_source' AND source_key = %s
  AND event_key = %s AND claimed_at IS NULL
"""
_WAITING = f"""
SELECT w.environment_id, w.recipient_run_id, w.step_ref, w.workflow_key
FROM event_waits w JOIN recipient_runs r ON r.id = w.recipient_run_id
WHERE w.environment_id = %s AND w.event_type = 'integration_source' AND w.source_key = %s
  AND w.event_key = %s AND w.claimed_at IS NULL AND r.status IN ({listed(OPEN_RUN)})
  AND (w.recipient_path, w.collection, w.recipient_id) IN (
      SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
ORDER BY w.recipient_run_id, w.step_ref
"""  # noqa: S608 - fixed text

_LOGS = Listing(
    SourceEvent, source="source_events e", alias="e", keys=("inserted_at", "id"), descending=True
)


def _row(event: SourceEvent) -> dict[str, Any]:
    return {**asdict(event), "body": Jsonb(event.body), "headers": Jsonb(event.headers)}


async def add_event(connection: Connection, event: SourceEvent) -> UUID | None:
    """Store an event, unless one with its key was taken within a day; returns that one's id."""
    if event.idempotency_key is not None:
        values = _row(event)
        cursor = await connection.execute(_TAKE_KEY, values)
        if cursor.rowcount == 0:
            key = (event.environment_id, event.source_key, event.idempotency_key)
            found = await (await connection.execute(_TAKEN, key)).fetchone()
            return event.id if found is None else UUID(str(found["event_id"]))
    await connection.execute(_ADD, _row(event))
    return None


async def find_event(
    connection: Connection, environment_id: UUID, event_id: UUID, *, lock: bool = False
) -> SourceEvent | None:
    """Return an event, or None; with `lock` nobody else takes its actions until the commit."""
    statement = _FIND + (" FOR UPDATE" if lock else "")
    return await fetch_one(connection, SourceEvent, statement, (environment_id, event_id))


async def add_action(connection: Connection, action: ActionRow) -> None:
    """Note an action that was taken, and what came of it."""
    jsons = {
        name: None if (value := getattr(action, name)) is None else Jsonb(value)
        for name in ("parameters", "payload", "result")
    }
    await connection.execute(_ADD_ACTION, {**asdict(action), **jsons})


async def actions_of(connection: Connection, event_ids: Sequence[UUID]) -> list[ActionRow]:
    """Return the actions that were taken for events, in order."""
    return await fetch_all(connection, ActionRow, _ACTIONS, (list(event_ids),))


async def note_processed(
    connection: Connection, environment_id: UUID, event_id: UUID, *, now: datetime
) -> None:
    """Note that all of an event's actions were taken."""
    await connection.execute(_PROCESSED, (now, environment_id, event_id))


async def known_events(
    connection: Connection, environment_id: UUID, source_key: str
) -> list[KnownEvent]:
    """Return the names under which a source has sent events, with the newest of each."""
    values = {"environment_id": environment_id, "source_key": source_key}
    return await fetch_all(connection, KnownEvent, _KNOWN, values)


async def figures(
    connection: Connection, environment_id: UUID, source_key: str, *, since: datetime
) -> SourceFigures:
    """Count what a source has sent since an instant."""
    values = {"environment_id": environment_id, "source_key": source_key, "since": since}
    found = await fetch_one(connection, SourceFigures, _FIGURES, values)
    return found or SourceFigures(events_count=0, last_event_received=None)


async def list_events(
    connection: Connection,
    environment_id: UUID,
    source_key: str,
    filters: LogFilters,
    request: PageRequest,
) -> Page[SourceEvent]:
    """Return a page of the events of a source, newest first."""
    where = Where()
    where.add("e.environment_id = %s", environment_id)
    where.add("e.source_key = %s", source_key)
    where.add_given("e.event = %s", filters.event)
    where.add_given("e.id = %s", filters.id)
    where.add_given("e.inserted_at >= %s", filters.starting_at)
    where.add_given("e.inserted_at <= %s", filters.ending_at)
    if filters.date is not None:
        # Whoever asks has checked it.
        day = datetime.combine(date.fromisoformat(filters.date), time(), UTC)
        where.add("e.inserted_at >= %s", day)
        where.add("e.inserted_at < %s", day + timedelta(days=1))
    return await _LOGS.page(connection, where, request)


async def is_waited_for(
    connection: Connection, environment_id: UUID, source_key: str, event: str
) -> bool:
    """Tell whether any run waits for an event."""
    cursor = await connection.execute(
        f"SELECT {_WAITS} LIMIT 1",
        (environment_id, source_key, event),
    )
    return await cursor.fetchone() is not None


async def recipient_paths(
    connection: Connection, environment_id: UUID, source_key: str, event: str
) -> list[str]:
    """Return where the waits for an event look for their recipient."""
    cursor = await connection.execute(
        f"SELECT DISTINCT recipient_path {_WAITS}",
        (environment_id, source_key, event),
    )
    return [row["recipient_path"] for row in await cursor.fetchall()]


async def waiting_runs(
    connection: Connection,
    environment_id: UUID,
    source_key: str,
    event: str,
    named: Sequence[tuple[str, str, str]],
) -> list[AwaitedRun]:
    """Return the runs that wait for an event; `named` has path, collection and id of recipients."""
    values = (environment_id, source_key, event, *([each[n] for each in named] for n in range(3)))
    return await fetch_all(connection, AwaitedRun, _WAITING, values)


async def forget_events(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` events of before an instant, with their actions."""
    cursor = await connection.execute(_FORGET, (before, limit))
    ids = [row["id"] for row in await cursor.fetchall()]
    if ids:
        await connection.execute(_FORGET_ACTIONS, (ids,))
    return len(ids)


async def forget_keys(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` idempotency keys of before an instant."""
    cursor = await connection.execute(_FORGET_KEYS, (before, limit))
    return cursor.rowcount
