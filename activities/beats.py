"""Heartbeats from a task of their own: they go on whatever the work waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

_SECONDS = 5.0


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Beat every five seconds while the block runs, so that only a dead worker is missed."""
    beats = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beats.cancel()


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(_SECONDS)
