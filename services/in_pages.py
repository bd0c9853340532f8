"""Goes through the rows that a duty of the sweep finds, page after page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TypeVar

from runtime.database import Connection
from services.engine import Engine

T = TypeVar("T")

# A duty ends by itself before its activity's time does.
_SECONDS = 20.0


async def in_pages(
    engine: Engine,
    read: Callable[[Connection, T | None], Awaitable[Sequence[T]]],
    work: Callable[[Sequence[T]], Awaitable[bool]],
    *,
    size: int,
    seconds: float = _SECONDS,
) -> int:
    """Work on every row once, so that those which nothing can be done about stand before no other.

    Args:
        engine: the parts of this process.
        read: returns up to `size` rows, those behind the last row of the page before.
        work: does what it can for the rows of a page, and tells whether to go on.
        size: of a page.
        seconds: for how long a next page is begun.

    Returns:
        How many rows there were.
    """
    deadline, total = monotonic() + seconds, 0
    last: T | None = None
    while True:
        async with engine.connection() as connection:
            rows = await read(connection, last)
        total += len(rows)
        goes_on = not rows or await work(rows)
        if not goes_on or len(rows) < size or monotonic() > deadline:
            return total
        last = rows[-1]
