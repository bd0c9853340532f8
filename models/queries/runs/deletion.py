"""Statements that delete runs with all that hangs on them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from runtime.database import Connection

_CHOSEN = "environment_id = %(environment_id)s AND id = ANY(%(ids)s)"
# A walk that holds a run is waited for before what hangs on the run is deleted: a statement sees
# only what was there when it began.
_LOCK = f"SELECT FROM recipient_runs WHERE {_CHOSEN} ORDER BY id FOR UPDATE"
# A trigger for nobody else: what it carried goes with its run. One that named somebody alone may
# have reached followers, or have a run that carries a batch in the place of its first.
_TRIGGERS = f"""
WITH gone AS (
    DELETE FROM workflow_runs w USING recipient_runs r
    WHERE r.id IN (SELECT id FROM recipient_runs WHERE {_CHOSEN})
      AND w.id = r.workflow_run_id AND w.recipient_count = 1
      AND NOT EXISTS (SELECT FROM recipient_runs o
          WHERE o.workflow_run_id = w.id AND o.id <> ALL(%(ids)s))
      AND NOT EXISTS (SELECT FROM trigger_releases t WHERE t.workflow_run_id = w.id)
    RETURNING w.id
), files AS (
    DELETE FROM attachments a USING gone WHERE a.workflow_run_id = gone.id
)
DELETE FROM followed_objects f USING gone WHERE f.workflow_run_id = gone.id
"""  # noqa: S608 - constants
_DEPENDENTS = (
    "recipient_run_events",
    "run_patches",
    "batch_items",
    "fetches",
    "event_waits",
    "awaited_changes",
)
_DELETE = tuple(
    f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM recipient_runs WHERE {_CHOSEN})"  # noqa: S608
    for table, column in (
        *((dependent, "recipient_run_id") for dependent in _DEPENDENTS),
        ("recipient_runs", "id"),
    )
)


async def delete_runs(
    connection: Connection, environment_id: UUID, run_ids: Collection[UUID]
) -> None:
    """Delete runs with their events, patches, items and waits, inside a transaction."""
    values = {"environment_id": environment_id, "ids": list(run_ids)}
    for statement in (_LOCK, _TRIGGERS, *_DELETE):
        await connection.execute(statement, values)
