"""A duty of the sweep comes to every row that it finds, whatever becomes of the first ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runtime.database import Connection
from services.engine import Engine
from services.in_pages import in_pages


@pytest.mark.parametrize(
    ("count", "seconds", "stops_at", "seen"),
    [
        (0, 10.0, None, []),
        (3, 10.0, None, [0, 1, 2]),
        (4, 10.0, None, [0, 1, 2, 3]),
        (7, 10.0, None, [0, 1, 2, 3, 4, 5, 6]),
        (7, 10.0, 2, [0, 1, 2, 3]),
        (7, -1.0, None, [0, 1]),
    ],
)
async def test_each_row_once(
    engine: Engine, count: int, seconds: float, stops_at: int | None, seen: list[int]
) -> None:
    """Rows that stay are passed; it ends with the rows, with the time, or when it is told to."""
    worked_on: list[int] = []

    async def read(connection: Connection, after: int | None) -> list[int]:
        begin = 0 if after is None else after + 1
        return [*range(begin, min(begin + 2, count))]

    async def work(rows: Sequence[int]) -> bool:
        worked_on.extend(rows)
        return stops_at not in rows

    assert await in_pages(engine, read, work, size=2, seconds=seconds) == len(seen)
    assert worked_on == seen
