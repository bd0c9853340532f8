"""Work on one bulk operation, turn after turn; PostgreSQL knows how far it has come."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.jobs import BulkOperationInput
from domain.contract.queues import BULK
from temporal_workflows import activity_stubs as stubs


@workflow.defn(name="BulkOperation")
class BulkOperationWorkflow:
    """The durable execution of one bulk operation."""

    @workflow.run
    async def run(self, order: BulkOperationInput) -> None:
        """Return when the operation is over."""
        while True:
            state = await workflow.execute_activity(
                stubs.work_on_bulk,
                order,
                task_queue=BULK,
                start_to_close_timeout=stubs.BULK_TIMEOUT,
                heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
                retry_policy=stubs.DURABLE_RETRY,
            )
            if state.is_over:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(order)
