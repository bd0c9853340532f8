"""Signal all runs that one cancellation ended, in parallel chunks."""

from __future__ import annotations

from temporalio import workflow

from domain.queues import FANOUT
from domain.runs import CancelFanoutInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.chunks import run_chunks


@workflow.defn(name="CancelFanout")
class CancelFanoutWorkflow:
    """Plan the ranges, then wake each range's runs on the `fanout` queue."""

    @workflow.run
    async def run(self, order: CancelFanoutInput) -> int:
        """Answer how many runs were told."""
        plan = await workflow.execute_activity(
            stubs.plan_cancel_fanout,
            order,
            task_queue=FANOUT,
            start_to_close_timeout=stubs.DURABLE_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="plan",
        )
        return await run_chunks(stubs.signal_cancelled_runs, plan)
