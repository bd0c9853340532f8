"""Bring PostgreSQL and Temporal together again where one lost what the other still has.

A run that is terminated in Temporal's UI walks no more, and nobody tells the database; a Temporal
that was restored or emptied has forgotten runs that the database still promises. Both are found
when a run's wait is long over: one that is closed in Temporal is ended here, and one that Temporal
does not know is started again. What it did before is in its row, so it goes on where it stood.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.clock import utc_now
from domain.ids import recipient_run_workflow_id
from models.queries import overdue
from runtime.logs import get_logger
from runtime.platform import Platform
from services.temporal_calls import start_run

_log = get_logger(__name__)

# A busy or restarting Temporal wakes runs late; this long it is given.
GRACE = timedelta(minutes=2)
_AT_ONCE = 100


async def reconcile_overdue_runs(platform: Platform, *, grace: timedelta = GRACE) -> int:
    """Look after runs whose wait is over by `grace`; answers how many were ended or restarted."""
    now = utc_now()
    async with platform.database.connection() as connection:
        rows = await overdue.overdue_runs(connection, now=now, grace=grace, limit=_AT_ONCE)
    changed = 0
    for row in rows:
        state = await _state(platform.temporal, row)
        if state is _State.CLOSED:
            async with platform.database.connection() as connection:
                changed += await overdue.end_overdue_run(
                    connection, row["id"], now=now, grace=grace
                )
        elif state is _State.UNKNOWN:
            await start_run(platform.temporal, row)
            changed += 1
        if state is not _State.OPEN:
            _log.warning("run_reconciled", run_id=str(row["id"]), temporal=state.value)
    return changed


class _State(Enum):
    """What Temporal says of a run."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


async def _state(client: Client, row: dict[str, Any]) -> _State:
    workflow_id = recipient_run_workflow_id(row["environment"], row["workflow_key"], str(row["id"]))
    try:
        description = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return _State.UNKNOWN
        raise
    is_open = description.status is WorkflowExecutionStatus.RUNNING
    return _State.OPEN if is_open else _State.CLOSED
