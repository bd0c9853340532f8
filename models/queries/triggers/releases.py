"""Statements over released triggers that wait for their runs to begin.

All ages are the database's: processes may disagree about the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.runs.statuses import RunStatus
from domain.triggers.rows import TriggerToConfirm
from models.queries.triggers.release_queues import EXPANDS
from runtime.database import Connection

# A run that has begun is never `queued` again, so what is deleted here needs no other look; nor are
# there runs that are not made yet.
_CONFIRM = f"""
WITH due AS (
    SELECT t.workflow_run_id, EXISTS (
        SELECT FROM recipient_runs r
        WHERE r.workflow_run_id = t.workflow_run_id AND r.status = '{RunStatus.QUEUED}')
        OR {EXPANDS.format(of="t")} AS waits
    FROM trigger_releases t
    WHERE t.released_at IS NOT NULL AND t.due_at <= now()
    ORDER BY t.due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), confirmed AS (
    DELETE FROM trigger_releases t USING due
    WHERE t.workflow_run_id = due.workflow_run_id AND NOT due.waits
), waiting AS (
    UPDATE trigger_releases t SET due_at = now() + %(lease)s
    FROM due, environments e
    WHERE t.workflow_run_id = due.workflow_run_id AND due.waits AND e.id = t.environment_id
    RETURNING t.workflow_run_id AS id, t.environment_id, t.fanout, t.released_at,
              e.slug AS environment, {EXPANDS.format(of="t")} AS expands
)
SELECT (SELECT count(*) FROM due) AS taken, waiting.*, now() AS now
FROM (SELECT) AS always LEFT JOIN waiting ON true
"""  # noqa: S608 - fixed text

_LOOKED_AT = """
UPDATE trigger_releases
SET due_at = now() + CASE WHEN %(failed)s THEN %(soon)s
        ELSE least(%(first)s * power(2, least(attempts, 20)), %(longest)s) END,
    attempts = attempts + (NOT %(failed)s)::int
WHERE workflow_run_id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What was found among released triggers that were due.

    Attributes:
        taken: how many were looked at.
        waiting: those of which runs are still `queued`; all others were forgotten.
    """

    taken: int
    waiting: list[TriggerToConfirm]


async def make_due(connection: Connection, workflow_run_ids: Sequence[UUID]) -> None:
    """Let the sweep look at some triggers now."""
    await connection.execute(
        "UPDATE trigger_releases SET due_at = now() WHERE workflow_run_id = ANY(%s)",
        (list(workflow_run_ids),),
    )


async def make_all_due(connection: Connection) -> None:
    """Let the sweep look at every trigger now."""
    await connection.execute("UPDATE trigger_releases SET due_at = now() WHERE due_at > now()")


async def take_unconfirmed(connection: Connection, *, limit: int, lease: timedelta) -> Unconfirmed:
    """Forget released triggers all of whose runs have begun, and take the others to look after.

    Args:
        connection: outside a transaction.
        limit: most triggers.
        lease: when those are due again, should this process die.
    """
    cursor = await connection.execute(_CONFIRM, {"limit": limit, "lease": lease})
    rows = await cursor.fetchall()
    taken = rows[0]["taken"]
    for row in rows:
        del row["taken"]
    # When none of them waits there is one row of nulls.
    return Unconfirmed(taken, [TriggerToConfirm(**row) for row in rows if row["id"] is not None])


async def note_looked_at(
    connection: Connection,
    workflow_run_ids: Sequence[UUID],
    *,
    failed: bool,
    soon: timedelta,
    first: timedelta,
    longest: timedelta,
) -> None:
    """Let triggers wait that were looked after.

    Args:
        connection: outside a transaction.
        workflow_run_ids: the triggers.
        failed: whether they are due `soon`, because the look failed.
        soon: after a failure.
        first: the wait after the first look; twice as long each time, up to `longest`.
        longest: the longest wait.
    """
    await connection.execute(
        _LOOKED_AT,
        {
            "ids": list(workflow_run_ids),
            "failed": failed,
            "soon": soon,
            "first": first,
            "longest": longest,
        },
    )


async def note_fanout(connection: Connection, workflow_run_id: UUID, number: int) -> None:
    """Note which fan-out of a trigger is the newest."""
    await connection.execute(
        "UPDATE trigger_releases SET fanout = %s WHERE workflow_run_id = %s",
        (number, workflow_run_id),
    )
