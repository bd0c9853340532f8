"""Statements over the runs that throttles let pass."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.sql import fetch_one
from runtime.database import Connection

# Where a run's outcome of a step that let it pass names what is counted together.
THROTTLE_ID = "throttle_id"

# Runs of one throttle decide one after the other. In a statement of its own: the next one has to
# see what the holder of the lock before has committed.
_LOCK = "SELECT pg_advisory_xact_lock(%s)"

# For a window that looks back, the passes since then count; for one with a fixed end, all of the
# window that is open, and a pass joins it. A pass never counts for longer than its own window: it
# may have been forgotten then.
_TRY = """
WITH counted AS (
    SELECT count(*) AS passes, min(ends_at) AS ends_at
    FROM (
        SELECT ends_at FROM throttle_passes
        WHERE throttle_id = %(throttle_id)s AND ends_at > %(now)s
          AND (%(since)s::timestamptz IS NULL OR passed_at > %(since)s)
        ORDER BY passed_at DESC LIMIT %(limit)s
    ) AS counting
), passed AS (
    INSERT INTO throttle_passes (throttle_id, passed_at, recipient_run_id, ends_at)
    SELECT %(throttle_id)s, %(now)s, %(run_id)s,
           CASE WHEN %(since)s::timestamptz IS NULL THEN coalesce(ends_at, %(ends_at)s)
                ELSE %(ends_at)s END
    FROM counted WHERE passes < %(limit)s
    RETURNING ends_at
)
SELECT counted.passes, EXISTS (SELECT FROM passed) AS is_open,
       coalesce((SELECT ends_at FROM passed), counted.ends_at) AS ends_at
FROM counted
"""

# Those that count no more are left to the sweep, which would meet this one at them.
_FORGET_OF_RUNS = f"""
DELETE FROM throttle_passes p USING (
    SELECT r.id, (outcome.value ->> '{THROTTLE_ID}')::uuid AS throttle_id
    FROM recipient_runs r CROSS JOIN LATERAL jsonb_each(r.step_outcomes) AS outcome
    WHERE r.environment_id = %s AND r.id = ANY(%s) AND outcome.value ? '{THROTTLE_ID}'
) AS passed
WHERE p.throttle_id = passed.throttle_id AND p.recipient_run_id = passed.id AND p.ends_at > now()
"""  # noqa: S608 - constants

_FORGET = """
DELETE FROM throttle_passes WHERE ctid IN (
    SELECT ctid FROM throttle_passes WHERE ends_at <= %s LIMIT %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleVerdict:
    """Whether a run passes.

    Attributes:
        is_open: whether it does.
        passes: how many passed before it within the window.
        ends_at: when its pass, or the first of those before, counts no more.
    """

    is_open: bool
    passes: int
    ends_at: datetime


async def try_to_pass(
    connection: Connection,
    throttle_id: UUID,
    run_id: UUID,
    *,
    limit: int,
    since: datetime | None,
    ends_at: datetime,
    now: datetime,
) -> ThrottleVerdict:
    """Let a run pass if fewer than `limit` did, and note it; held back until the commit.

    Args:
        connection: inside the transaction of the walk.
        throttle_id: what is counted together.
        run_id: the run.
        limit: most passes within the window.
        since: where a window that looks back begins; None for one with a fixed end.
        ends_at: when a pass of now counts no more.
        now: the instant of the walk.
    """
    lock = int.from_bytes(throttle_id.bytes[8:], "big", signed=True)
    await connection.execute(_LOCK, (lock,))
    values = {
        "throttle_id": throttle_id,
        "run_id": run_id,
        "limit": limit,
        "since": since,
        "ends_at": ends_at,
        "now": now,
    }
    verdict = await fetch_one(connection, ThrottleVerdict, _TRY, values)
    if verdict is None:
        raise LookupError("a statement that always answers a row answered none")
    return verdict


async def forget_passes(connection: Connection, *, now: datetime, limit: int) -> int:
    """Delete up to `limit` passes that count no more and return how many there were."""
    cursor = await connection.execute(_FORGET, (now, limit))
    return cursor.rowcount


async def forget_passes_of(
    connection: Connection, environment_id: UUID, run_ids: Collection[UUID]
) -> None:
    """Delete the passes of runs that are locked, so that they hold nobody back any more."""
    await connection.execute(_FORGET_OF_RUNS, (environment_id, list(run_ids)))
