"""PostgreSQL going away in the middle of the engine's work leaves all of it or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.errors import Unavailable
from models.queries import walks
from tests.support.engine import Engine, channel_step, delay_step
from tests.support.interruptions import InterruptedDatabase
from tests.support.waiting import until_blocked

_END_THE_BLOCKED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _cut_off(engine: Engine, run_id: str, work: Any) -> None:
    """Let work wait for a run's row, and end its connection there."""
    async with engine.platform.database.transaction() as connection:
        await walks.take_run(connection, engine.environment.id, run_id)
        task = asyncio.create_task(work)
        await until_blocked(engine.make)
        await engine.make.rows(_END_THE_BLOCKED)
        with pytest.raises(Unavailable):
            await task


@pytest.fixture(autouse=True)
async def workflow(engine: Engine) -> None:
    """Publish the workflow that the tests trigger."""
    await engine.publish("flow", channel_step("feed"), delay_step())


async def test_walk_without_a_database(engine: Engine) -> None:
    """A walk that gets no connection says so, and the next one does its work."""
    run_id = await engine.begin("flow")
    database = InterruptedDatabase(engine.platform.database, away=1)
    away = engine.with_platform(database=database)
    with pytest.raises(Unavailable):
        await away.walk(run_id)
    await away.walk(run_id)
    assert await engine.story(run_id) == ["run_started", "message_enqueued", "delay_started"]


async def test_walk_that_loses_its_connection(engine: Engine) -> None:
    """A walk whose connection ends has done nothing, and can be repeated."""
    run_id = await engine.begin("flow")
    before = await engine.snapshot(run_id)
    await _cut_off(engine, run_id, engine.walk(run_id))
    assert await engine.snapshot(run_id) == before
    await engine.walk(run_id)
    assert len(await engine.messages(run_id)) == 1


async def test_cancel_that_loses_its_connection(engine: Engine) -> None:
    """A cancel that could not be stored has cancelled nothing, and can be repeated."""
    run_id = await engine.begin("flow", cancellation_key="ck")
    await _cut_off(engine, run_id, engine.cancel("flow", "ck"))
    assert (await engine.run(run_id))["status"] == "queued"
    await engine.cancel("flow", "ck")
    assert await engine.story(run_id) == ["run_cancelled"]


async def test_trigger_without_a_database(engine: Engine) -> None:
    """A trigger that could not be stored is refused as a whole."""
    database = InterruptedDatabase(engine.platform.database, away=1)
    with pytest.raises(Unavailable):
        await engine.with_platform(database=database).trigger("flow")
    assert await engine.runs() == []
