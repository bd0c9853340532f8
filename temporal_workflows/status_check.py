"""Asking a vendor what became of one message, with its ten checks."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.deliveries import StatusCheckInput
from temporal_workflows import activity_stubs as stubs


@workflow.defn(name="StatusCheck")
class StatusCheckWorkflow:
    """Have a vendor asked until it has answered for good, or was asked for long enough."""

    @workflow.run
    async def run(self, order: StatusCheckInput) -> str:
        """Return what the message has come to, or why nobody asks any more."""
        return await workflow.execute_activity(
            stubs.check_status,
            order,
            task_queue=order.queue,
            start_to_close_timeout=stubs.FETCH_TIMEOUT,
            heartbeat_timeout=stubs.FETCH_HEARTBEAT,
            retry_policy=stubs.DELIVERY_RETRY,
            summary=order.label,
        )
