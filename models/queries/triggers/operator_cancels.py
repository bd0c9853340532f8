"""Statements by which operators cancel runs that have not ended.

Open runs are few among all: those that have begun are found by their rare status, those that have
not by the row that their trigger keeps until they have.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.recipients.refs import USERS, RecipientRef
from domain.runs.statuses import OPEN_RUN, RunStatus
from domain.runs.waiting import Cancelled
from domain.triggers.addressees import ADDRESSED
from models.queries.batches.removal import remove_items
from models.queries.triggers.cancelling import (
    END_EXPANSIONS,
    SETTLE,
    end_runs,
)
from models.sql import fetch_ids, listed
from runtime.database import Connection, one, take_long

_BEGUN = (RunStatus.PROCESSING, RunStatus.PAUSED)

_MEANT = """(%(run_id)s::uuid IS NULL OR r.id = %(run_id)s)
      AND (%(workflow_run_id)s::uuid IS NULL OR r.workflow_run_id = %(workflow_run_id)s)
      AND (%(workflow_key)s::text IS NULL OR r.workflow_key = %(workflow_key)s)
      AND (%(tenant)s::text IS NULL OR r.tenant_id = %(tenant)s)
      AND (%(recipient_id)s::text IS NULL
           OR r.recipient_id = %(recipient_id)s AND r.collection = %(collection)s)"""

# One run has no expansion: it is made, or has no id that anybody knows.
_MEANT_EXPANSIONS = """x.environment_id = %(environment_id)s AND %(run_id)s::uuid IS NULL
      AND (%(workflow_run_id)s::uuid IS NULL OR x.workflow_run_id = %(workflow_run_id)s)
      AND (%(workflow_key)s::text IS NULL OR x.workflow_key = %(workflow_key)s)"""

_CANCEL_EXPANSIONS = f"""
WITH locked AS (
    SELECT x.workflow_run_id
    FROM trigger_expansions x JOIN workflow_runs w ON w.id = x.workflow_run_id
    WHERE {_MEANT_EXPANSIONS} AND x.depth <> {ADDRESSED}
      AND (%(tenant)s::text IS NULL OR w.tenant_id = %(tenant)s)
    ORDER BY x.workflow_run_id FOR UPDATE OF x
), {END_EXPANSIONS}"""  # noqa: S608 - fixed text

# A broadcast has no tenant, each addressee has one. It is known who has no run yet, so they are
# taken off the list, and whoever makes the next page finds what is left of it.
_LOCK_BROADCASTS = f"""
SELECT x.workflow_run_id AS id FROM trigger_expansions x
WHERE {_MEANT_EXPANSIONS} AND x.depth = {ADDRESSED}
ORDER BY x.workflow_run_id FOR UPDATE
"""  # noqa: S608 - fixed text

_FORGET_ADDRESSEES = f"""
DELETE FROM broadcast_addressees
WHERE environment_id = %(environment_id)s AND workflow_run_id = ANY(%(broadcast_ids)s)
  AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)
  AND (%(recipient_id)s::text IS NULL
       OR user_id = %(recipient_id)s AND %(collection)s::text = '{USERS}')
"""  # noqa: S608 - fixed text

_LOCK_RUNS = f"""
SELECT id FROM recipient_runs WHERE id IN (
    SELECT r.id FROM recipient_runs r
    WHERE r.environment_id = %(environment_id)s AND r.rare_status IN ({listed(_BEGUN)})
      AND {_MEANT}
    UNION
    SELECT r.id FROM trigger_releases t
    JOIN recipient_runs r ON r.workflow_run_id = t.workflow_run_id
    WHERE t.environment_id = %(environment_id)s AND r.environment_id = %(environment_id)s
      AND r.status = '{RunStatus.QUEUED}' AND {_MEANT}
) AND status IN ({listed(OPEN_RUN)})
ORDER BY id FOR UPDATE
"""  # noqa: S608 - fixed text

# Runs whose items are in open batches have ended, but for those that carry them.
_LOCK_BATCHES = f"""
SELECT id FROM batches WHERE closed_at IS NULL AND id IN (
    SELECT i.batch_id FROM batches b
    JOIN batch_items i ON i.batch_id = b.id
    JOIN recipient_runs r ON r.id = i.recipient_run_id
    WHERE b.environment_id = %(environment_id)s AND b.closed_at IS NULL
      AND i.removed_at IS NULL AND {_MEANT}
    UNION SELECT id FROM batches WHERE closed_at IS NULL AND carrier_run_id = ANY(%(run_ids)s)
)
ORDER BY id FOR UPDATE
"""  # noqa: S608 - fixed text

_REMOVE_ITEMS = remove_items(
    f"i.batch_id = ANY(%(batch_ids)s) AND {_MEANT}",
    reason="cancel_requested",
    cancellation="%(id)s",
)

# A run that carries what others have put in goes on without its own item.
_CANCEL = end_runs(
    """
        SELECT FROM batches b JOIN batch_items i ON i.batch_id = b.id AND i.removed_at IS NULL
        WHERE b.id = ANY(%(batch_ids)s) AND b.carrier_run_id = r.id"""
)


async def cancel_open_runs(
    connection: Connection,
    environment_id: UUID,
    *,
    cancellation_id: UUID,
    run_id: UUID | None,
    workflow_run_id: UUID | None,
    workflow_key: str | None,
    tenant: str | None,
    recipient: RecipientRef | None,
    now: datetime,
    release_within: timedelta,
) -> Cancelled:
    """Cancel the open runs that are meant, and take what is meant out of open batches.

    Runs that are meant and are not made yet will not be made. Nobody knows how many they would have
    been of those who follow an object, so these are not counted.
    """
    await take_long(connection)
    values: dict[str, object] = {
        "id": cancellation_id,
        "environment_id": environment_id,
        "run_id": run_id,
        "workflow_run_id": workflow_run_id,
        "workflow_key": workflow_key,
        "cancellation_key": "",
        "tenant": tenant,
        "recipient_id": recipient.id if recipient else None,
        "collection": recipient.collection if recipient else None,
        "recipients": Jsonb([recipient.gid]) if recipient else None,
        "now": now,
        "release_within": release_within,
    }
    await connection.execute(_CANCEL_EXPANSIONS, values)
    values["broadcast_ids"] = await fetch_ids(connection, _LOCK_BROADCASTS, values)
    addressees = (await connection.execute(_FORGET_ADDRESSEES, values)).rowcount
    values["run_ids"] = await fetch_ids(connection, _LOCK_RUNS, values)
    values["batch_ids"] = await fetch_ids(connection, _LOCK_BATCHES, values)
    cursor = await connection.execute(_REMOVE_ITEMS, values)
    items = int(one(await cursor.fetchone())["items"])
    # After the items are gone: this statement sees whose batch still has any.
    runs = (await connection.execute(_CANCEL, values)).rowcount
    await connection.execute(SETTLE, {**values, "runs": runs})
    return Cancelled(runs=runs, items=items, addressees=addressees)
