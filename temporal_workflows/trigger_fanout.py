"""Start all recipient runs of one large trigger, in parallel chunks."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.fan_outs import TriggerFanoutInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.chunks import run_fan_out


@workflow.defn(name="TriggerFanout")
class TriggerFanoutWorkflow:
    """Plan the ranges, then start each range's runs on the `fanout` queue."""

    @workflow.run
    async def run(self, order: TriggerFanoutInput) -> int:
        """Return how many runs were started."""
        return await run_fan_out(order, stubs.plan_trigger_fanout, stubs.start_runs)
