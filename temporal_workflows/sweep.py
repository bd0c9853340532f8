"""The net under everything that a transaction promised Temporal; run by a Temporal Schedule."""

from __future__ import annotations

import asyncio

from temporalio import workflow

from domain.contract.jobs import SweepInput
from domain.contract.queues import SWEEP
from temporal_workflows import activity_stubs as stubs

FAILED = -1


@workflow.defn(name="Sweep")
class SweepWorkflow:
    """Do every duty of the order, each in an activity of its own."""

    @workflow.run
    async def run(self, order: SweepInput) -> dict[str, int]:
        """Return how much each duty did; one that failed reads -1, and is the next sweep's."""
        counts = await asyncio.gather(
            *(
                workflow.execute_activity(
                    stubs.sweep,
                    duty,
                    task_queue=SWEEP,
                    start_to_close_timeout=stubs.SWEEP_TIMEOUT,
                    heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
                    retry_policy=stubs.SWEEP_RETRY,
                    summary=duty,
                )
                for duty in order.duties
            ),
            return_exceptions=True,
        )
        return {
            duty: FAILED if isinstance(count, BaseException) else count
            for duty, count in zip(order.duties, counts, strict=True)
        }
