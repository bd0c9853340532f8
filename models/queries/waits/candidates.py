"""The stored events that a wait may be for: looked for by the wait, whoever told of them.

Events are the truth, and word of them is only a hint to look. So nothing is missed because a hint
was lost, and an event counts that was stored just before the wait was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from domain.channels.kinds import READ_HERE
from domain.kit.json_types import JsonObject
from domain.messages.events import MessageEventType
from domain.recipients.refs import USERS
from domain.runs.statuses import RunStatus
from domain.sources.paths import parts_of
from domain.triggers.addressees import BROADCAST_SOURCE
from domain.waits.candidates import (
    ChangeHappening,
    MessageHappening,
    RunHappening,
    SourceHappening,
)
from domain.waits.rows import Candidate, NewWait
from models.sql import fetch_all
from runtime.database import Connection

# Conditions see no data of another run that is larger.
_MOST_DATA = 262_144

_MESSAGE = """m.id AS message_id, m.channel_id, m.channel_type, c.provider AS channel_provider,
       m.tenant_id, coalesce((w.settings ->> 'sandbox_mode')::boolean, false) AS is_sandbox,
       m.step_ref, m.collection, m.recipient_id, m.source_type, m.workflow_key"""
_OF_MESSAGES = """messages m
    LEFT JOIN channels c ON c.id = m.channel_id
    LEFT JOIN workflow_runs w ON w.id = m.workflow_run_id"""
# Whatever tells an event of a message also notes the time in its row.
_MY_MESSAGES = """m.environment_id = %(environment_id)s AND m.recipient_id = %(recipient_id)s
      AND m.collection = %(collection)s AND m.workflow_key = %(source_key)s
      AND m.source_type = %(source_type)s
      AND m.updated_at >= %(looks_from)s"""
# What the run itself has made on its way to the wait came before it.
_WITHIN = """{at} BETWEEN %(looks_from)s AND %(expires_at)s
      AND NOT (m.recipient_run_id = %(run_id)s AND {at} <= %(registered_at)s)"""
_MESSAGE_EVENTS = f"""
SELECT * FROM (
    SELECT e.id::text AS candidate_id, e.event_type, e.data, e.inserted_at AS at, {_MESSAGE}
    FROM {_OF_MESSAGES} JOIN message_events e ON e.message_id = m.id
    WHERE {_MY_MESSAGES} AND e.event_type = %(event_type)s
      AND {_WITHIN.format(at="e.inserted_at")}
    UNION ALL
    SELECT m.id || '/' || %(event_key)s, %(event_type)s, NULL, m.inserted_at, {_MESSAGE}
    FROM {_OF_MESSAGES}
    WHERE %(is_first)s AND {_MY_MESSAGES} AND {_WITHIN.format(at="m.inserted_at")}
      AND (%(event_key)s <> 'delivered'
           OR (m.channel_type = ANY(%(at_once)s) AND m.scheduled_at IS NULL))
) AS found
WHERE candidate_id <> ALL(%(judged)s::text[]) ORDER BY at, candidate_id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

_RUN_EVENTS = f"""
SELECT * FROM (
    SELECT r.id || '/' || %(event_key)s AS candidate_id,
           CASE %(event_key)s WHEN 'started' THEN r.started_at ELSE r.ended_at END AS at,
           %(event_key)s AS event_key, r.workflow_key, r.workflow_run_id, r.collection,
           r.recipient_id, r.status, r.tenant_id,
           coalesce((w.settings ->> 'sandbox_mode')::boolean, false) AS is_sandbox,
           CASE WHEN pg_column_size(w.data) <= {_MOST_DATA} THEN w.data END AS data
    FROM recipient_runs r JOIN workflow_runs w ON w.id = r.workflow_run_id
    WHERE r.environment_id = %(environment_id)s AND r.recipient_id = %(recipient_id)s
      AND r.collection = %(collection)s AND r.workflow_key = %(source_key)s
      AND r.updated_at >= %(looks_from)s AND r.id <> %(run_id)s
      -- A broadcast may have the key of a workflow.
      AND w.source ->> 'type' IS DISTINCT FROM '{BROADCAST_SOURCE}'
      AND (%(event_key)s = 'started' OR r.status = '{RunStatus.COMPLETED}')
) AS found
WHERE at BETWEEN %(looks_from)s AND %(expires_at)s AND candidate_id <> ALL(%(judged)s::text[])
ORDER BY at, candidate_id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

# The event's own time has to lie within the wait, as well as the time at which it came. Many
# sources tell it in whole seconds or milliseconds: what happened in the one in which the wait
# began, and came after that, is taken for later.
_ITS_UNIT = """
CASE e.happened_at WHEN date_trunc('second', e.happened_at) THEN 'second'
     WHEN date_trunc('milliseconds', e.happened_at) THEN 'milliseconds' ELSE 'microseconds' END
"""
_SOURCE_EVENTS = f"""
SELECT e.id AS event_id, e.body, %(recipient_id)s AS recipient_id, e.happened_at,
       e.inserted_at AS at
FROM source_events e
WHERE e.environment_id = %(environment_id)s AND e.source_key = %(source_key)s
  AND e.event = %(event_key)s AND e.inserted_at BETWEEN %(looks_from)s AND %(expires_at)s
  AND e.happened_at BETWEEN date_trunc({_ITS_UNIT}, %(registered_at)s::timestamptz)
      AND %(expires_at)s
  AND CASE %(root)s WHEN 'body' THEN e.body ELSE e.headers END #>> %(id_path)s = %(recipient_id)s
  AND (%(collection_path)s::text[] IS NULL
       OR CASE %(root)s WHEN 'body' THEN e.body ELSE e.headers END #>> %(collection_path)s
          = %(collection)s)
  AND e.id::text <> ALL(%(judged)s::text[])
ORDER BY e.inserted_at, e.id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

_CHANGES = """
SELECT c.id, c.variables, c.happened_at FROM awaited_changes c
WHERE c.recipient_run_id = %(run_id)s AND c.step_ref = %(step_ref)s
  AND c.happened_at BETWEEN %(looks_from)s AND %(expires_at)s
  AND c.id::text <> ALL(%(judged)s::text[])
ORDER BY c.happened_at, c.id LIMIT %(limit)s
"""


async def candidates(connection: Connection, wait: NewWait, *, limit: int) -> list[Candidate]:
    """Return stored events that a wait may be for and that it has not judged, oldest first."""
    find = _BY_KIND.get(wait.event_type)
    if find is None:  # a kind that only a newer process knows
        return []
    values = {
        "environment_id": wait.environment_id,
        "run_id": wait.recipient_run_id,
        "recipient_id": wait.recipient_id,
        "collection": wait.collection,
        "source_type": wait.source_type,
        "source_key": wait.source_key,
        "step_ref": wait.step_ref,
        "event_key": wait.event_key,
        "registered_at": wait.registered_at,
        "looks_from": wait.looks_from,
        "judged": list(wait.judged),
        "expires_at": wait.expires_at,
        "limit": limit,
    }
    return await find(connection, wait, values)


async def _of_messages(
    connection: Connection, wait: NewWait, values: JsonObject
) -> list[Candidate]:
    """Those that only a message's row tells of have no row of their own."""
    named = {
        "event_type": MessageEventType.of(wait.event_key).value,
        # What no provider delivers, and no send window held back, was delivered as it was made.
        "at_once": list(READ_HERE),
        "is_first": wait.event_key in ("created", "queued", "delivered"),
    }
    rows = await fetch_all(connection, MessageHappening, _MESSAGE_EVENTS, {**values, **named})
    return [row.candidate() for row in rows]


async def _of_runs(connection: Connection, wait: NewWait, values: JsonObject) -> list[Candidate]:
    rows = await fetch_all(connection, RunHappening, _RUN_EVENTS, values)
    return [row.candidate() for row in rows]


async def _of_sources(connection: Connection, wait: NewWait, values: JsonObject) -> list[Candidate]:
    """A user is named by an id, an object by its reference."""
    root, *path = parts_of(wait.recipient_path)
    is_user = wait.collection == USERS
    named = {
        "root": root,
        "id_path": path if is_user else [*path, "id"],
        "collection_path": None if is_user else [*path, "collection"],
    }
    rows = await fetch_all(connection, SourceHappening, _SOURCE_EVENTS, {**values, **named})
    return [row.candidate() for row in rows]


async def _of_changes(connection: Connection, wait: NewWait, values: JsonObject) -> list[Candidate]:
    rows = await fetch_all(connection, ChangeHappening, _CHANGES, values)
    return [row.candidate() for row in rows]


_Find = Callable[[Connection, NewWait, dict[str, Any]], Awaitable[list[Candidate]]]
_BY_KIND: dict[str, _Find] = {
    "message": _of_messages,
    "workflow": _of_runs,
    "integration_source": _of_sources,
    "audience": _of_changes,
    "recipient": _of_changes,
}
