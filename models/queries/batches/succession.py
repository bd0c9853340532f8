"""Statements that let another run carry a batch whose carrier was ended from outside."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.batches.rows import Batch
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.rows import StartableRun
from domain.runs.statuses import RunStatus
from models.queries.events.writing import run_facts, tell_runs
from models.sql import columns_of, fetch_one
from runtime.database import Connection

# The items of a batch are in the order of their triggers.
_HEIR = """
SELECT r.id FROM batch_items i JOIN recipient_runs r ON r.id = i.recipient_run_id
WHERE i.environment_id = %s AND i.batch_id = %s AND i.removed_at IS NULL AND r.id <> %s
ORDER BY i.workflow_run_id LIMIT 1
"""

_COPIED = (
    "environment_id",
    "workflow_run_id",
    "workflow_key",
    "version_id",
    "collection",
    "recipient_id",
    "tenant_id",
    "cancellation_key",
    "through_id",
    "trigger_data",
)
_RUN = columns_of(StartableRun, "r", {"environment": "e.slug"})

# Two events are counted: that the run has started, which its row tells, and the one below.
_SUCCEED = f"""
WITH made AS (
    INSERT INTO recipient_runs AS r (
        id, {", ".join(_COPIED)}, status, error_count, event_count, step_outcomes,
        resumes_at, started_at, inserted_at, updated_at
    )
    SELECT %(id)s, {", ".join(f"heir.{name}" for name in _COPIED)}, '{RunStatus.PAUSED}', 0, 2,
           jsonb_set(heir.step_outcomes, ARRAY[%(step_ref)s],
                     (heir.step_outcomes->%(step_ref)s) - 'joined' - 'reason' || %(waiting)s),
           %(now)s, %(now)s, %(now)s, %(now)s
    FROM recipient_runs heir WHERE heir.id = %(heir_id)s
    RETURNING {run_facts("r")}
), patches AS (
    INSERT INTO run_patches (recipient_run_id, position, step_ref, patch)
    SELECT %(id)s, position, step_ref, patch FROM run_patches
    WHERE recipient_run_id = %(heir_id)s
), taken AS (
    UPDATE batches SET carrier_run_id = %(id)s WHERE id = %(batch_id)s
), {tell_runs("made", RunEventType.BATCH_TAKEN_OVER, data="%(told)s", at="%(now)s")}
SELECT FROM made
"""  # noqa: S608 - fixed text

_START = f"""
SELECT {_RUN} FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.environment_id = %s AND r.id = %s
"""  # noqa: S608 - names of fields


async def heir_of(connection: Connection, batch: Batch) -> UUID | None:
    """Return the run of the oldest item that is not the carrier's own, or None."""
    cursor = await connection.execute(_HEIR, (batch.environment_id, batch.id, batch.carrier_run_id))
    row = await cursor.fetchone()
    return row["id"] if row else None


async def succeed(
    connection: Connection, batch: Batch, heir_id: UUID, *, waiting: JsonObject, now: datetime
) -> StartableRun | None:
    """Make a run that waits where an item's run has ended, and let it carry the batch.

    Args:
        connection: in a transaction that holds the lock of the batch.
        batch: closed, and carried by nobody.
        heir_id: whose place it takes, with all that this run has done before.
        waiting: the outcome of the batch step, of a run that waits.
        now: the instant.

    Returns:
        The run to start; None when the heir's is not there any more.
    """
    run_id = derived_id(heir_id, "carries", str(batch.id))
    told = {
        "batch_id": str(batch.id),
        "joined_by": str(heir_id),
        "instead_of": str(batch.carrier_run_id),
    }
    values = {
        "id": run_id,
        "heir_id": heir_id,
        "batch_id": batch.id,
        "step_ref": batch.step_ref,
        "waiting": Jsonb(waiting),
        "told": Jsonb(told),
        "now": now,
    }
    await connection.execute(_SUCCEED, values)
    return await fetch_one(connection, StartableRun, _START, (batch.environment_id, run_id))
