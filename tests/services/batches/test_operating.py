"""Operators see what is gathered, close a batch early, and take items out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.batches.rows import BatchFilters, OpenBatch
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.pages import PageRequest
from domain.recipients.refs import RecipientRef
from services.batches import operating
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, batch_step, channel_step

FIRST = PageRequest(50)


async def _gathered(world: World, *numbers: int, key: str = "many") -> list[str]:
    await world.publish(key, batch_step(), channel_step("feed"))
    runs = []
    for number in numbers:
        runs.append(await world.begin(key, data={"n": number}))
        await world.walk(runs[-1])
    return runs


async def _open(world: World, **filters: Any) -> list[OpenBatch]:
    scope, wanted = world.environment.scope, BatchFilters(**filters)
    return [*(await operating.list_open_batches(world.engine, scope, wanted, FIRST)).rows]


async def test_open_batches_are_listed_with_their_items(world: World) -> None:
    """Those first that close first; each with who carries it and what each run has brought."""
    runs = await _gathered(world, 1, 2)
    await _gathered(world, 3, key="few")
    first, second = await _open(world)
    scope = world.environment.scope
    page = await operating.list_items(world.engine, scope, first.id, FIRST)

    assert (first.workflow_key, first.item_count) == ("many", 2)
    assert str(first.carrier_run_id) == runs[0]
    assert second.workflow_key == "few"
    assert [(str(run_id), item.data) for run_id, item in page.rows] == [
        (runs[0], {"n": 1}),
        (runs[1], {"n": 2}),
    ]
    assert await _open(world, workflow_key="few") == [second]
    assert await _open(world, recipient=RecipientRef.user("nobody")) == []


async def test_a_batch_is_closed_early(world: World, temporal: TemporalRecorder) -> None:
    """Its carrier is woken and goes on with all items; closed twice is closed once."""
    runs = await _gathered(world, 1, 2)
    (batch,) = await _open(world)
    scope = world.environment.scope
    closed = await operating.close_batch(world.engine, scope, batch.id)
    again = await operating.close_batch(world.engine, scope, batch.id)
    cursor = (await world.walk(runs[0])).cursor
    await world.walk(runs[0], cursor)

    assert closed.closed_at is not None
    assert closed == again
    assert "batch_closed" in [signal for _, signal, _ in temporal.signals]
    assert len(await world.messages(runs[0])) == 1
    assert await _open(world) == []


async def test_an_item_is_taken_out(world: World) -> None:
    """What is left goes on without it; a batch that has closed is left alone."""
    runs = await _gathered(world, 1, 2, 3)
    (batch,) = await _open(world)
    scope = world.environment.scope
    await operating.drop_item(world.engine, scope, batch.id, UUID(runs[1]))
    (after,) = await _open(world)
    for unknown in (UUID(runs[1]), new_id()):
        with pytest.raises(NotFound):
            await operating.drop_item(world.engine, scope, batch.id, unknown)
    await operating.close_batch(world.engine, scope, batch.id)
    with pytest.raises(Unprocessable):
        await operating.drop_item(world.engine, scope, batch.id, UUID(runs[2]))
    rows = await world.make.rows("SELECT total_activities FROM batches WHERE id = %s", batch.id)

    assert after.item_count == 2
    assert rows[0]["total_activities"] == 2


async def test_a_batch_of_another_environment_is_missing(world: World) -> None:
    """Nothing is seen, closed or dropped from elsewhere."""
    runs = await _gathered(world, 1)
    (batch,) = await _open(world)
    other = (await world.make.environment()).scope
    with pytest.raises(NotFound):
        await operating.get_batch(world.engine, other, batch.id)
    with pytest.raises(NotFound):
        await operating.close_batch(world.engine, other, batch.id)
    with pytest.raises(NotFound):
        await operating.drop_item(world.engine, other, batch.id, UUID(runs[0]))
