"""Watches executors: one that writes and is refused afterwards leaves what it wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from domain.kit.json_types import JsonObject
from domain.workflows.steps import BaseStep
from runtime.database import Connection, one
from services.engine import Unit
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Move, Woken
from services.walk.steps import Executor

# Counts what is rolled back, too.
_WRITTEN = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint AS written
FROM pg_stat_xact_user_tables
"""


async def _written(connection: Connection) -> int:
    cursor = await connection.execute(_WRITTEN)
    return int(one(await cursor.fetchone())["written"])


@dataclass(slots=True)
class _WatchedUnit(Unit):
    """A unit that notes how many rows its savepoints have taken back."""

    taken_back: int = 0

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Do a part, and note what of it is taken back."""
        before = await _written(self.connection)
        try:
            async with Unit.savepoint(self):  # `super` does not know a class that has slots
                yield
        except Exception:
            self.taken_back += await _written(self.connection) - before
            raise

    async def left(self) -> tuple[int, int, int]:
        """Return how much has been written and promised so far, and was not taken back."""
        written = await _written(self.connection) - self.taken_back
        return written, len(self.owed), len(self.effects)


@dataclass(frozen=True, slots=True)
class _WatchedExecutor:
    executor: Executor[Any]

    async def arrive(self, walk: Walk, step: BaseStep) -> Move:
        """Take the step."""
        return await _watched(walk, step, self.executor.arrive(walk, step))

    async def resume(self, walk: Walk, step: BaseStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on with the step."""
        return await _watched(walk, step, self.executor.resume(walk, step, kept, woken))


async def _watched(walk: Walk, step: BaseStep, taking: Awaitable[Move]) -> Move:
    """Take a step, and see that a refusal which may pass has left nothing in the transaction."""
    unit = walk.unit
    watched = _WatchedUnit(
        unit.engine, unit.connection, unit.now, unit.owed, unit.effects, unit.new_audiences
    )
    before = await watched.left()
    walk.unit = watched
    try:
        return await taking
    except ContentError as refusal:
        if not refusal.is_final:
            assert await watched.left() == before, f"{step.type} writes, and then raises"
        raise
    finally:
        walk.unit = unit


class WatchedExecutors(Mapping[type[BaseStep], Executor[Any]]):
    """Executors, each of which is watched."""

    def __init__(self, executors: Mapping[type[BaseStep], Executor[Any]]) -> None:
        self._executors = executors

    def __getitem__(self, step_type: type[BaseStep]) -> Executor[Any]:
        """Return the executor of a type."""
        return _WatchedExecutor(self._executors[step_type])

    def __iter__(self) -> Iterator[type[BaseStep]]:
        """Yield the types."""
        return iter(self._executors)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._executors)
