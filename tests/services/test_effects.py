"""What a transaction owes to Temporal happens after its commit, once or harmlessly twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.kit.clock import utc_now
from services import effects
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World


async def _owe(world: World, kind: str = effects.DELIVER_MESSAGE) -> UUID:
    payload = effects.manual_retry(
        uuid4(), 2, workflow_key="flow", queue="deliver-sms", label="retry"
    )
    async with world.engine.unit() as unit:
        owed = await effects.owe(unit, world.environment.id, kind, payload)
        unit.effects.clear()
    return owed


async def _owed(world: World) -> list[dict[str, Any]]:
    return await world.make.rows(
        "SELECT * FROM owed_effects WHERE environment_id = %s ORDER BY id", world.environment.id
    )


async def _make_due(world: World) -> None:
    await world.make.rows(
        "UPDATE owed_effects SET due_at = now() - interval '1 second'"
        " WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )


async def test_settled_after_the_commit(world: World, temporal: TemporalRecorder) -> None:
    """An owed effect is done once it is settled, and nothing is owed any more."""
    effect = await _owe(world)
    assert await effects.settle(world.engine, [effect]) == 1
    ((workflow_id, order, options),) = temporal.starts
    assert workflow_id.endswith("/retry/2")
    assert (order.delivery.retry, order.queue, order.label) == (2, "deliver-sms", "retry")
    assert options["id_reuse_policy"] is WorkflowIDReusePolicy.REJECT_DUPLICATE
    assert await _owed(world) == []


async def test_nothing_is_owed_by_a_transaction_that_failed(world: World) -> None:
    """What a transaction owes is rolled back with it."""

    async def fail() -> None:
        async with world.engine.unit() as unit:
            await effects.owe(unit, world.environment.id, "x", {})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _owed(world) == []


async def test_left_to_the_sweep_while_temporal_is_away(world: World) -> None:
    """What Temporal did not take stays owed, and the sweep does it when it is due."""
    failing = FailingTemporal()
    away = world.with_parts(temporal=cast(Client, failing))
    assert await effects.settle(away.engine, [await _owe(world)]) == 0
    await effects.do_left_over_effects(away.engine)
    assert failing.asked == 1
    await _make_due(world)
    failing.failing = False
    await effects.do_left_over_effects(away.engine)
    assert await _owed(world) == []
    assert len(failing.starts) == 1


async def test_one_that_fails_is_put_off(world: World, temporal: TemporalRecorder) -> None:
    """A kind that nobody here knows waits longer each time, and the others are done."""
    await _owe(world, "from_the_future")
    await _owe(world)
    await _make_due(world)
    await effects.do_left_over_effects(world.engine)
    (left,) = await _owed(world)
    assert (left["kind"], left["attempts"]) == ("from_the_future", 1)
    assert left["due_at"] > utc_now()
    await _make_due(world)
    await effects.do_left_over_effects(world.engine)
    (again,) = await _owed(world)
    assert again["due_at"] - left["due_at"] > timedelta(seconds=10)
    assert len(temporal.starts) == 1


async def test_settling_without_a_database(world: World, temporal: TemporalRecorder) -> None:
    """Whoever committed is not told that the database went away afterwards."""
    effect = await _owe(world)
    database = InterruptedDatabase(world.engine.database, away=1)
    assert await effects.settle(world.with_parts(database=database).engine, [effect]) == 0
    assert temporal.starts == []
    assert len(await _owed(world)) == 1
