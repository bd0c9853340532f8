"""Run one activity over every range of a plan, all ranges at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

from domain.queues import FANOUT
from domain.runs import Chunk, ChunkPlan
from temporal_workflows import activity_stubs as stubs


async def run_chunks(work: Callable[[Chunk], Awaitable[int]], plan: ChunkPlan) -> int:
    """Answer the sum of what the ranges answered. Each range is retried until it succeeds."""
    counts = await asyncio.gather(
        *(
            workflow.execute_activity(
                work,
                chunk,
                task_queue=FANOUT,
                start_to_close_timeout=stubs.CHUNK_TIMEOUT,
                heartbeat_timeout=stubs.CHUNK_HEARTBEAT,
                retry_policy=stubs.DURABLE_RETRY,
                summary=f"range {number} of {len(plan.chunks)}",
            )
            for number, chunk in enumerate(plan.chunks, start=1)
        )
    )
    return sum(counts)
