"""Statements over the requests of fetch steps."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.runs.fetches import BegunFetch, FetchAttempt, FetchOutcome, StoredFetch
from domain.runs.statuses import OPEN_RUN
from models.sql import columns_of, fetch_one, listed
from runtime.database import Connection

# A repeated walk finds its own.
_PUT = """
INSERT INTO fetches (recipient_run_id, step_ref, environment_id, request, attempt, interruptions,
                     inserted_at)
VALUES (%s, %s, %s, %s, 1, 0, %s)
ON CONFLICT (recipient_run_id, step_ref) DO NOTHING
"""

_OF_STEP = "recipient_run_id = %(run_id)s AND step_ref = %(step_ref)s"
_UNRECORDED = f"f.{_OF_STEP} AND f.attempt = %(attempt)s AND f.result IS NULL"

# What was begun and not recorded was interrupted: its process died, or lost the database.
_BEGIN = f"""
UPDATE fetches f
SET interruptions = f.interruptions + (f.begun_at IS NOT NULL)::int, begun_at = now()
FROM recipient_runs r
WHERE {_UNRECORDED} AND f.environment_id = %(environment_id)s
  AND r.id = f.recipient_run_id AND r.status IN ({listed(OPEN_RUN)})
RETURNING f.request, f.interruptions
"""  # noqa: S608 - fixed text

_RECORD = f"""
UPDATE fetches f SET result = %(result)s, trace = %(trace)s, answer = %(answer)s
WHERE {_UNRECORDED} AND f.environment_id = %(environment_id)s
"""  # noqa: S608 - fixed text

_FIND = f"SELECT {columns_of(StoredFetch, 'f')} FROM fetches f WHERE f.{_OF_STEP}"  # noqa: S608 - names of fields

_AGAIN = f"""
UPDATE fetches SET attempt = %(attempt)s, interruptions = 0, begun_at = NULL, result = NULL,
                   trace = NULL, answer = NULL
WHERE {_OF_STEP}
"""  # noqa: S608 - fixed text

_FORGET = f"DELETE FROM fetches WHERE {_OF_STEP}"  # noqa: S608 - fixed text

# Few are under way at any time, so all of them are looked at.
_FORGET_ENDED = f"""
DELETE FROM fetches WHERE ctid IN (
    SELECT f.ctid FROM fetches f
    WHERE NOT EXISTS (SELECT FROM recipient_runs r
        WHERE r.id = f.recipient_run_id AND r.status IN ({listed(OPEN_RUN)}))
    LIMIT %s)
"""  # noqa: S608 - fixed text


async def put_fetch(
    connection: Connection,
    environment_id: UUID,
    run_id: UUID,
    step_ref: str,
    *,
    request: bytes,
    now: datetime,
) -> None:
    """Store the sealed request of a step."""
    await connection.execute(_PUT, (run_id, step_ref, environment_id, request, now))


async def begin_attempt(connection: Connection, attempt: FetchAttempt) -> BegunFetch | None:
    """Note that an attempt begins; None when it was recorded before or its run has ended."""
    return await fetch_one(connection, BegunFetch, _BEGIN, _named(attempt))


async def record_attempt(
    connection: Connection, attempt: FetchAttempt, outcome: FetchOutcome
) -> None:
    """Store what came of an attempt; the first to do so counts."""
    values = {
        **_named(attempt),
        "result": outcome.result.value,
        "trace": Jsonb(outcome.trace()),
        "answer": None if outcome.answer is None else Jsonb(outcome.answer),
    }
    await connection.execute(_RECORD, values)


async def find_fetch(connection: Connection, run_id: UUID, step_ref: str) -> StoredFetch | None:
    """Return where the request of a step stands."""
    values = {"run_id": run_id, "step_ref": step_ref}
    return await fetch_one(connection, StoredFetch, _FIND, values)


async def await_attempt(connection: Connection, run_id: UUID, step_ref: str, attempt: int) -> None:
    """Make room for the result of the next attempt."""
    values = {"run_id": run_id, "step_ref": step_ref, "attempt": attempt}
    await connection.execute(_AGAIN, values)


async def forget_fetch(connection: Connection, run_id: UUID, step_ref: str) -> None:
    """Drop a request that is done with."""
    await connection.execute(_FORGET, {"run_id": run_id, "step_ref": step_ref})


async def forget_ended(connection: Connection, *, limit: int) -> int:
    """Delete up to `limit` requests whose runs have ended and return how many there were."""
    cursor = await connection.execute(_FORGET_ENDED, (limit,))
    return cursor.rowcount


def _named(attempt: FetchAttempt) -> dict[str, object]:
    return {
        "run_id": attempt.run_id,
        "environment_id": attempt.environment_id,
        "step_ref": attempt.step_ref,
        "attempt": attempt.number,
    }
