"""PostgreSQL going away in the middle of the engine's work leaves all of it or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.kit.errors import Unavailable
from models.queries.runs import walks
from tests.support.interruptions import InterruptedDatabase
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, delay_step

_END_THE_BLOCKED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _cut_off(world: World, run_id: str, work: Any) -> None:
    """Let work wait for a run's row, and end its connection there."""
    async with world.engine.database.transaction() as connection:
        await walks.take_run(connection, world.environment.id, run_id)
        task = asyncio.create_task(work)
        await until_blocked(world.make)
        await world.make.rows(_END_THE_BLOCKED)
        with pytest.raises(Unavailable):
            await task


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger."""
    await world.publish("flow", channel_step("feed"), delay_step())


async def test_walk_without_a_database(world: World) -> None:
    """A walk that gets no connection says so, and the next one does its work."""
    run_id = await world.begin("flow")
    database = InterruptedDatabase(world.engine.database, away=1)
    away = world.with_parts(database=database)
    with pytest.raises(Unavailable):
        await away.walk(run_id)
    await away.walk(run_id)
    assert await world.story(run_id) == ["run_started", "message_enqueued", "delay_started"]


async def test_walk_that_loses_its_connection(world: World) -> None:
    """A walk whose connection ends has done nothing, and can be repeated."""
    run_id = await world.begin("flow")
    before = await world.snapshot(run_id)
    await _cut_off(world, run_id, world.walk(run_id))
    assert await world.snapshot(run_id) == before
    await world.walk(run_id)
    assert len(await world.messages(run_id)) == 1


async def test_cancel_that_loses_its_connection(world: World) -> None:
    """A cancel that could not be stored has cancelled nothing, and can be repeated."""
    run_id = await world.begin("flow", cancellation_key="ck")
    await _cut_off(world, run_id, world.cancel("flow", "ck"))
    assert (await world.run(run_id))["status"] == "queued"
    await world.cancel("flow", "ck")
    assert await world.story(run_id) == ["run_cancelled"]


async def test_trigger_without_a_database(world: World) -> None:
    """A trigger that could not be stored is refused as a whole."""
    database = InterruptedDatabase(world.engine.database, away=1)
    with pytest.raises(Unavailable):
        await world.with_parts(database=database).trigger("flow")
    assert await world.runs() == []
