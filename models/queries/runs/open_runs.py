"""Statements over runs that have not ended, for starting them and comparing them with Temporal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import FIRST_ID, LAST_ID
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.rows import OpenRun, Place
from domain.runs.statuses import OPEN_RUN, RunStatus
from models.queries.events.writing import count_event, run_facts, tell_runs
from models.sql import columns_of, fetch_all, listed
from runtime.database import Connection

_COLUMNS = columns_of(
    OpenRun,
    "r",
    {
        "environment": "e.slug",
        "alive_at": "greatest(r.updated_at, r.seen_alive_at)",
        "now": "now()",
    },
)
_SELECT = f"""
SELECT {_COLUMNS} FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
"""  # noqa: S608 - names of fields

# Only an open run has `resumes_at`. That of one which carries a batch is when the batch was to
# close at first: items that have joined since may have moved that.
_WAITING = f"""
{_SELECT}
WHERE r.resumes_at IS NOT NULL AND (r.resumes_at, r.id) > (%(instant)s::timestamptz, %(run_id)s)
  AND (%(overdue_by)s::interval IS NULL
       OR r.resumes_at < now() - %(overdue_by)s::interval AND NOT EXISTS (
           SELECT FROM batches b WHERE b.carrier_run_id = r.id AND b.closed_at IS NULL
              AND b.closes_at >= now() - %(overdue_by)s::interval))
ORDER BY r.resumes_at, r.id LIMIT %(limit)s
"""

_BY_ID = f"""
{_SELECT}
WHERE r.id = ANY(%s) AND r.status IN ({listed(OPEN_RUN)})
"""

# The runs of a trigger in a range of ids that have not begun.
_STARTABLE = f"""
{_SELECT}
WHERE r.workflow_run_id = %s AND r.id > %s AND r.id <= %s AND r.status = '{RunStatus.QUEUED}'
ORDER BY r.id LIMIT %s
"""

_TOLD = tell_runs("ended", RunEventType.RUN_CANCELLED, failed=True, data="r.data", at="now()")

# A run that has moved since it was read is left alone: it has told more of its story.
_END = f"""
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(event_counts)s::int[], %(data)s::jsonb[])
        AS given (id, event_count, data)
), locked AS (
    SELECT r.id, given.data FROM recipient_runs r JOIN given USING (id, event_count)
    WHERE r.status IN ({listed(OPEN_RUN)})
    ORDER BY r.id FOR UPDATE OF r
), ended AS (
    UPDATE recipient_runs r
    SET status = '{RunStatus.CANCELLED}', resumes_at = NULL,
        {count_event("r", RunEventType.RUN_CANCELLED, failed=True)}, ended_at = now(),
        end_reason = locked.data->>'reason', updated_at = now()
    FROM locked WHERE r.id = locked.id
    RETURNING {run_facts("r")}, locked.data
), {_TOLD}
SELECT id FROM ended
"""  # noqa: S608 - fixed text

_SEEN = """
WITH locked AS (
    SELECT id FROM recipient_runs
    WHERE id = ANY(%(ids)s) AND resumes_at IS NOT NULL
      AND greatest(updated_at, seen_alive_at) < now() - %(every)s
    ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE recipient_runs r SET seen_alive_at = now() FROM locked WHERE r.id = locked.id
"""


async def waiting_runs(
    connection: Connection, after: Place, *, limit: int, overdue_by: timedelta | None = None
) -> list[OpenRun]:
    """Return open runs behind a place, those first whose waits end first.

    Args:
        connection: outside a transaction.
        after: where the last look ended.
        limit: most runs.
        overdue_by: only those whose wait ended longer than this ago.
    """
    return await fetch_all(
        connection,
        OpenRun,
        _WAITING,
        {
            "instant": after.instant,
            "run_id": after.run_id,
            "overdue_by": overdue_by,
            "limit": limit,
        },
    )


async def startable_runs(
    connection: Connection,
    workflow_run_id: UUID,
    *,
    after: UUID = FIRST_ID,
    last: UUID = LAST_ID,
    limit: int | None = None,
) -> list[OpenRun]:
    """Return the runs of a trigger, in a range of ids, that have not begun."""
    values = (workflow_run_id, after, last, limit)
    return await fetch_all(connection, OpenRun, _STARTABLE, values)


async def open_runs_by_id(connection: Connection, run_ids: Sequence[UUID]) -> list[OpenRun]:
    """Return those of some runs that are open here."""
    return await fetch_all(connection, OpenRun, _BY_ID, (list(run_ids),))


async def end_runs(
    connection: Connection, ended: Sequence[tuple[OpenRun, JsonObject]]
) -> set[UUID]:
    """End runs that nothing will wake, with an error event; leave those that have moved meanwhile.

    Args:
        connection: outside a transaction.
        ended: each run as it was read, and what its event says: a `reason`, and more.

    Returns:
        The ids of those that were ended.
    """
    if not ended:
        return set()
    cursor = await connection.execute(
        _END,
        {
            "ids": [run.id for run, _ in ended],
            "event_counts": [run.event_count for run, _ in ended],
            "data": [Jsonb(data) for _, data in ended],
        },
    )
    return {row["id"] for row in await cursor.fetchall()}


async def note_seen_alive(
    connection: Connection, run_ids: Sequence[UUID], *, every: timedelta
) -> None:
    """Note that Temporal has these runs, for those whose last sign of life is older than `every`.

    A run whose row is locked is walking, which is a sign of life itself.
    """
    if run_ids:
        await connection.execute(_SEEN, {"ids": list(run_ids), "every": every})
