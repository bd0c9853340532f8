"""Work on many rows at once, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

_CONCURRENCY = 32


async def each_at_once(
    rows: Sequence[T],
    work: Callable[[T], Awaitable[object]],
    *,
    at_once: int = _CONCURRENCY,
) -> None:
    """Do `work` for every row, a bounded number at a time; the first error ends all of it.

    Args:
        rows: what to work on.
        work: what to do with one.
        at_once: most rows at a time.
    """
    if len(rows) == 1:  # by far the most frequent case needs no tasks
        await work(rows[0])
        return
    waiting = iter(rows)

    async def lane() -> None:
        for row in waiting:
            await work(row)

    try:
        async with asyncio.TaskGroup() as lanes:
            for _ in range(min(at_once, len(rows))):
                lanes.create_task(lane())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def each_that_can(
    rows: Sequence[T],
    work: Callable[[T], Awaitable[object]],
    *,
    at_once: int = _CONCURRENCY,
) -> list[Exception]:
    """Do `work` for every row as `each_at_once` does, but let one that fails stop no other.

    Returns:
        What the others have failed by.
    """
    failures: list[Exception] = []

    async def try_to(row: T) -> None:
        try:
            await work(row)
        except Exception as error:
            failures.append(error)

    await each_at_once(rows, try_to, at_once=at_once)
    return failures


def kinds_of(failures: Iterable[Exception]) -> list[str]:
    """Return the names of the types of some failures, each once, as logs tell of many of them."""
    return sorted({type(error).__name__ for error in failures})
