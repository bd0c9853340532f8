"""A unit of work knows what is taken back with a part of it, and what still follows its commit."""

from __future__ import annotations

from contextlib import suppress

from domain.kit.errors import Unprocessable
from domain.kit.json_types import JsonObject
from services import effect_kinds, effects
from services.engine import Unit
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World


def _wake(number: int) -> JsonObject:
    return effect_kinds.appointment_of_clock(number, due_at=1.0)


async def _promise(unit: Unit, world: World, number: int, done: list[int]) -> None:
    """Do of everything something that outlives a statement."""

    async def note() -> None:
        done.append(number)

    await effects.owe(unit, world.environment.id, effect_kinds.WAKE_CLOCK, _wake(number))
    unit.after(note)
    unit.new_audiences.append((world.environment.id, str(number)))


async def _fail(unit: Unit, world: World, number: int, done: list[int]) -> None:
    with suppress(Unprocessable):
        async with unit.savepoint():
            await _promise(unit, world, number, done)
            raise Unprocessable("It is refused late.")


async def _owed(world: World) -> int:
    rows = await world.make.rows(
        "SELECT 1 FROM owed_effects WHERE environment_id = %s", world.environment.id
    )
    return len(rows)


def _woken(temporal: TemporalRecorder) -> list[int]:
    return [order.clock for _, order, _ in temporal.starts]


async def test_a_part_that_is_taken_back_leaves_nothing(
    world: World, temporal: TemporalRecorder
) -> None:
    """No row, nothing owed, nothing that follows the commit, no audience to be built."""
    done: list[int] = []
    async with world.engine.unit() as unit:
        await _fail(unit, world, 1, done)
        assert (unit.owed, unit.effects, unit.new_audiences) == ([], [], [])
    assert (done, _woken(temporal), await _owed(world)) == ([], [], 0)


async def test_the_rest_of_the_unit_stands(world: World, temporal: TemporalRecorder) -> None:
    """What came before and what comes afterwards is done once, in its order."""
    done: list[int] = []
    async with world.engine.unit() as unit:
        await _promise(unit, world, 1, done)
        await _fail(unit, world, 2, done)
        async with unit.savepoint():
            await _promise(unit, world, 3, done)
            await _fail(unit, world, 4, done)
        assert [key for _, key in unit.new_audiences] == ["1", "3"]
    assert (done, _woken(temporal), await _owed(world)) == ([1, 3], [1, 3], 0)


async def test_what_is_owed_after_a_part_was_taken_back_is_done(
    world: World, temporal: TemporalRecorder
) -> None:
    """Also where the part was the first that owed anything."""
    done: list[int] = []
    async with world.engine.unit() as unit:
        await _fail(unit, world, 1, done)
        await _promise(unit, world, 2, done)
    assert (done, _woken(temporal), await _owed(world)) == ([2], [2], 0)
