"""Bulk creation of schedules: each entry once, whatever comes between."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from domain.bulk.requests import BulkCreateSchedulesIn
from domain.kit.errors import Unavailable
from services.bulk.schedules import create_schedules
from services.bulk.work import work_on_bulk
from tests.support.bulk import counts, finish, order_of
from tests.support.interruptions import InterruptedDatabase
from tests.support.schedules import FLOW
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step

DAILY = {"frequency": "daily", "hours": 9}


@pytest.fixture(autouse=True)
async def published(world: World) -> None:
    """Publish a workflow that can be scheduled."""
    await world.publish(FLOW, channel_step("feed"))


def _entries(count: int) -> list[dict[str, Any]]:
    """Return entries, each of somebody new, with data of its own."""
    return [
        {
            "workflow": FLOW,
            "recipient": {"id": f"user-{number:04}", "name": f"Name {number}"},
            "repeats": [DAILY],
            "data": {"n": number},
        }
        for number in range(count)
    ]


async def _accept(world: World, *entries: Any) -> UUID:
    given = BulkCreateSchedulesIn(schedules=list(entries))
    view = await create_schedules(world.engine, world.environment.scope, given, size=0)
    return view.operation.id


async def _made(world: World) -> list[tuple[str, int]]:
    """Return the schedules that are there, by recipient and data."""
    rows = await world.make.rows(
        "SELECT recipient_id, (data ->> 'n')::int AS n FROM schedules WHERE environment_id = %s"
        " ORDER BY id",
        world.environment.id,
    )
    return [(row["recipient_id"], row["n"]) for row in rows]


def _whole(count: int) -> list[tuple[str, int]]:
    return [(f"user-{number:04}", number) for number in range(count)]


# Four chunks, each a transaction.
@pytest.mark.parametrize("works", range(4))
async def test_a_database_that_goes_away_doubles_nothing(world: World, works: int) -> None:
    """Whenever the database goes away, the same turn again leaves one schedule for each entry."""
    operation_id = await _accept(world, *_entries(350))
    database = InterruptedDatabase(world.engine.database, works=works, away=1)
    order = order_of(world.environment, operation_id)
    with pytest.raises(Unavailable):
        await work_on_bulk(world.with_parts(database=database).engine, order, turn=1)
    after = await finish(world.engine, world.environment, operation_id)
    assert counts(after) == ("completed", 350, 350, 0)
    assert await _made(world) == _whole(350)


async def test_two_workers_make_each_schedule_once(world: World) -> None:
    """Whoever was taken for dead and the one in its place never make a schedule twice."""
    operation_id = await _accept(world, *_entries(150))
    order = order_of(world.environment, operation_id)
    await asyncio.gather(*(work_on_bulk(world.engine, order, turn=turn) for turn in range(3)))
    assert await _made(world) == _whole(150)


async def test_a_clock_is_told_once_of_a_chunk(world: World, temporal: TemporalRecorder) -> None:
    """The first occurrences of a hundred schedules are one word to each clock at most."""
    temporal.starts.clear()
    await finish(world.engine, world.environment, await _accept(world, *_entries(100)))
    told = [workflow_id for workflow_id, _, _ in temporal.starts if "clock" in workflow_id]
    assert len(told) == len(set(told))
    rows = await world.make.rows(
        "SELECT 1 FROM schedules WHERE environment_id = %s AND due_at IS NOT NULL",
        world.environment.id,
    )
    assert len(rows) == 100


async def test_somebody_too_large_costs_its_entry_only(world: World) -> None:
    """An entry whose recipient would have too many properties is found out, and fails alone."""
    large = {f"key{number}": "x" * 10_000 for number in range(20)}
    await world.identify("user-0007", **large)
    entries = _entries(20)
    entries[7]["recipient"] |= {f"more{number}": "x" * 10_000 for number in range(20)}
    after = await finish(world.engine, world.environment, await _accept(world, *entries))
    assert counts(after) == ("completed", 20, 19, 1)
    assert [one.id for one in after.failures] == ["user-0007"]
    assert len(await _made(world)) == 19
