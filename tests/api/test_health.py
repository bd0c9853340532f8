"""What a process says of itself to whoever asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from api.health import Readiness
from runtime.database import Database
from services.engine import Engine


class _Watched(Database):
    """A database that counts how often it is looked at."""

    looks = 0
    fault: Exception | None = None

    async def trouble(self) -> str | None:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return await super().trouble()


async def test_many_who_ask_share_one_look(engine: Engine, database_url: str) -> None:
    """Anybody may ask whether a process is ready, so asking often costs no more than asking."""
    now = 100.0
    readiness = Readiness(lambda: now)
    database = _Watched(database_url)
    await database.open()
    watched = replace(engine, database=database)
    answers = await asyncio.gather(*(readiness.look(watched) for _ in range(100)))
    assert set(answers) == {(None, False)}
    assert database.looks == 1
    now += 0.9
    assert await readiness.look(watched) == (None, False)
    assert database.looks == 1
    now += 0.2
    await readiness.look(watched)
    assert database.looks == 2
    await database.close()


async def test_a_look_is_for_all_who_wait(engine: Engine, database_url: str) -> None:
    """One who leaves takes it from nobody, and one that fails is not kept."""
    readiness = Readiness(lambda: 100.0)
    database = _Watched(database_url)
    await database.open()
    watched = replace(engine, database=database)
    leaves, stays = (asyncio.create_task(readiness.look(watched)) for _ in range(2))
    while not database.looks:
        await asyncio.sleep(0)
    leaves.cancel()
    assert await stays == (None, False)
    anew = Readiness(lambda: 100.0)
    database.fault = RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        await anew.look(watched)
    database.fault = None
    assert await anew.look(watched) == (None, False)
    await database.close()
