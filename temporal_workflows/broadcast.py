"""A scheduled broadcast: sleeps until its time, and has it sent.

PostgreSQL decides whether it still is to be sent; its runs are started by the fan-out of the
trigger that it becomes.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from domain.contract.queues import FANOUT
from domain.contract.timers import BroadcastInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.signals import CANCEL_REQUESTED


@workflow.defn(name="Broadcast")
class BroadcastWorkflow:
    """The timer of one broadcast."""

    # The handler may run before `run` does, so its state is made here.
    def __init__(self) -> None:
        self._is_cancelled = False

    @workflow.signal(name=CANCEL_REQUESTED)
    def cancel_requested(self) -> None:
        """Hear that it is a draft again: nothing is left to wait for."""
        self._is_cancelled = True

    @workflow.run
    async def run(self, order: BroadcastInput) -> str:
        """Return what has become of the broadcast, in a word."""
        wait = order.send_at - workflow.time()
        if wait > 0:
            try:
                await workflow.wait_condition(
                    lambda: self._is_cancelled,
                    timeout=timedelta(seconds=wait),
                    timeout_summary="it is sent",
                )
            except TimeoutError:
                pass
            else:
                return "cancelled"
        return await workflow.execute_activity(
            stubs.send_broadcast,
            order,
            task_queue=FANOUT,
            start_to_close_timeout=stubs.BROADCAST_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="send",
        )
