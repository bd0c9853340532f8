"""What follows from one event of a source: an activity, repeated until all of it is done."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.jobs import SourceEventInput
from domain.contract.queues import JOBS
from temporal_workflows import activity_stubs as stubs


@workflow.defn(name="SourceEvent")
class SourceEventWorkflow:
    """The durable execution of an event's actions."""

    @workflow.run
    async def run(self, order: SourceEventInput) -> int:
        """Return how many actions there were."""
        return await workflow.execute_activity(
            stubs.take_source_event,
            order,
            task_queue=JOBS,
            start_to_close_timeout=stubs.SOURCE_EVENT_TIMEOUT,
            heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="take the actions",
        )
