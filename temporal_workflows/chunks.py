"""Run one activity over all ranges of a fan-out: page after page, some ranges at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority

from domain.contract.fan_outs import CancelFanoutInput, Chunk, ChunkPlan, TriggerFanoutInput
from domain.contract.queues import FANOUT
from temporal_workflows import activity_stubs as stubs

Order = TypeVar("Order", TriggerFanoutInput, CancelFanoutInput)

# Enough for the slots of five processes; more would only stand in the queue before others.
_AT_ONCE = 10
# Ranges of a fan-out that is larger than this let those of smaller ones go first.
_LARGE = 10
_BEHIND_SMALL_ONES = Priority(priority_key=4)


async def run_fan_out(
    order: Order,
    plan: Callable[[Order], Awaitable[ChunkPlan]],
    work: Callable[[Chunk], Awaitable[int]],
) -> int:
    """Plan and work page by page; each range is retried until it succeeds.

    Returns:
        The sum of what the ranges returned.
    """
    while True:
        page = await workflow.execute_activity(
            plan,
            order,
            task_queue=FANOUT,
            start_to_close_timeout=stubs.DURABLE_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary="plan",
        )
        is_large = bool(order.after) or page.pause > 0
        done = order.done + await _run_chunks(work, page, is_large=is_large)
        if not page.more:
            return done
        if page.pause > 0:
            await workflow.sleep(page.pause, summary="so that nobody is flooded")
        if page.chunks:  # otherwise the plan itself takes longer than an activity may
            order = replace(order, after=page.chunks[-1].last, done=done)
        # A history has room for half a million runs.
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(order)


async def _run_chunks(
    work: Callable[[Chunk], Awaitable[int]], page: ChunkPlan, *, is_large: bool
) -> int:
    large = is_large or len(page.chunks) > _LARGE
    slots = asyncio.Semaphore(_AT_ONCE)

    async def run(number: int, chunk: Chunk) -> int:
        async with slots:
            return await workflow.execute_activity(
                work,
                chunk,
                task_queue=FANOUT,
                start_to_close_timeout=stubs.CHUNK_TIMEOUT,
                heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
                retry_policy=stubs.DURABLE_RETRY,
                summary=f"range {number} of {len(page.chunks)}",
                priority=_BEHIND_SMALL_ONES if large else Priority.default,
            )

    counts = await asyncio.gather(*(run(n, chunk) for n, chunk in enumerate(page.chunks, start=1)))
    return sum(counts)
