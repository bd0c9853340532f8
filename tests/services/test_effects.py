"""What a transaction owes to Temporal happens after its commit, once or harmlessly twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.kit.clock import utc_now
from domain.kit.json_types import JsonObject
from services import effect_kinds, effects
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World


@pytest.fixture(autouse=True)
async def tidy(world: World) -> AsyncIterator[None]:
    """Begin and end with nothing owed: sweeps do what any test has left, once it is due."""
    await world.make.rows("DELETE FROM owed_effects RETURNING 1")
    yield
    await world.make.rows(
        "DELETE FROM owed_effects WHERE environment_id = %s RETURNING 1", world.environment.id
    )


def _retry(number: int = 2) -> JsonObject:
    return effect_kinds.manual_retry(
        uuid4(), number, workflow_key="flow", queue="deliver-sms", label="retry"
    )


async def _owe(world: World, kind: str = effect_kinds.DELIVER_MESSAGE, retry: int = 2) -> UUID:
    async with world.engine.unit() as unit:
        owed = await effects.owe(unit, world.environment.id, kind, _retry(retry))
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


async def test_several_are_owed_at_once(world: World, temporal: TemporalRecorder) -> None:
    """Each has its own payload, and all are done after the commit; none is owed of none."""
    environment_id = world.environment.id
    async with world.engine.unit() as unit:
        assert await effects.owe_all(unit, effect_kinds.DELIVER_MESSAGE, []) == []
        assert not unit.effects
        await effects.owe_all(
            unit,
            effect_kinds.DELIVER_MESSAGE,
            [(environment_id, _retry(number)) for number in (2, 3)],
        )
    assert [workflow_id[-1] for workflow_id, _, _ in temporal.starts] == ["2", "3"]
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


@dataclass
class _HangingTemporal(TemporalRecorder):
    """Never answers the start of a workflow whose id ends so; counts whoever waits for that."""

    hangs_at: str = ""
    hanging: int = 0

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
        """Hang, or record a start."""
        if options["id"].endswith(self.hangs_at):
            self.hanging += 1
            await asyncio.Event().wait()
        return await super().start_workflow(workflow, *args, **options)


async def test_what_was_done_is_forgotten_when_another_hangs(world: World) -> None:
    """An effect whose call does not end stays owed; those that were done beside it do not."""
    settings = world.engine.settings.model_copy(update={"start_timeout_seconds": 0.2})
    hanging = _HangingTemporal(hangs_at="/retry/3")
    slow = world.with_parts(temporal=cast(Client, hanging), settings=settings)
    ids = [await _owe(world), await _owe(world, retry=3), await _owe(world)]
    assert await effects.settle(slow.engine, ids) == 2
    assert [row["id"] for row in await _owed(world)] == [ids[1]]


async def test_a_backlog_is_worked_off_in_one_sweep(
    world: World, temporal: TemporalRecorder
) -> None:
    """What an absence of Temporal has left is done page by page, in one go."""
    owed = 250
    async with world.engine.unit() as unit:
        for _ in range(owed):
            await effects.owe(unit, world.environment.id, effect_kinds.DELIVER_MESSAGE, _retry())
        unit.effects.clear()
    await _make_due(world)
    assert await effects.do_left_over_effects(world.engine) >= owed
    assert await _owed(world) == []
    assert len(temporal.starts) >= owed


async def test_a_sweep_ends_where_nothing_can_be_done(world: World) -> None:
    """While Temporal is away a sweep puts one page off, and not all of them."""
    failing = FailingTemporal()
    away = world.with_parts(temporal=cast(Client, failing))
    async with world.engine.unit() as unit:
        for _ in range(110):
            await effects.owe(unit, world.environment.id, effect_kinds.DELIVER_MESSAGE, _retry())
        unit.effects.clear()
    await _make_due(world)
    assert await effects.do_left_over_effects(away.engine) == 0
    assert failing.asked == 100


async def test_nobody_waits_for_a_temporal_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five who waited in vain nobody asks until a probe is due; an answer ends that."""
    settings = world.engine.settings.model_copy(update={"start_timeout_seconds": 0.05})
    hanging = _HangingTemporal()
    slow = world.with_parts(temporal=cast(Client, hanging), settings=settings)
    breaker = slow.engine.temporal_breaker
    monkeypatch.setattr(breaker, "_clock", lambda: 0.0)  # no probe is ever due
    effect = await _owe(world)
    for _ in range(5):
        assert not breaker.is_open
        assert await effects.settle(slow.engine, [effect]) == 0
    assert breaker.is_open
    for _ in range(20):
        assert await effects.settle(slow.engine, [effect]) == 0
    assert hanging.hanging == 5
    hanging.hangs_at = "/nowhere"
    await _make_due(world)
    assert await effects.do_left_over_effects(slow.engine) >= 1
    assert not breaker.is_open
    assert await effects.settle(slow.engine, [await _owe(world)]) == 1


async def test_a_kind_of_the_future_is_no_sign_of_absence(world: World) -> None:
    """What this process cannot do says nothing of Temporal."""
    for _ in range(6):
        await effects.settle(world.engine, [await _owe(world, "from_the_future")])
    assert not world.engine.temporal_breaker.is_open
