"""Statements over the waits themselves: registered, looked at, claimed, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.events.outbox import OutboxRow
from domain.kit.json_types import JsonObject
from domain.runs.statuses import OPEN_RUN
from domain.waits.rows import AwaitedRun, EventWait, NewWait, UnsettledWait
from models.sql import columns_of, fetch_all, fetch_one, listed, names_of
from runtime.database import Connection

_NAMES = names_of(NewWait)
_OF_STEP = "recipient_run_id = %(run_id)s AND step_ref = %(step_ref)s"

# A step that a newer version of the workflow has further on is taken once more, and waits anew.
_REGISTER = f"""
INSERT INTO event_waits ({", ".join(_NAMES)})
VALUES ({", ".join(f"%({name})s" for name in _NAMES)})
ON CONFLICT (recipient_run_id, step_ref) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES)},
    claimed_at = NULL, output = NULL, settled_at = NULL
"""  # noqa: S608 - names of fields

_FIND = f"""
SELECT {columns_of(EventWait, "w")} FROM event_waits w
WHERE {_OF_STEP} AND claimed_at IS NULL FOR UPDATE
"""  # noqa: S608 - names of fields

# No look reads the changes before it again.
_NOTE_LOOK = f"""
WITH forgotten_changes AS (
    DELETE FROM awaited_changes WHERE {_OF_STEP} AND happened_at < %(looks_from)s
)
UPDATE event_waits SET looks_from = %(looks_from)s, judged = %(judged)s WHERE {_OF_STEP}
"""  # noqa: S608 - fixed text

_MOVE = f"""
UPDATE event_waits SET expires_at = %(expires_at)s WHERE {_OF_STEP}
"""  # noqa: S608 - fixed text

# The changes that a wait may have been for go with it.
_FORGET_CHANGES = f"""
forgotten_changes AS (DELETE FROM awaited_changes WHERE {_OF_STEP})
"""  # noqa: S608 - fixed text

_CLAIM = f"""
WITH {_FORGET_CHANGES}
UPDATE event_waits SET claimed_at = %(now)s, output = %(output)s, judged = '{{}}' WHERE {_OF_STEP}
"""  # noqa: S608 - fixed text

_FORGET = f"""
WITH {_FORGET_CHANGES} DELETE FROM event_waits WHERE {_OF_STEP}
"""  # noqa: S608 - fixed text

_OUTPUTS = """
SELECT step_ref, output FROM event_waits
WHERE recipient_run_id = %s AND claimed_at IS NOT NULL AND output IS NOT NULL
"""

_OPEN = f"r.id = w.recipient_run_id AND r.status IN ({listed(OPEN_RUN)})"

# For events of messages and runs, which name their recipient.
_AWAITING = f"""
SELECT DISTINCT w.environment_id, w.recipient_run_id, w.step_ref, w.workflow_key
FROM unnest(%(environment_ids)s::uuid[], %(event_types)s::text[], %(event_keys)s::text[],
            %(source_keys)s::text[], %(collections)s::text[], %(recipient_ids)s::text[])
    AS e (environment_id, event_type, event_key, source_key, collection, recipient_id)
JOIN event_waits w ON w.environment_id = e.environment_id AND w.event_type = e.event_type
 AND w.source_key = e.source_key AND w.event_key = e.event_key
 AND w.recipient_id = e.recipient_id AND w.collection = e.collection AND w.claimed_at IS NULL
JOIN recipient_runs r ON {_OPEN}
ORDER BY w.recipient_run_id, w.step_ref
"""  # noqa: S608 - fixed text

_UNSETTLED = f"""
SELECT {columns_of(UnsettledWait, "w", {"environment": "e.slug"})}
FROM event_waits w JOIN environments e ON e.id = w.environment_id
WHERE w.settled_at IS NULL AND w.claimed_at IS NULL AND w.registered_at < %(before)s
  AND (%(after)s::timestamptz IS NULL OR (w.registered_at, w.recipient_run_id, w.step_ref)
       > (%(after)s, %(after_run)s::uuid, %(after_step)s::text))
ORDER BY w.registered_at, w.recipient_run_id, w.step_ref LIMIT %(limit)s
"""  # noqa: S608 - names of fields

_SETTLE = f"UPDATE event_waits SET settled_at = %(now)s WHERE {_OF_STEP}"  # noqa: S608 - fixed text

_FORGET_ENDED = f"""
WITH looked_at AS (
    SELECT recipient_run_id, step_ref FROM event_waits
    WHERE (recipient_run_id, step_ref) > (%(run_id)s, %(step_ref)s)
    ORDER BY recipient_run_id, step_ref LIMIT %(limit)s
), forgotten AS (
    DELETE FROM event_waits w USING looked_at l
    WHERE w.recipient_run_id = l.recipient_run_id AND w.step_ref = l.step_ref
      AND NOT EXISTS (SELECT FROM recipient_runs r WHERE {_OPEN})
    RETURNING w.recipient_run_id
), forgotten_changes AS (
    DELETE FROM awaited_changes c USING forgotten f WHERE c.recipient_run_id = f.recipient_run_id
)
SELECT (SELECT count(*) FROM forgotten) AS forgotten, (SELECT count(*) FROM looked_at) AS looked_at,
       l.recipient_run_id, l.step_ref
FROM looked_at l ORDER BY l.recipient_run_id DESC, l.step_ref DESC LIMIT 1
"""  # noqa: S608 - fixed text

_IDLE = """
SELECT s.environment_id FROM outbox_subscriptions s
WHERE s.reader = %s AND NOT EXISTS (
    SELECT FROM event_waits w
    WHERE w.environment_id = s.environment_id AND w.claimed_at IS NULL)
"""


async def register_wait(connection: Connection, wait: NewWait) -> None:
    """Store a wait, with the commit of the walk that arrives at its step."""
    await connection.execute(_REGISTER, {**asdict(wait), "judged": Jsonb(wait.judged)})


async def find_wait(connection: Connection, run_id: UUID, step_ref: str) -> EventWait | None:
    """Lock a wait that is not over, and return it."""
    values = {"run_id": run_id, "step_ref": step_ref}
    return await fetch_one(connection, EventWait, _FIND, values)


async def note_look(connection: Connection, wait: NewWait) -> None:
    """Note from where the next look of a wait goes, and which events since then are known."""
    values = {
        "run_id": wait.recipient_run_id,
        "step_ref": wait.step_ref,
        "looks_from": wait.looks_from,
        "judged": Jsonb(wait.judged),
    }
    await connection.execute(_NOTE_LOOK, values)


async def move_expiry(
    connection: Connection, run_id: UUID, step_ref: str, expires_at: datetime
) -> None:
    """Let a wait that is locked end at another instant."""
    values = {"run_id": run_id, "step_ref": step_ref, "expires_at": expires_at}
    await connection.execute(_MOVE, values)


async def claim_wait(
    connection: Connection, run_id: UUID, step_ref: str, *, output: JsonObject, now: datetime
) -> None:
    """End a wait with the event that it was for; its variables stay for the steps behind."""
    values = {"run_id": run_id, "step_ref": step_ref, "output": Jsonb(output), "now": now}
    await connection.execute(_CLAIM, values)


async def forget_wait(connection: Connection, run_id: UUID, step_ref: str) -> None:
    """End a wait of which nothing has to be remembered."""
    await connection.execute(_FORGET, {"run_id": run_id, "step_ref": step_ref})


async def outputs_of_run(connection: Connection, run_id: UUID) -> dict[str, JsonObject]:
    """Return the variables of the events that the waits of a run were for, by step ref."""
    cursor = await connection.execute(_OUTPUTS, (run_id,))
    return {row["step_ref"]: row["output"] for row in await cursor.fetchall()}


async def awaiting(
    connection: Connection, happened: Sequence[tuple[str, str, OutboxRow]]
) -> list[AwaitedRun]:
    """Return the runs that wait for one of some events of messages and runs.

    Args:
        connection: where to read.
        happened: kind and key of each event as waits name it, and the event.
    """
    values = {
        "environment_ids": [row.environment_id for _type, _key, row in happened],
        "event_types": [event_type for event_type, _key, _row in happened],
        "event_keys": [event_key for _type, event_key, _row in happened],
        "source_keys": [row.workflow_key for _type, _key, row in happened],
        "collections": [row.collection for _type, _key, row in happened],
        "recipient_ids": [row.recipient_id for _type, _key, row in happened],
    }
    return await fetch_all(connection, AwaitedRun, _AWAITING, values)


async def unsettled_waits(
    connection: Connection, before: datetime, *, limit: int, after: UnsettledWait | None = None
) -> list[UnsettledWait]:
    """Return waits that were registered before an instant and not looked after since."""
    values = {
        "before": before,
        "limit": limit,
        "after": after and after.registered_at,
        "after_run": after and after.recipient_run_id,
        "after_step": after and after.step_ref,
    }
    return await fetch_all(connection, UnsettledWait, _UNSETTLED, values)


async def settle_wait(
    connection: Connection, run_id: UUID, step_ref: str, *, now: datetime
) -> None:
    """Note that nothing can be missed of a wait any more."""
    values = {"run_id": run_id, "step_ref": step_ref, "now": now}
    await connection.execute(_SETTLE, values)


async def forget_ended(
    connection: Connection, *, after: tuple[UUID, str], limit: int
) -> tuple[int, tuple[UUID, str] | None]:
    """Delete those of the next `limit` waits whose runs have ended.

    Returns:
        How many there were, and where to go on; None when it was the last of them.
    """
    values = {"run_id": after[0], "step_ref": after[1], "limit": limit}
    cursor = await connection.execute(_FORGET_ENDED, values)
    row = await cursor.fetchone()
    if row is None:
        return 0, None
    place = (row["recipient_run_id"], row["step_ref"])
    return row["forgotten"], place if row["looked_at"] == limit else None


async def idle_environments(connection: Connection, reader: str) -> list[UUID]:
    """Return the environments where a reader has subscribed and nothing waits."""
    cursor = await connection.execute(_IDLE, (reader,))
    return [row["environment_id"] for row in await cursor.fetchall()]
