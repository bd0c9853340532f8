"""Signal all runs that one cancellation ended, in parallel chunks."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.fan_outs import CancelFanoutInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.chunks import run_fan_out


@workflow.defn(name="CancelFanout")
class CancelFanoutWorkflow:
    """Plan the ranges, then wake each range's runs on the `fanout` queue."""

    @workflow.run
    async def run(self, order: CancelFanoutInput) -> int:
        """Return how many runs were told."""
        return await run_fan_out(order, stubs.plan_cancel_fanout, stubs.signal_cancelled_runs)
