"""Wait for the thing itself, not for a time, and say what never came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.builders import Builder

T = TypeVar("T")
# Nobody waits this long unless it never comes; a busy machine may take half a minute.
_SECONDS = 60.0
_POLL_SECONDS = 0.05


def eventually(look: Callable[[], T | None], what: str, *, seconds: float = _SECONDS) -> T:
    """Look again and again, and return the first thing seen that is true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}; last seen: {seen!r}"
        time.sleep(_POLL_SECONDS)
    return seen


async def soon(
    look: Callable[[], Awaitable[T | None]],
    what: str = "it never came",
    *,
    seconds: float = _SECONDS,
    every: float = _POLL_SECONDS,
) -> T:
    """Look again and again without holding the loop, and return the first thing that is true."""
    deadline = time.monotonic() + seconds
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"{what}; last seen: {seen!r}"
        await asyncio.sleep(every)
    return seen


async def until(look: Callable[[], Awaitable[T | None]], *, every: float = 0.01) -> T:
    """Look again and again, closely, and return the first thing that is true."""
    return await soon(look, every=every)


async def until_blocked(make: Builder, *, by: int = 1) -> None:
    """Wait until a statement in the tests' database waits for a lock, or several do."""
    await until(
        lambda: make.rows(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' HAVING count(*) >= %s",
            by,
        )
    )
