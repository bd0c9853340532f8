"""The window of one batch: sleeps until its end, and has it closed.

PostgreSQL decides what belongs to the batch and when it closes. Items that move the end further
away say nothing here: when the timer fires, the window answers its new end.
"""

from __future__ import annotations

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.contract.queues import RUNS
from domain.contract.timers import BatchWindowInput, WindowState
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.earliest import EarliestInstant
from temporal_workflows.signals import CLOSES_EARLIER

# A clock of ours may be a little behind Temporal's.
_AT_LEAST = 0.02


@workflow.defn(name="BatchWindow")
class BatchWindowWorkflow:
    """The timer of one batch."""

    # The handler may run before `run` does, so its state is made here.
    def __init__(self) -> None:
        self._earliest = EarliestInstant()

    @workflow.signal(name=CLOSES_EARLIER)
    def closes_earlier(self, closes_at: float) -> None:
        """Hear of an end, in epoch seconds; one that is later than the known one changes nothing.

        It starts the watch as well, so that word and watch can never miss each other.
        """
        self._earliest.hear(closes_at)

    @workflow.run
    async def run(self, order: BatchWindowInput) -> None:
        """Return when the batch has closed, whoever closed it."""
        while True:
            await self._earliest.sleep(order.closes_at, summary="the window closes")
            # What is heard from here on is news: the look may be too early for it.
            self._earliest.forget()
            state = await _look(order)
            if state.is_closed:
                return
            closes_at = max(state.closes_at, workflow.time() + _AT_LEAST)
            order = replace(order, closes_at=min(closes_at, self._earliest.heard or closes_at))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(order)


async def _look(order: BatchWindowInput) -> WindowState:
    """Have the window closed, where this worker is; durably when the database stays away."""
    try:
        return await workflow.execute_local_activity(
            stubs.close_window,
            order,
            start_to_close_timeout=stubs.WALK_TIMEOUT,
            schedule_to_close_timeout=stubs.WALK_PATIENCE,
            retry_policy=stubs.WALK_RETRY,
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return await workflow.execute_activity(
            stubs.close_window,
            order,
            task_queue=RUNS,
            start_to_close_timeout=stubs.DURABLE_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="close the window, database permitting",
        )
