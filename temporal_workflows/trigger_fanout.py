"""Start all recipient runs of one large trigger, in parallel chunks."""

from __future__ import annotations

from temporalio import workflow

from domain.queues import FANOUT
from domain.runs import TriggerFanoutInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.chunks import run_chunks


@workflow.defn(name="TriggerFanout")
class TriggerFanoutWorkflow:
    """Plan the ranges, then start each range's runs on the `fanout` queue."""

    @workflow.run
    async def run(self, order: TriggerFanoutInput) -> int:
        """Answer how many runs were started."""
        plan = await workflow.execute_activity(
            stubs.plan_trigger_fanout,
            order,
            task_queue=FANOUT,
            start_to_close_timeout=stubs.DURABLE_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="plan",
        )
        return await run_chunks(stubs.start_runs, plan)
