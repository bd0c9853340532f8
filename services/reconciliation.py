"""Bring PostgreSQL in line with Temporal where an operator ended a run behind our back.

A run that is terminated in Temporal's UI walks no more, and nobody tells the database. Its row is
found when its wait is long over; then Temporal is asked, and only a run that is closed there is
ended here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.clock import utc_now
from domain.ids import recipient_run_workflow_id
from models.queries import overdue
from runtime.logs import get_logger
from runtime.platform import Platform

_log = get_logger(__name__)

# A busy or restarting Temporal wakes runs late; this long it is given.
GRACE = timedelta(minutes=2)
_AT_ONCE = 100


async def end_abandoned_runs(platform: Platform, *, grace: timedelta = GRACE) -> int:
    """End runs whose wait is over by `grace` and that Temporal has closed; answers how many."""
    now = utc_now()
    async with platform.database.connection() as connection:
        rows = await overdue.overdue_runs(connection, now=now, grace=grace, limit=_AT_ONCE)
    ended = 0
    for row in rows:
        if await _is_closed(platform.temporal, row):
            async with platform.database.connection() as connection:
                ended += await overdue.end_overdue_run(connection, row["id"], now=now, grace=grace)
    if ended:
        _log.warning("runs_ended_in_temporal", count=ended)
    return ended


async def _is_closed(client: Client, row: dict[str, Any]) -> bool:
    workflow_id = recipient_run_workflow_id(row["environment"], row["workflow_key"], row["id"])
    try:
        description = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return True
        raise
    return description.status is not WorkflowExecutionStatus.RUNNING
