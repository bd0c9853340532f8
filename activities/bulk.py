"""Work on bulk operations."""

from __future__ import annotations

from temporalio import activity

from activities.beats import beating
from domain.contract.jobs import BulkOperationInput, BulkState
from services.bulk import work
from services.engine import Engine


class BulkActivities:
    """Works on bulk operations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="work_on_bulk")
    async def work_on_bulk(self, order: BulkOperationInput) -> BulkState:
        """Work on a bulk operation for a while, chunk by chunk."""
        async with beating():
            turn = activity.info().attempt
            return await work.work_on_bulk(self._engine, order, turn=turn)
