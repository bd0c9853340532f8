"""Waits for something that a running system does in its own time, and says what never came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_SECONDS = 20.0
_POLL_SECONDS = 0.05


def eventually(look: Callable[[], T], what: str, *, seconds: float = _SECONDS) -> T:
    """Look again and again, and return the first thing seen that is true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}; last seen: {seen!r}"
        time.sleep(_POLL_SECONDS)
    return seen


async def soon(look: Callable[[], Awaitable[T]], what: str, *, seconds: float = _SECONDS) -> T:
    """Look again and again without holding the loop, and return the first thing that is true."""
    deadline = time.monotonic() + seconds
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"{what}; last seen: {seen!r}"
        await asyncio.sleep(_POLL_SECONDS)
    return seen
