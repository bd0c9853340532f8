"""Statements that make a user the actor of what another one did, who is merged into it.

Source: Knock docs, "Merging users": activities of the last 30 days that the secondary user was an
actor of go to the primary user.

All is found by the triggers, some at a time, oldest first. They change first, so that what their
runs do from then on is of the user that stays; then, run by run, the messages, and what was brought
into batches. A position says how far that has come, so no run is looked at again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import FIRST_ID, first_id_at
from domain.kit.json_types import JsonObject
from domain.recipients.refs import USERS
from runtime.database import Connection

_TRIGGERS_AT_ONCE = 100
# How far the time in a trigger's id may be from the instant in its row.
_ID_TOLERANCE = timedelta(minutes=1)

_TRIGGERS = f"""
SELECT w.id FROM workflow_runs w
WHERE w.environment_id = %(environment_id)s AND w.actor_id = %(source)s
  AND w.actor_collection = '{USERS}' AND w.id >= %(earliest)s
  AND w.accepted_at >= %(since)s::timestamptz
ORDER BY w.id LIMIT {_TRIGGERS_AT_ONCE}
"""  # noqa: S608 - constants

_RUNS = """
SELECT r.workflow_run_id, r.id
FROM unnest(%(trigger_ids)s::uuid[]) AS t (id)
CROSS JOIN LATERAL (
    SELECT r.workflow_run_id, r.id FROM recipient_runs r
    WHERE r.workflow_run_id = t.id
      AND (r.workflow_run_id, r.id) > (%(after_trigger)s::uuid, %(after_run)s::uuid)
    ORDER BY r.id LIMIT %(limit)s
) AS r
ORDER BY r.workflow_run_id, r.id LIMIT %(limit)s
"""

_ITEMS = f"""batch_items i ON i.recipient_run_id = r.id
         AND i.actor_id = %(source)s AND i.actor_collection = '{USERS}'"""

_OF_RUNS = "unnest(%(of_triggers)s::uuid[], %(run_ids)s::uuid[]) AS r (workflow_run_id, id)"

# A message names each actor once, users by their ids alone. Those of a batch are made by the run
# that carries it.
_MESSAGES = f"""
WITH makers AS MATERIALIZED (
    SELECT r.workflow_run_id, r.id FROM {_OF_RUNS}
    UNION
    SELECT c.workflow_run_id, c.id
    FROM {_OF_RUNS}
    JOIN {_ITEMS}
    JOIN batches b ON b.id = i.batch_id
    JOIN recipient_runs c ON c.id = b.carrier_run_id
), known AS MATERIALIZED (
    SELECT m.id
    FROM makers JOIN messages m
      ON m.workflow_run_id = makers.workflow_run_id AND m.recipient_run_id = makers.id
    WHERE m.environment_id = %(environment_id)s AND m.actors @> %(named)s
    LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT m.id FROM messages m JOIN known USING (id) ORDER BY m.id FOR NO KEY UPDATE OF m
)
UPDATE messages m SET actors = (
    SELECT jsonb_agg(one.actor ORDER BY one.place) FROM (
        SELECT CASE WHEN a.actor = to_jsonb(%(source)s::text) THEN to_jsonb(%(target)s::text)
                    ELSE a.actor END AS actor, min(a.place) AS place
        FROM jsonb_array_elements(m.actors) WITH ORDINALITY AS a (actor, place) GROUP BY 1
    ) AS one)
FROM locked WHERE m.id = locked.id
"""  # noqa: S608 - fixed text

# Whoever changes what is in a batch holds it. Of a closed one it is kept how many acted.
_GATHERED = f"""
WITH known AS MATERIALIZED (
    SELECT i.recipient_run_id, i.step_ref, i.batch_id
    FROM {_OF_RUNS} JOIN {_ITEMS}
    ORDER BY i.batch_id, i.workflow_run_id LIMIT %(limit)s
), held AS MATERIALIZED (
    SELECT b.id FROM batches b WHERE b.id IN (SELECT batch_id FROM known) ORDER BY b.id FOR UPDATE
), changed AS (
    UPDATE batch_items i SET actor_id = %(target)s
    FROM known JOIN held ON held.id = known.batch_id
    WHERE i.recipient_run_id = known.recipient_run_id AND i.step_ref = known.step_ref
    RETURNING i.batch_id
), counted AS (
    UPDATE batches b SET total_actors = (
        SELECT count(DISTINCT (
            i.actor_collection,
            CASE WHEN i.actor_id = %(source)s AND i.actor_collection = '{USERS}'
                 THEN %(target)s ELSE i.actor_id END))
        FROM batch_items i
        WHERE i.batch_id = b.id AND i.removed_at IS NULL AND i.actor_id IS NOT NULL)
    WHERE b.id IN (SELECT batch_id FROM changed) AND b.closed_at IS NOT NULL
)
SELECT batch_id FROM changed
"""  # noqa: S608 - fixed text

_ACTED = """
WITH locked AS MATERIALIZED (
    SELECT w.id FROM workflow_runs w WHERE w.id = ANY(%(trigger_ids)s) ORDER BY w.id FOR UPDATE
)
UPDATE workflow_runs w SET actor_id = %(target)s FROM locked WHERE w.id = locked.id
"""


async def move_acts(
    connection: Connection,
    environment_id: UUID,
    source: str,
    target: str,
    *,
    since: str,
    limit: int,
    position: JsonObject,
) -> JsonObject | None:
    """Move some of what a user did to another one.

    Args:
        connection: a transaction that holds the one that stays, and no run, message or batch.
        environment_id: where.
        source: the user that is merged.
        target: the user that stays.
        since: what is older stays as it is; ISO 8601.
        limit: most runs that are looked at, and rows that are changed.
        position: what the call before has returned, to be stored in the transaction of that;
            empty at first.

    Returns:
        Where to go on; None when there is nothing left.
    """
    values: dict[str, Any] = {
        "environment_id": environment_id,
        "source": source,
        "target": target,
        "since": since,
        "earliest": first_id_at(datetime.fromisoformat(since) - _ID_TOLERANCE),
        "named": Jsonb([source]),
        "limit": limit,
    }
    if "trigger_ids" not in position:
        cursor = await connection.execute(_TRIGGERS, values)
        values["trigger_ids"] = trigger_ids = [row["id"] for row in await cursor.fetchall()]
        if not trigger_ids:
            return None
        await connection.execute(_ACTED, values)
        return {"trigger_ids": [*map(str, trigger_ids)], "after": [str(FIRST_ID), str(FIRST_ID)]}
    values["trigger_ids"] = position["trigger_ids"]
    values["after_trigger"], values["after_run"] = position["after"]
    runs = await (await connection.execute(_RUNS, values)).fetchall()
    values["of_triggers"] = [row["workflow_run_id"] for row in runs]
    values["run_ids"] = [row["id"] for row in runs]
    for statement in (_MESSAGES, _GATHERED):
        if (await connection.execute(statement, values)).rowcount:
            return position
    if len(runs) < limit:
        return {}
    after = [str(runs[-1]["workflow_run_id"]), str(runs[-1]["id"])]
    return {**position, "after": after}
