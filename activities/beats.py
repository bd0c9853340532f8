"""Heartbeats from a task of their own: they go on whatever the work waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

_SECONDS = 5.0


@asynccontextmanager
async def beating(*, at_once: bool = True) -> AsyncIterator[None]:
    """Beat every five seconds while the block runs, so that only a dead worker is missed.

    Args:
        at_once: beat at the start, too; work that is mostly quicker than five seconds saves the
            call.
    """

    async def beat() -> None:
        if not at_once:
            await asyncio.sleep(_SECONDS)
        while True:
            activity.heartbeat()
            await asyncio.sleep(_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()
