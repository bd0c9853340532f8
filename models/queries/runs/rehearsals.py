"""Statements that read past runs, to walk them anew; they lock nothing and change nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.kit.ids import LAST_ID, first_id_of_its_time
from domain.kit.json_types import JsonObject
from domain.recipients.subscriptions import ReachedThrough
from domain.runs.events import RunEventType
from domain.runs.rows import TakenRun
from domain.runs.statuses import RunStatus
from domain.triggers.addressees import BROADCAST_SOURCE
from domain.what_if.rows import Record, RecordedMessage, WaitEnd
from models.queries.runs.walks import AS_TAKEN
from models.sql import Where, columns_of, fetch_all, listed
from runtime.database import Connection

# A walk of an index, from its new end on; its trigger tells what a run is of.
_NEWEST = """
SELECT newest.id, w.source ->> 'type' AS source_type, w.branch_id IS NULL AS is_on_main,
       w.id AS trigger_id, newest.workflow_key
FROM (SELECT r.id, r.workflow_run_id, r.workflow_key FROM recipient_runs r
      WHERE {conditions} ORDER BY r.id DESC LIMIT %s) newest
JOIN workflow_runs w ON w.id = newest.workflow_run_id
ORDER BY newest.id DESC
"""
# So often it goes on where it has found too few. A broadcast of any size takes one turn.
_MOST_TURNS = 20

_RUNS = f"{AS_TAKEN} WHERE r.id = ANY(%s) AND r.environment_id = %s ORDER BY r.id"

_PATCHES = """
SELECT recipient_run_id, position, patch FROM run_patches WHERE recipient_run_id = ANY(%s)
"""

_OUTPUTS = """
SELECT recipient_run_id, step_ref, output FROM event_waits
WHERE recipient_run_id = ANY(%s) AND claimed_at IS NOT NULL AND output IS NOT NULL
"""

_WAIT_ENDS = f"""
SELECT recipient_run_id, step_ref, event, inserted_at FROM recipient_run_events
WHERE recipient_run_id = ANY(%s)
  AND event IN ({listed((RunEventType.WAIT_MATCHED, RunEventType.WAIT_TIMED_OUT))})
"""  # noqa: S608 - constants

_MESSAGES = f"""
SELECT {columns_of(RecordedMessage, "m")}
FROM unnest(%s::uuid[], %s::uuid[]) AS run (workflow_run_id, id)
JOIN messages m ON m.workflow_run_id = run.workflow_run_id AND m.recipient_run_id = run.id
WHERE m.environment_id = %s
ORDER BY m.inserted_at, m.id
"""  # noqa: S608 - names of fields

# What a step has ended, another walk ends as well; only what came from outside is taken over.
_CANCELLED = f"""
SELECT id, ended_at FROM recipient_runs
WHERE id = ANY(%s) AND environment_id = %s AND status = '{RunStatus.CANCELLED}'
  AND end_reason NOT IN ('wait_matched', 'wait_timed_out')
"""  # noqa: S608 - constants

_THROUGH = """
SELECT r.id, s.properties, to_jsonb(o) AS object
FROM recipient_runs r JOIN followed_objects f ON f.id = r.through_id
LEFT JOIN recipients o ON o.environment_id = f.environment_id
    AND o.collection = f.collection AND o.id = f.object_id
LEFT JOIN subscriptions s ON s.environment_id = f.environment_id
    AND s.object_collection = f.collection AND s.object_id = f.object_id
    AND s.recipient_collection = r.collection AND s.recipient_id = r.recipient_id
WHERE r.id = ANY(%s) AND r.environment_id = %s AND r.through_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class NewestRuns:
    """Runs of the past.

    Attributes:
        ids: of the runs, oldest first.
        cut: keys of the broadcasts that have more runs than are taken of one.
    """

    ids: list[UUID]
    cut: list[str]


async def newest_runs(
    connection: Connection,
    environment_id: UUID,
    workflow_key: str | None,
    limit: int,
    *,
    of_a_broadcast: int = 0,
) -> NewestRuns:
    """Return the newest runs, without those of branches.

    Runs of a broadcast stand together, because their ids carry the instant at which it was sent,
    and beyond those that are taken are passed over in one go, with what else was accepted in that
    millisecond. Where an environment has little but broadcasts, fewer runs are returned than there
    are.

    Args:
        connection: to read with.
        environment_id: where.
        workflow_key: of which workflow; None for all.
        limit: how many at most.
        of_a_broadcast: so many of one broadcast.
    """
    found, cut = list[UUID](), dict[str, None]()
    taken = Counter[UUID]()
    below = LAST_ID
    for _ in range(_MOST_TURNS):
        where = Where()
        where.add("r.environment_id = %s", environment_id)
        where.add("r.id < %s", below)
        where.add_given("r.workflow_key = %s", workflow_key)
        statement = _NEWEST.format(conditions=where.sql)
        rows = await _rows(connection, statement, *where.values, limit)
        for row in rows:
            if not row["is_on_main"]:
                continue
            if row["source_type"] == BROADCAST_SOURCE:
                if taken[row["trigger_id"]] == of_a_broadcast:
                    cut[row["workflow_key"]] = None
                    continue
                taken[row["trigger_id"]] += 1
            found.append(row["id"])
        if len(rows) < limit or len(found) >= limit:
            break
        last = rows[-1]
        is_passed_over = (
            last["source_type"] == BROADCAST_SOURCE and taken[last["trigger_id"]] == of_a_broadcast
        )
        below = first_id_of_its_time(last["id"]) if is_passed_over else last["id"]
    return NewestRuns(found[:limit][::-1], list(cut) if of_a_broadcast else [])


async def runs_by_id(
    connection: Connection, environment_id: UUID, ids: Sequence[UUID]
) -> list[TakenRun]:
    """Return runs as a walk takes them, oldest first; large shared data is left out of them."""
    return await fetch_all(connection, TakenRun, _RUNS, (list(ids), environment_id))


async def records_of(
    connection: Connection, environment_id: UUID, runs: Sequence[TakenRun]
) -> dict[UUID, Record]:
    """Return what some runs of an environment went through."""
    ids = [run.id for run in runs]
    patches: dict[UUID, dict[int, JsonObject]] = defaultdict(dict)
    for row in await _rows(connection, _PATCHES, ids):
        patches[row["recipient_run_id"]][row["position"]] = row["patch"]
    outputs: dict[UUID, dict[str, JsonObject]] = defaultdict(dict)
    for row in await _rows(connection, _OUTPUTS, ids):
        outputs[row["recipient_run_id"]][row["step_ref"]] = row["output"]
    wait_ends: dict[UUID, dict[str, WaitEnd]] = defaultdict(dict)
    for row in await _rows(connection, _WAIT_ENDS, ids):
        end = WaitEnd(row["event"] == RunEventType.WAIT_MATCHED, row["inserted_at"])
        wait_ends[row["recipient_run_id"]][row["step_ref"]] = end
    messages: dict[UUID, list[RecordedMessage]] = defaultdict(list)
    values = ([run.workflow_run_id for run in runs], ids, environment_id)
    for message in await fetch_all(connection, RecordedMessage, _MESSAGES, values):
        messages[message.recipient_run_id].append(message)
    cancelled = {
        row["id"]: row["ended_at"]
        for row in await _rows(connection, _CANCELLED, ids, environment_id)
    }
    through = {
        row["id"]: ReachedThrough(row["properties"], row["object"])
        for row in await _rows(connection, _THROUGH, ids, environment_id)
    }
    return {
        run_id: Record(
            patches=patches.get(run_id, {}),
            outputs=outputs.get(run_id, {}),
            wait_ends=wait_ends.get(run_id, {}),
            messages=tuple(messages.get(run_id, ())),
            cancelled_at=cancelled.get(run_id),
            through=through.get(run_id),
        )
        for run_id in ids
    }


async def _rows(connection: Connection, statement: str, *values: Any) -> list[dict[str, Any]]:
    cursor = await connection.execute(statement, values)
    return await cursor.fetchall()
