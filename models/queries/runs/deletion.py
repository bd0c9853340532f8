"""Statements that delete runs with all that hangs on them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models.queries.runs.throttles import forget_passes_of
from runtime.database import Connection

_CHOSEN = "environment_id = %(environment_id)s AND id = ANY(%(ids)s)"
# A walk that holds a run is waited for before what hangs on the run is deleted: a statement sees
# only what was there when it began.
_LOCK = f"SELECT FROM recipient_runs WHERE {_CHOSEN} ORDER BY id FOR UPDATE"
# Whether a trigger, named by its alias, has files that a message is still to be sent with.
HAS_FILES_TO_SEND = """EXISTS (
    SELECT FROM attachments a
    JOIN messages m ON m.workflow_run_id = a.workflow_run_id AND m.channel_type = 'email'
    JOIN deliveries d ON d.message_id = m.id
    WHERE a.workflow_run_id = {trigger}.id)"""
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
      AND NOT (%(spares_files)s AND {HAS_FILES_TO_SEND.format(trigger="w")})
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
    connection: Connection,
    environment_id: UUID,
    run_ids: Collection[UUID],
    *,
    spares_files: bool = False,
    forgets_passes: bool = False,
) -> None:
    """Delete runs with their events, patches, items and waits, inside a transaction.

    Args:
        connection: inside a transaction.
        environment_id: where.
        run_ids: of the runs.
        spares_files: whether a trigger stays as long as a message is to be sent with its files.
        forgets_passes: whether what they have passed holds nobody back any more; what is old does.
    """
    values = {"environment_id": environment_id, "ids": list(run_ids), "spares_files": spares_files}
    await connection.execute(_LOCK, values)
    if forgets_passes:
        await forget_passes_of(connection, environment_id, run_ids)
    for statement in (_TRIGGERS, *_DELETE):
        await connection.execute(statement, values)
