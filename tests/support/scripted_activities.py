"""Activities under the product's names that do what a test's script says, and note it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.contract.deliveries import DeliverMessageInput, FirstAttempt, WebhookDeliveryInput
from domain.contract.fan_outs import CancelFanoutInput, Chunk, ChunkPlan, TriggerFanoutInput
from domain.contract.jobs import BulkOperationInput, BulkState
from domain.contract.runs import Advanced, AdvanceInput, Finished, HttpFetchInput
from domain.contract.timers import (
    BatchWindowInput,
    BroadcastInput,
    ClockState,
    ScheduleClockInput,
    WindowState,
)

FINISHED = Advanced(Finished(), status="completed")
ELSEWHERE = FirstAttempt(settled=False, state="elsewhere")
CANCELLED = Advanced(Finished(), status="cancelled")


async def _sent(order: DeliverMessageInput, attempt: int) -> str:
    return "sent"


async def _answered(order: HttpFetchInput, attempt: int) -> str:
    return "done"


async def _started(chunk: Chunk, attempt: int) -> int:
    return 1


@dataclass
class Script:
    """What the activities of one test answer, and what they were asked.

    Attributes:
        directives: the answer to a walk, by cursor.
        on_cancel: the answer to a walk that was told to cancel.
        failing_walks: how many walks fail before any succeeds; only local ones are counted.
        first_attempt: what an attempt that is made at once answers.
        deliver: one attempt to deliver on the channel's queue.
        fetch: one attempt at a request.
        work: one attempt at a range of runs.
        plan: the ranges of a fan-out.
        pages: its pages instead, by where they begin.
        unready_plans: how many times runs are still being made when a plan is asked for.
        clock: what looks at a clock's schedules answer, one after the other; then never.
        turns: how many turns a bulk operation takes.
        windows: the ends of a window that looks at it find, one after the other; then it is closed.
    """

    directives: dict[str, Advanced] = field(default_factory=lambda: {"": FINISHED})
    on_cancel: Advanced = CANCELLED
    failing_walks: int = 0
    first_attempt: FirstAttempt = ELSEWHERE
    deliver: Callable[[DeliverMessageInput, int], Awaitable[str]] = _sent
    fetch: Callable[[HttpFetchInput, int], Awaitable[str]] = _answered
    work: Callable[[Chunk, int], Awaitable[int]] = _started
    plan: ChunkPlan = field(default_factory=ChunkPlan)
    pages: dict[str, ChunkPlan] = field(default_factory=dict)
    unready_plans: int = 0
    windows: list[float] = field(default_factory=list)
    looks: int = 0
    clock: list[ClockState] = field(default_factory=list)
    looked_at: list[float] = field(default_factory=list)
    turns: int = 1
    durable_walk: asyncio.Event = field(default_factory=asyncio.Event)
    walks: list[AdvanceInput] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    delivered: list[tuple[str, int]] = field(default_factory=list)
    tried_at_once: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    fetched: list[HttpFetchInput] = field(default_factory=list)
    broadcasts: list[int] = field(default_factory=list)


class ScriptedActivities:
    """Finds the script of a test by the environment of the order."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        # Clocks belong to no environment.
        self.clocks: list[Script] = []

    @activity.defn(name="advance")
    async def advance(self, order: AdvanceInput) -> Advanced:
        """Answer what the script has for the cursor."""
        script = self.scripts[order.environment_id]
        is_local = activity.info().is_local
        script.forms.append("local" if is_local else "durable")
        if is_local and len(script.forms) <= script.failing_walks:
            raise ApplicationError("the database is unavailable", type="Unavailable")
        script.walks.append(order)
        if not is_local and script.failing_walks and not order.cancel:
            await script.durable_walk.wait()
        return script.on_cancel if order.cancel else script.directives[order.cursor]

    @activity.defn(name="close_window")
    async def close_window(self, order: BatchWindowInput) -> WindowState:
        """Answer what the script says of the window."""
        script = self.scripts[order.environment_id]
        script.looks += 1
        if script.windows:
            return WindowState(is_closed=False, closes_at=script.windows.pop(0))
        return WindowState(is_closed=True)

    @activity.defn(name="send_broadcast")
    async def send_broadcast(self, order: BroadcastInput) -> str:
        """Note that it was sent."""
        self.scripts[order.environment_id].broadcasts.append(order.sends)
        return "sent"

    @activity.defn(name="deliver_message")
    async def deliver_message(self, order: DeliverMessageInput) -> str:
        """Make the attempt that the script describes."""
        script = self.scripts[order.environment_id]
        attempt = activity.info().attempt
        script.delivered.append((order.message_id, attempt))
        return await script.deliver(order, attempt)

    @activity.defn(name="deliver_now")
    async def deliver_now(self, order: DeliverMessageInput) -> FirstAttempt:
        """Answer what the script says of the first attempt."""
        script = self.scripts[order.environment_id]
        script.tried_at_once.append((order.message_id, order.queue))
        return script.first_attempt

    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, order: WebhookDeliveryInput) -> str:
        """Make the attempt that the script describes."""
        script = self.scripts[order.environment_id]
        attempt = activity.info().attempt
        script.delivered.append((order.delivery_id, attempt))
        return await script.deliver(
            DeliverMessageInput(order.delivery_id, order.environment_id), attempt
        )

    @activity.defn(name="http_fetch")
    async def http_fetch(self, order: HttpFetchInput) -> str:
        """Make the attempt that the script describes."""
        script = self.scripts[order.environment_id]
        script.fetched.append(order)
        return await script.fetch(order, activity.info().attempt)

    @activity.defn(name="fire_schedules")
    async def fire_schedules(self, order: ScheduleClockInput) -> ClockState:
        """Answer what the script says of the clock; its number is that of its script."""
        script = self.clocks[order.clock]
        script.looked_at.append(time.time())
        return script.clock.pop(0) if script.clock else ClockState()

    @activity.defn(name="plan_trigger_fanout")
    async def plan_trigger_fanout(self, order: TriggerFanoutInput) -> ChunkPlan:
        """Answer the plan."""
        script = self.scripts[order.environment_id]
        if script.unready_plans:
            script.unready_plans -= 1
            return ChunkPlan(more=True)
        return script.pages.get(order.after, script.plan)

    @activity.defn(name="plan_cancel_fanout")
    async def plan_cancel_fanout(self, order: CancelFanoutInput) -> ChunkPlan:
        """Answer the plan."""
        script = self.scripts[order.environment_id]
        return script.pages.get(order.after, script.plan)

    @activity.defn(name="start_runs")
    async def start_runs(self, chunk: Chunk) -> int:
        """Work on a range as the script says."""
        return await self._work(chunk)

    @activity.defn(name="signal_cancelled_runs")
    async def signal_cancelled_runs(self, chunk: Chunk) -> int:
        """Work on a range as the script says."""
        return await self._work(chunk)

    async def _work(self, chunk: Chunk) -> int:
        script = self.scripts[chunk.environment_id]
        script.chunks.append(chunk)
        return await script.work(chunk, activity.info().attempt)

    @activity.defn(name="work_on_bulk")
    async def work_on_bulk(self, order: BulkOperationInput) -> BulkState:
        """Answer that the operation is over when the turns of the script are used up."""
        script = self.scripts[order.environment_id]
        script.turns -= 1
        return BulkState(is_over=script.turns == 0)

    @activity.defn(name="sweep")
    async def sweep(self, duty: str) -> int:
        """Do as much as the duty's name is long; one that is broken fails."""
        if duty == "broken":
            raise ApplicationError("no", non_retryable=True)
        return len(duty)

    def all(self) -> list[Callable[..., Any]]:
        """Return every activity."""
        return [
            self.advance,
            self.close_window,
            self.send_broadcast,
            self.deliver_message,
            self.deliver_now,
            self.deliver_webhook,
            self.fire_schedules,
            self.http_fetch,
            self.plan_trigger_fanout,
            self.plan_cancel_fanout,
            self.start_runs,
            self.signal_cancelled_runs,
            self.work_on_bulk,
            self.sweep,
        ]
