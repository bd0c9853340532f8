"""One recipient run: walk, obey the directive, walk on.

Runs live up to a year and this code must replay every one of them: it knows directives,
cancellation and deliveries, and no step type. What a step does is in `services/`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.contract.deliveries import DeliverMessageInput
from domain.contract.queues import RUNS
from domain.contract.runs import (
    START,
    Advanced,
    AdvanceInput,
    DeliveryOrder,
    Finished,
    RecipientRunInput,
    RunSoFar,
)
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.delivery import deliver, sleep_until
from temporal_workflows.signals import (
    BATCH_CLOSED,
    CANCEL_REQUESTED,
    EVENT_ARRIVED,
    WAIT_MOVED,
)
from temporal_workflows.waits import SPEAKS, WAITS

_STORY_LINES = 100
# Temporal stops an execution at 2,000 pending activities.
_DELIVERIES_AT_ONCE = 500


@workflow.defn(name="RecipientRun")
class RecipientRunWorkflow:
    """The durable execution of one recipient run."""

    # Handlers may run before `run` does, so all their state is made here.
    def __init__(self) -> None:
        self._cancel_requested = False
        self._closed_batches: set[str] = set()
        self._news: set[str] = set()
        self._looks_again = False
        self._deliveries: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_DELIVERIES_AT_ONCE)
        self._story: list[str] = []

    @workflow.signal(name=CANCEL_REQUESTED)
    def cancel_requested(self) -> None:
        """Wake a sleeping run; the database already says that it is cancelled."""
        self._cancel_requested = True

    @workflow.signal(name=BATCH_CLOSED)
    def batch_closed(self, batch_id: str) -> None:
        """Wake a run that carries a batch; word that comes early or twice does no harm."""
        self._closed_batches.add(batch_id)

    @workflow.signal(name=EVENT_ARRIVED)
    def event_arrived(self, step_ref: str) -> None:
        """Wake a run that waits for an event; word that comes early or twice does no harm."""
        self._news.add(step_ref)

    def has_news(self, step_ref: str) -> bool:
        """Tell whether word has come of an event since the last time it was taken."""
        return step_ref in self._news

    def take_news(self, step_ref: str) -> None:
        """Take word of an event: what comes from here on is news."""
        self._news.discard(step_ref)

    @workflow.signal(name=WAIT_MOVED)
    def wait_moved(self) -> None:
        """Have the walk look when a sleep ends; word that comes early or twice does no harm."""
        self._looks_again = True

    def looks_again(self) -> bool:
        """Tell whether word has come that the sleep ends at another instant."""
        return self._looks_again

    def has_closed(self, batch_id: str) -> bool:
        """Tell whether word has come that a batch has closed."""
        return batch_id in self._closed_batches

    def is_cancelled(self) -> bool:
        """Tell whether a cancel has arrived."""
        return self._cancel_requested

    @workflow.run
    async def run(self, order: RecipientRunInput) -> str:
        """Walk the run to its end; returns its status."""
        cursor = self._go_on_with(order)
        try:
            advanced = await self._advance(order, cursor)
            while not isinstance(advanced.next, Finished):
                cursor = advanced.cursor
                await WAITS[advanced.next.kind](self, advanced.next)
                # What is heard from here on is news: the walk may be too early for it.
                self._looks_again = False
                self._begin_anew_if_long(order, cursor)
                advanced = await self._advance(order, cursor)
            await self._await_deliveries()
        except (asyncio.CancelledError, FailureError) as error:
            # A cache eviction looks the same but has no reason; it must pass through untouched.
            # A cancelled activity is reported as a failure of its own.
            if workflow.cancellation_reason() is None or not is_cancelled_exception(error):
                raise
            # An operator cancelled the execution: record it; messages already made still go out.
            finish = asyncio.create_task(self._advance(order, cursor, cancel=True))
            await asyncio.shield(finish)
            await self._await_deliveries()
            raise
        return advanced.status

    def _go_on_with(self, order: RecipientRunInput) -> str:
        """Take over what the run has heard in the history before; returns where it stands."""
        if order.so_far is None:
            return START
        self._story = list(order.so_far.story)
        self._closed_batches.update(order.so_far.closed_batches)
        self._news.update(order.so_far.news)
        return order.so_far.cursor

    def _begin_anew_if_long(self, order: RecipientRunInput, cursor: str) -> None:
        """Go on in a new history when Temporal says that this one is long, and nothing is sent.

        A wait of weeks may be woken thousands of times by what it does not wait for. Word that has
        come goes along; what comes now is for the new history. A delivery that ended is told again
        by no walk, and would find itself done.
        """
        is_sending = any(not delivery.done() for delivery in self._deliveries.values())
        is_long = workflow.info().is_continue_as_new_suggested()
        if not is_long or is_sending or self._cancel_requested:
            return
        # Asked for last: a run that never comes here has no marker. One that was here before there
        # was this goes on where it is.
        if not workflow.patched("goes-on-in-new-history"):
            return
        so_far = RunSoFar(
            cursor, list(self._story), sorted(self._closed_batches), sorted(self._news)
        )
        workflow.continue_as_new(replace(order, so_far=so_far))

    async def _advance(
        self, order: RecipientRunInput, cursor: str, *, cancel: bool = False
    ) -> Advanced:
        """Walk once, as a local activity; durably when the database stays away."""
        walk = AdvanceInput(
            order.run_id,
            order.environment_id,
            cursor,
            cancel or self._cancel_requested,
            list(SPEAKS),
        )
        try:
            advanced = await workflow.execute_local_activity(
                stubs.advance,
                walk,
                start_to_close_timeout=stubs.WALK_TIMEOUT,
                schedule_to_close_timeout=stubs.WALK_PATIENCE,
                retry_policy=stubs.WALK_RETRY,
            )
        except FailureError as error:
            # A local activity that gives up raises its cause, not always an ActivityError.
            if is_cancelled_exception(error):
                raise
            advanced = await workflow.execute_activity(
                stubs.advance,
                walk,
                task_queue=RUNS,
                start_to_close_timeout=stubs.DURABLE_TIMEOUT,
                retry_policy=stubs.DURABLE_RETRY,
                summary="walk on, database permitting",
            )
        self._tell(advanced)
        for delivery in advanced.deliveries:
            # Once: a repeated walk names the messages that it finds again.
            if delivery.message_id not in self._deliveries:
                task = asyncio.create_task(self._deliver(order, delivery))
                self._deliveries[delivery.message_id] = task
        return advanced

    async def _deliver(self, order: RecipientRunInput, delivery: DeliveryOrder) -> None:
        await sleep_until(delivery.not_before, label=f"send window of {delivery.label}")
        async with self._room:
            await deliver(
                DeliverMessageInput(delivery.message_id, order.environment_id),
                queue=delivery.queue,
                label=delivery.label,
            )

    async def _await_deliveries(self) -> None:
        """Wait for every delivery, and let none be cancelled with the run: it is under way."""
        for delivery in self._deliveries.values():
            await asyncio.shield(delivery)

    def _tell(self, advanced: Advanced) -> None:
        """Let an operator who opens the run read what it did and what it waits for."""
        self._story = [*self._story, *advanced.story][-_STORY_LINES:]
        lines = [f"**{advanced.status}**", "", *(f"- {line}" for line in self._story)]
        label = getattr(advanced.next, "label", "")
        if label:
            lines.append(f"- waits: {label}")
        workflow.set_current_details("\n".join(lines))
