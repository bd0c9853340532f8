"""What was answered is kept until the database takes it."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from domain.kit.errors import Unavailable
from runtime.database import Connection
from services.engine import Engine
from services.until_stored import each_second, until_stored
from tests.support.interruptions import InterruptedDatabase


async def _store(connection: Connection, record: str) -> str:
    await connection.execute("SELECT %s::int", (record,))
    return record


async def _stored(engine: Engine, record: str, *, away: int = 0) -> str:
    """Store a record, which has to be a number, with two waits and `0` in place of words."""
    interrupted = replace(engine, database=InterruptedDatabase(engine.database, away=away))
    return await until_stored(
        interrupted,
        record,
        _store,
        without_words=lambda said: None if said.startswith("-") else "0",
        waits=(0.0, 0.0),
    )


@pytest.mark.parametrize("away", range(3))
async def test_it_waits_for_the_database(engine: Engine, away: int) -> None:
    """While there are waits left it is tried again."""
    assert await _stored(engine, "7", away=away) == "7"


async def test_it_does_not_wait_for_ever(engine: Engine) -> None:
    """After the last wait it is somebody else's to try again."""
    with pytest.raises(Unavailable):
        await _stored(engine, "7", away=3)


async def test_words_that_cannot_be_stored(engine: Engine) -> None:
    """The words are left out; what cannot be stored without them is a fault of ours."""
    assert await _stored(engine, "seven") == "0"
    with pytest.raises(psycopg.DataError):
        await _stored(engine, "-seven")


async def test_waits_of_a_second_end() -> None:
    """They last for as long as they are asked to."""
    waits = iter(each_second(60.0))
    assert [next(waits), next(waits)] == [1.0, 1.0]
    assert list(each_second(-1.0)) == []
