"""One clock of schedules: sleeps until the next of them is due, and has fired what is.

PostgreSQL knows when that is. Schedules that are made or moved to a later time say nothing here; an
earlier one is told by a signal. A clock that has nothing to wait for ends; the next word begins it.
"""

from __future__ import annotations

from dataclasses import replace

from temporalio import workflow

from domain.contract.queues import RUNS
from domain.contract.timers import ScheduleClockInput
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.earliest import EarliestInstant
from temporal_workflows.signals import DUE_EARLIER

# A clock of ours may be a little behind Temporal's.
_AT_LEAST = 0.2
# A timer takes no time in the far future; the clock is then set anew.
_LONGEST = 365 * 86_400.0


@workflow.defn(name="ScheduleClock")
class ScheduleClockWorkflow:
    """The timer of a share of all schedules."""

    # The handler may run before `run` does, so its state is made here.
    def __init__(self) -> None:
        self._earliest = EarliestInstant()

    @workflow.signal(name=DUE_EARLIER)
    def due_earlier(self, due_at: float) -> None:
        """Hear when to look, in epoch seconds; a time later than the known one changes nothing.

        It starts the clock as well, so that word and clock can never miss each other.
        """
        self._earliest.hear(due_at)

    @workflow.run
    async def run(self, order: ScheduleClockInput) -> None:
        """Return when nothing is to come."""
        while True:
            await self._earliest.sleep(
                order.due_at, summary="the next schedule is due", longest=_LONGEST
            )
            # What is heard from here on is news: the look may be too early for it.
            self._earliest.forget()
            state = await workflow.execute_activity(
                stubs.fire_schedules,
                order,
                task_queue=RUNS,
                start_to_close_timeout=stubs.CHUNK_TIMEOUT,
                heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
                retry_policy=stubs.DURABLE_RETRY,
                summary="fire what is due",
            )
            heard = [at for at in (state.due_at, self._earliest.heard) if at is not None]
            if not heard:
                return
            soonest = workflow.time() + (0 if state.fired else _AT_LEAST)
            order = replace(order, due_at=max(min(heard), soonest))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(order)
