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
from domain.runs.waiting import CancelRunsRequest
from services.batches import operating
from services.runs.explaining import explain_run
from services.triggers import open_runs
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
    await world.identify("nobody")
    assert await _open(world, recipient=RecipientRef.user("nobody")) == []
    with pytest.raises(NotFound):
        await _open(world, recipient=RecipientRef.user("unknown"))


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


async def _told(world: World, run_id: str) -> list[tuple[str, str | None]]:
    """Return a run's story, with what took an item out."""
    events = await world.events(run_id)
    return [(event["event"], event["data"].get("reason")) for event in events]


async def test_what_is_taken_out_is_told_by_its_run(world: World) -> None:
    """The run that joined and the one that carries say so; the carrier goes on counting."""
    carrier, joined = await _gathered(world, 1, 2)
    (batch,) = await _open(world)
    scope = world.environment.scope
    for run_id in (joined, carrier):
        await operating.drop_item(world.engine, scope, batch.id, UUID(run_id))

    assert (await _told(world, joined))[-2:] == [
        ("run_completed", "batched"),
        ("batch_item_removed", "dropped"),
    ]
    assert (await _told(world, carrier))[-1] == ("batch_item_removed", "dropped")
    await operating.close_batch(world.engine, scope, batch.id)
    await world.walk(carrier, (await world.walk(carrier)).cursor)
    assert (await _told(world, carrier))[-3:] == [
        ("batch_item_removed", "dropped"),
        ("batch_closed", None),
        ("run_completed", "batch_empty"),
    ]


async def test_an_item_that_its_key_cancels_is_told(world: World) -> None:
    """The carrier's own item, too: its run goes on with what others have put in."""
    await world.publish("many", batch_step(), channel_step("feed"))
    keys = ("first", "second")
    carrier, joined = [await world.begin("many", cancellation_key=key) for key in keys]
    for run_id in (carrier, joined):
        await world.walk(run_id)
    for key in keys:
        await world.cancel("many", key)

    for run_id in (carrier, joined):
        last = (await world.events(run_id))[-1]
        assert (last["event"], last["data"]["reason"]) == (
            "batch_item_removed",
            "cancel_requested",
        )
        assert last["data"]["cancellation_id"]


async def test_an_operator_s_cancel_tells_items_as_well(world: World) -> None:
    """Of the run that carries nothing any more, both is told."""
    carrier, joined = await _gathered(world, 1, 2)
    await open_runs.cancel_open_runs(
        world.engine, world.environment.scope, CancelRunsRequest(workflow="many")
    )
    assert (await _told(world, joined))[-1] == ("batch_item_removed", "cancel_requested")
    assert (await _told(world, carrier))[-2:] == [
        ("batch_item_removed", "cancel_requested"),
        ("run_cancelled", "cancel_requested"),
    ]
    found = await explain_run(world.engine, world.environment.scope, UUID(joined))
    assert found.lines[-1].text == "The item was removed from its batch: a cancel was requested."
