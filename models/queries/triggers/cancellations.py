"""Statements that cancel runs, and find those that a cancellation has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import FIRST_ID, LAST_ID
from domain.recipients.refs import RecipientRef
from domain.runs.rows import RunInTemporal
from models.queries.batches.removal import remove_items
from models.queries.triggers.cancelling import (
    END_EXPANSIONS,
    SETTLE,
    end_runs,
)
from models.sql import columns_of, fetch_all, fetch_ids
from runtime.database import Connection, take_long

_FOR_SOME = """(%(recipients)s::jsonb IS NULL OR (collection, recipient_id) IN (
            SELECT * FROM unnest(%(collections)s::text[], %(recipient_ids)s::text[])))"""

# Runs on a branch, and those of the environment's own content, are cancelled apart.
_ON_BRANCH = """(
    SELECT w.branch_id IS NOT DISTINCT FROM %(branch_id)s::uuid FROM workflow_runs w
    WHERE w.id = workflow_run_id)"""

_CANCEL_EXPANSIONS = f"""
WITH locked AS (
    SELECT workflow_run_id FROM trigger_expansions
    WHERE environment_id = %(environment_id)s AND workflow_key = %(workflow_key)s
      AND cancellation_key = %(cancellation_key)s AND {_ON_BRANCH}
    ORDER BY workflow_run_id FOR UPDATE
), {END_EXPANSIONS}"""  # noqa: S608 - fixed text

_LOCK_RUNS = f"""
SELECT id FROM recipient_runs
WHERE environment_id = %(environment_id)s AND workflow_key = %(workflow_key)s
  AND open_key = %(cancellation_key)s AND {_FOR_SOME} AND {_ON_BRANCH}
ORDER BY id FOR UPDATE
"""  # noqa: S608 - fixed text

_ITEMS = f"""
SELECT batch_id FROM batch_items
WHERE environment_id = %(environment_id)s AND workflow_key = %(workflow_key)s
  AND cancellation_key = %(cancellation_key)s AND removed_at IS NULL AND {_ON_BRANCH}
"""  # noqa: S608 - fixed text

# Open batches with items of the key, and those that wait for a run of the key.
_LOCK_BATCHES = f"""
SELECT id FROM batches
WHERE closed_at IS NULL AND {_FOR_SOME} AND id IN (
    {_ITEMS} UNION
    SELECT id FROM batches WHERE closed_at IS NULL AND carrier_run_id = ANY(%(run_ids)s)
)
ORDER BY id FOR UPDATE
"""  # noqa: S608 - fixed text

# An item is taken out of its batch; the window stays open.
_REMOVE_ITEMS = remove_items(
    "i.batch_id = ANY(%(batch_ids)s) AND i.cancellation_key = %(cancellation_key)s",
    reason="cancel_requested",
    cancellation="%(id)s",
)

# The run that waits for a batch goes on waiting: at its end it goes on with what others have put
# in.
_CANCEL = end_runs(
    "SELECT FROM batches b WHERE b.id = ANY(%(batch_ids)s) AND b.carrier_run_id = r.id"
)

_CANCELLED = f"""
SELECT {columns_of(RunInTemporal, "r", {"environment": "e.slug"})}
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.cancellation_id = %s AND r.id > %s AND r.id <= %s ORDER BY r.id
"""  # noqa: S608 - names of fields


async def cancel_runs(
    connection: Connection,
    environment_id: UUID,
    *,
    branch_id: UUID | None,
    cancellation_id: UUID,
    workflow_key: str,
    cancellation_key: str,
    recipients: Sequence[RecipientRef] | None,
    now: datetime,
    release_within: timedelta,
) -> list[UUID]:
    """Cancel every open run that matches, and return their ids; take items out of open batches.

    Runs on a branch match where the branch is named, and only there.

    Runs that match and are not made yet will not be made.

    The sweep wakes their Temporal workflows after `release_within`, unless they were by then.
    """
    await take_long(connection)  # many runs may share a key
    refs = recipients or ()
    values: dict[str, object] = {
        "id": cancellation_id,
        "environment_id": environment_id,
        "branch_id": branch_id,
        "workflow_key": workflow_key,
        "cancellation_key": cancellation_key,
        "recipients": None if recipients is None else Jsonb([ref.gid for ref in refs]),
        "collections": [ref.collection for ref in refs],
        "recipient_ids": [ref.id for ref in refs],
        "now": now,
        "release_within": release_within,
    }
    await connection.execute(_CANCEL_EXPANSIONS, values)
    values["run_ids"] = await fetch_ids(connection, _LOCK_RUNS, values)
    values["batch_ids"] = await fetch_ids(connection, _LOCK_BATCHES, values)
    await connection.execute(_REMOVE_ITEMS, values)
    cursor = await connection.execute(_CANCEL, values)
    ids = [row["id"] for row in await cursor.fetchall()]
    await connection.execute(SETTLE, {**values, "runs": len(ids)})
    return ids


async def cancelled_runs(
    connection: Connection, cancellation_id: UUID, *, after: UUID = FIRST_ID, last: UUID = LAST_ID
) -> list[RunInTemporal]:
    """Return the runs of a cancellation in a range of ids."""
    return await fetch_all(connection, RunInTemporal, _CANCELLED, (cancellation_id, after, last))
