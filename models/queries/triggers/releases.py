"""Statements over triggers that wait to be started, or for their runs to begin.

All ages are the database's: processes may disagree about the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from runtime.database import Connection

# Taking pushes back: what fails, or dies with its process, stands in nobody's way.
_TAKE_UNRELEASED = """
WITH due AS (
    SELECT workflow_run_id FROM trigger_releases
    WHERE released_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE trigger_releases t SET due_at = now() + %(lease)s
FROM due, environments e
WHERE t.workflow_run_id = due.workflow_run_id AND e.id = t.environment_id
RETURNING t.workflow_run_id AS id, t.environment_id, t.fanout, e.slug AS environment
"""

_PUT_BACK = """
UPDATE trigger_releases
SET due_at = now() + CASE WHEN %(failed)s
        THEN least(%(first)s * power(2, least(attempts, 20)), %(longest)s) ELSE interval '0' END,
    attempts = attempts + %(failed)s::int
WHERE workflow_run_id = %(id)s AND released_at IS NULL
"""

_MARK = """
WITH locked AS (
    SELECT workflow_run_id FROM trigger_releases
    WHERE workflow_run_id = ANY(%(ids)s) AND released_at IS NULL
    ORDER BY workflow_run_id FOR UPDATE
)
UPDATE trigger_releases t
SET released_at = now(), attempts = 0,
    due_at = now() + CASE WHEN due_at > now() THEN %(confirm_after)s ELSE interval '0' END
FROM locked WHERE t.workflow_run_id = locked.workflow_run_id
"""

# A run that has begun is never `queued` again, so what is deleted here needs no other look.
_CONFIRM = """
WITH due AS (
    SELECT t.workflow_run_id, EXISTS (
        SELECT FROM recipient_runs r
        WHERE r.workflow_run_id = t.workflow_run_id AND r.status = 'queued') AS waits
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
              e.slug AS environment
)
SELECT (SELECT count(*) FROM due) AS taken, waiting.*, now() AS now
FROM (SELECT) AS always LEFT JOIN waiting ON true
"""

_LOOKED_AT = """
UPDATE trigger_releases
SET due_at = now() + CASE WHEN %(failed)s THEN %(soon)s
        ELSE least(%(first)s * power(2, least(attempts, 20)), %(longest)s) END,
    attempts = attempts + (NOT %(failed)s)::int
WHERE workflow_run_id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A batch of released triggers that were due.

    Attributes:
        taken: how many were looked at.
        waiting: those of which runs are still `queued`; all others were forgotten.
    """

    taken: int
    waiting: list[dict[str, Any]] = field(default_factory=list)


async def take_unreleased(
    connection: Connection, *, limit: int, lease: timedelta
) -> list[dict[str, Any]]:
    """Take triggers, the longest due first, that nobody has released; nobody else gets them now.

    Args:
        connection: outside a transaction.
        limit: most triggers.
        lease: when they are due again, should this process die.
    """
    cursor = await connection.execute(_TAKE_UNRELEASED, {"limit": limit, "lease": lease})
    return await cursor.fetchall()


async def put_back(
    connection: Connection,
    workflow_run_id: UUID,
    *,
    failed: bool,
    first: timedelta,
    longest: timedelta,
) -> None:
    """Give back a trigger that was taken and could not be released.

    Args:
        connection: outside a transaction.
        workflow_run_id: the trigger.
        failed: whether it waits: `first`, and twice as long each time, up to `longest`.
        first: the first wait.
        longest: the longest wait.
    """
    await connection.execute(
        _PUT_BACK, {"id": workflow_run_id, "failed": failed, "first": first, "longest": longest}
    )


async def make_due(connection: Connection, workflow_run_ids: Sequence[UUID]) -> None:
    """Let the sweep look at some triggers now."""
    await connection.execute(
        "UPDATE trigger_releases SET due_at = now() WHERE workflow_run_id = ANY(%s)",
        (list(workflow_run_ids),),
    )


async def make_all_due(connection: Connection) -> None:
    """Let the sweep look at every trigger now."""
    await connection.execute("UPDATE trigger_releases SET due_at = now() WHERE due_at > now()")


async def mark_released(
    connection: Connection, workflow_run_ids: Sequence[UUID], *, confirm_after: timedelta
) -> None:
    """Note that every run of some triggers was started, or is certain to be.

    Args:
        connection: outside a transaction.
        workflow_run_ids: the triggers.
        confirm_after: when to look whether all their runs have begun; one that was made due
            meanwhile stays due.
    """
    await connection.execute(_MARK, {"ids": list(workflow_run_ids), "confirm_after": confirm_after})


async def take_unconfirmed(connection: Connection, *, limit: int, lease: timedelta) -> Unconfirmed:
    """Forget released triggers all of whose runs have begun, and take the others to look after.

    Args:
        connection: outside a transaction.
        limit: most triggers.
        lease: when those are due again, should this process die.
    """
    cursor = await connection.execute(_CONFIRM, {"limit": limit, "lease": lease})
    rows = await cursor.fetchall()
    return Unconfirmed(rows[0]["taken"], [row for row in rows if row["id"] is not None])


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
