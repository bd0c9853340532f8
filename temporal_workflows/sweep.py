"""The net under the release of Temporal starts and signals; run by a Temporal Schedule."""

from __future__ import annotations

from temporalio import workflow

from domain.queues import JOBS
from temporal_workflows import activity_stubs as stubs


@workflow.defn(name="Sweep")
class SweepWorkflow:
    """Start and signal what a process that died between its transaction and Temporal left."""

    @workflow.run
    async def run(self) -> int:
        """Answer how many triggers and cancellations were released."""
        return await workflow.execute_activity(
            stubs.sweep,
            task_queue=JOBS,
            start_to_close_timeout=stubs.SWEEP_TIMEOUT,
            heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
            retry_policy=stubs.DURABLE_RETRY,
        )
