"""Waiting for the thing itself, not for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.builders import Builder

T = TypeVar("T")

_PATIENCE_SECONDS = 20.0


async def until(look: Callable[[], Awaitable[T]], *, every: float = 0.01) -> T:
    """Look again and again until there is something to see, and return it."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(every)


async def until_blocked(make: Builder) -> None:
    """Wait until a statement in the tests' database waits for a lock."""
    await until(
        lambda: make.rows(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        )
    )
