"""One recipient run: walk, obey the directive, walk on.

Runs live up to a year and this code must replay every one of them: it knows directives,
cancellation and deliveries, and no step type. What a step does is in `services/`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.queues import RUNS
from domain.runs import (
    START,
    AdvanceInput,
    DeliverMessageInput,
    DeliveryOrder,
    Directive,
    DirectiveKind,
    RecipientRunInput,
)
from temporal_workflows import activity_stubs as stubs
from temporal_workflows.delivery import deliver, sleep_until
from temporal_workflows.signals import CANCEL_REQUESTED

_STORY_LINES = 100


@workflow.defn(name="RecipientRun")
class RecipientRunWorkflow:
    """The durable execution of one recipient run."""

    # Handlers may run before `run` does, so all their state is made here.
    def __init__(self) -> None:
        self._cancel_requested = False
        self._deliveries: dict[str, asyncio.Task[None]] = {}
        self._story: list[str] = []

    @workflow.signal(name=CANCEL_REQUESTED)
    def cancel_requested(self) -> None:
        """Wake a sleeping run; the database already says that it is cancelled."""
        self._cancel_requested = True

    @workflow.run
    async def run(self, order: RecipientRunInput) -> str:
        """Walk the run to its end; answers its status."""
        cursor = START
        try:
            directive = await self._advance(order, cursor)
            while directive.kind is DirectiveKind.SLEEP_UNTIL:
                cursor = directive.cursor
                await self._sleep(directive)
                directive = await self._advance(order, cursor)
            await self._await_deliveries()
        except (asyncio.CancelledError, FailureError) as error:
            # A cache eviction looks the same but has no reason; it must pass through untouched.
            # A cancelled activity is reported as a failure of its own.
            if workflow.cancellation_reason() is None or not is_cancelled_exception(error):
                raise
            await self._finish_cancelled(order, cursor)
            raise
        return directive.status

    async def _advance(
        self, order: RecipientRunInput, cursor: str, *, cancel: bool = False
    ) -> Directive:
        """Walk once, as a local activity; durably when the database stays away."""
        walk = AdvanceInput(
            order.run_id, order.environment_id, cursor, cancel or self._cancel_requested
        )
        try:
            directive = await workflow.execute_local_activity(
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
            directive = await workflow.execute_activity(
                stubs.advance,
                walk,
                task_queue=RUNS,
                start_to_close_timeout=stubs.DURABLE_TIMEOUT,
                retry_policy=stubs.DURABLE_RETRY,
                summary="walk on, database permitting",
            )
        self._tell(directive)
        for delivery in directive.deliveries:
            self._start_delivery(order, delivery)
        return directive

    async def _sleep(self, directive: Directive) -> None:
        """Wait for the instant of the directive, or for a cancel, whichever comes first."""
        wait = (directive.until or 0.0) - workflow.time()
        if wait <= 0:
            return
        try:
            await workflow.wait_condition(
                lambda: self._cancel_requested,
                timeout=timedelta(seconds=wait),
                timeout_summary=directive.label,
            )
        except TimeoutError:
            return

    def _start_delivery(self, order: RecipientRunInput, delivery: DeliveryOrder) -> None:
        """Start a delivery once: a repeated walk names the messages that it finds again."""
        if delivery.message_id not in self._deliveries:
            self._deliveries[delivery.message_id] = asyncio.create_task(
                self._deliver(order, delivery)
            )

    async def _deliver(self, order: RecipientRunInput, delivery: DeliveryOrder) -> None:
        await sleep_until(delivery.not_before, label=f"send window of {delivery.label}")
        await deliver(
            DeliverMessageInput(delivery.message_id, order.environment_id),
            queue=delivery.queue,
            label=delivery.label,
        )

    async def _await_deliveries(self) -> None:
        """Wait for every delivery, and let none be cancelled with the run: it is under way."""
        for delivery in self._deliveries.values():
            await asyncio.shield(delivery)

    async def _finish_cancelled(self, order: RecipientRunInput, cursor: str) -> None:
        """An operator cancelled the execution: record it; messages already made still go out."""
        finish = asyncio.create_task(self._advance(order, cursor, cancel=True))
        await asyncio.shield(finish)
        await self._await_deliveries()

    def _tell(self, directive: Directive) -> None:
        """Let an operator who opens the run read what it did and what it waits for."""
        self._story = [*self._story, *directive.story][-_STORY_LINES:]
        lines = [f"**{directive.status}**", "", *(f"- {line}" for line in self._story)]
        if directive.kind is DirectiveKind.SLEEP_UNTIL:
            lines.append(f"- waits: {directive.label}")
        workflow.set_current_details("\n".join(lines))
