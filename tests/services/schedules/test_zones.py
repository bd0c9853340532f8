"""Schedules follow their recipients into another time zone, whoever moves them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from domain.recipients.subscriptions import SubscribeIn
from services.bulk.departures import delete_recipient
from services.recipients.recipients import store_recipient
from services.recipients.subscriptions import subscribe
from services.schedules import zones
from services.schedules.pauses import pause_schedule, resume_schedule
from services.schedules.zones import follow_settled_moves
from tests.support.schedules import ELLIE, FLOW, change, fire, row_of, schedule, triggers_of
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NINE = NOW + timedelta(hours=1)
NINE_IN_INDIA = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
DAILY = {"frequency": "daily", "hours": 9}
INDIA = "Asia/Kolkata"


@pytest.fixture
async def morning(world: World) -> World:
    """Publish a workflow, and let it be eight in the morning, in UTC."""
    await world.publish(FLOW, channel_step("feed"))
    return world.at(NOW)


async def _move(world: World, zone: str | None = INDIA) -> None:
    given = read_shape(UserIn, {"timezone": zone})
    await store_recipient(world.engine, world.environment.scope, RecipientRef.user("ellie"), given)


async def _next(world: World, schedule_id: UUID) -> datetime | None:
    found: datetime | None = (await row_of(world, schedule_id))["next_occurrence_at"]
    return found


async def _identify(world: World) -> None:
    await _move(world)


async def _trigger(world: World) -> None:
    await world.trigger(FLOW, {"id": "ellie", "timezone": INDIA})


async def _subscribe(world: World) -> None:
    await world.make.recipient(world.environment, "projects", "one")
    given = read_shape(SubscribeIn, {"recipients": [{"id": "ellie", "timezone": INDIA}]})
    target = RecipientRef("projects", "one")
    await subscribe(world.engine, world.environment.scope, target, given)


async def _schedule(world: World) -> None:
    await schedule(world, {"id": "ellie", "timezone": INDIA}, repeats=[DAILY])


@pytest.mark.parametrize("moves", [_identify, _trigger, _subscribe, _schedule])
async def test_wherever_a_recipient_is_described(morning: World, moves: Any) -> None:
    """Every request that gives a recipient another zone moves what is to come with it."""
    (made,) = await schedule(morning, repeats=[DAILY])
    (once,) = await schedule(morning, scheduled_at=NINE.isoformat())
    assert await _next(morning, made) == NINE
    await moves(morning)
    assert await _next(morning, made) == NINE_IN_INDIA
    assert await _next(morning, once) == NINE


def _by_default(world: World, zone: str) -> World:
    """Return a process whose operator has set another default zone."""
    changed = world.engine.settings.model_copy(update={"default_timezone": zone})
    return world.with_parts(settings=changed)


@pytest.mark.parametrize("own", [{}, {"timezone": "Mars/Olympus"}])
async def test_recipients_without_a_zone_have_the_default_one(
    morning: World, own: dict[str, str]
) -> None:
    """A schedule of theirs is made, changed, resumed, fired and followed by that clock."""
    there = _by_default(morning, INDIA)
    (made,) = await schedule(there, {"id": "ellie", **own}, repeats=[DAILY])
    assert await _next(there, made) == NINE_IN_INDIA
    await change(there, made, repeats=[{**DAILY, "hours": 10}])
    await change(there, made, repeats=[DAILY])
    assert await _next(there, made) == NINE_IN_INDIA
    scope = there.environment.scope
    await pause_schedule(there.engine, scope, made)
    await resume_schedule(there.engine, scope, made)
    assert await _next(there, made) == NINE_IN_INDIA
    await _move(there, "Etc/UTC")
    assert await _next(there, made) == NINE
    await _move(there, own.get("timezone"))
    assert await _next(there, made) == NINE_IN_INDIA
    assert await fire(there.at(NINE_IN_INDIA), made) is None
    assert await _next(there, made) == NINE_IN_INDIA + timedelta(days=1)


async def test_another_default_zone_begins_after_the_next_occurrence(morning: World) -> None:
    """What is stored when the setting is changed stays; what comes behind it is by the new one."""
    (made,) = await schedule(morning, repeats=[DAILY])
    there = _by_default(morning, INDIA)
    assert await _next(there, made) == NINE
    assert await fire(there.at(NINE), made) is None
    assert await _next(there, made) == NINE_IN_INDIA


async def test_the_same_zone_moves_nothing(morning: World) -> None:
    """Who says again where the recipient lives, or anything else, changes no schedule."""
    await _move(morning)
    (made,) = await schedule(morning, repeats=[DAILY])
    before = await row_of(morning, made)
    await _move(morning.at(NOW + timedelta(minutes=1)))
    assert await row_of(morning, made) == before


async def test_what_is_due_still_happens(morning: World) -> None:
    """Who moves in the moment at which a schedule is due does not lose the occurrence."""
    (made,) = await schedule(morning, repeats=[DAILY])
    await _move(morning.at(NINE))
    assert await _next(morning, made) == NINE
    await fire(morning.at(NINE), made)
    assert len(await triggers_of(morning, made)) == 1
    assert await _next(morning, made) == NINE_IN_INDIA


async def test_a_schedule_made_beside_a_move_follows_it(morning: World) -> None:
    """It may have been made with the old zone; the sweep looks when all that ran then is over."""
    await morning.make.user(morning.environment, "ellie")
    async with morning.engine.database.transaction() as connection:
        await connection.execute(
            "UPDATE recipients SET properties = %s WHERE environment_id = %s AND id = 'ellie'",
            ('{"timezone": "Asia/Kolkata"}', morning.environment.id),
        )
        (made,) = await schedule(morning, "ellie", repeats=[DAILY])
    assert await _next(morning, made) == NINE
    await morning.make.rows(
        "UPDATE moved_recipients SET moved_at = now() - interval '2 minutes'"
        " WHERE environment_id = %s",
        morning.environment.id,
    )
    assert await follow_settled_moves(morning.engine) >= 1
    assert await _next(morning, made) == NINE_IN_INDIA
    left = await morning.make.rows(
        "SELECT 1 FROM moved_recipients WHERE environment_id = %s", morning.environment.id
    )
    assert left == []


async def test_however_many_have_moved(morning: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep comes to all moves: one that cannot be followed stands in nobody's way."""
    monkeypatch.setattr(zones, "_PAGE_SIZE", 1)
    people = [f"user-{number}" for number in range(3)]
    for person in people:
        await morning.make.user(morning.environment, person)
        await morning.identify(person, timezone="Asia/Kolkata")
    await morning.make.rows(
        "UPDATE moved_recipients SET moved_at = '2000-01-01' WHERE environment_id = %s",
        morning.environment.id,
    )
    await follow_settled_moves(morning.engine)
    left = await morning.make.rows(
        "SELECT 1 FROM moved_recipients WHERE environment_id = %s", morning.environment.id
    )
    assert left == []


async def test_moves_and_firing_meet_without_a_deadlock(morning: World) -> None:
    """A recipient who moves while the schedule fires is told once."""
    for _ in range(6):
        await _move(morning, None)
        (made,) = await schedule(morning, ELLIE, repeats=[DAILY], tenant="acme")
        at_nine = morning.at(NINE)
        await asyncio.gather(_move(at_nine, INDIA), fire(at_nine, made), _move(at_nine, None))
        assert len(await triggers_of(morning, made)) == 1


async def test_nothing_occurs_while_it_is_paused(morning: World) -> None:
    """A pause is not made up for; a change of its time, or a move, does not end it."""
    scope = morning.environment.scope
    (made,) = await schedule(morning, repeats=[DAILY])
    for _ in range(2):
        paused = await pause_schedule(morning.engine, scope, made)
        assert (paused.paused_at, paused.next_occurrence_at) == (NOW, None)
    await change(morning, made, repeats=[{"frequency": "daily", "hours": 10}])
    await _move(morning)
    await fire(morning.at(NINE + timedelta(hours=1)), made)
    assert await triggers_of(morning, made) == []
    for _ in range(2):
        resumed = await resume_schedule(morning.at(NINE).engine, scope, made)
        assert resumed.paused_at is None
        assert resumed.next_occurrence_at == NINE_IN_INDIA + timedelta(hours=1)


async def test_a_deletion_waits_for_a_schedule_that_is_made(morning: World) -> None:
    """Who deletes a recipient deletes the schedule too that is just being made."""
    await morning.make.user(morning.environment, "ellie")
    async with morning.engine.database.transaction() as connection:
        await connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'ellie' FOR KEY SHARE",
            (morning.environment.id,),
        )
        deleting = asyncio.create_task(_delete(morning))
        await until_blocked(morning.make)
        (made,) = await schedule(morning, "ellie", repeats=[DAILY])
    await deleting
    assert await morning.make.rows("SELECT 1 FROM schedules WHERE id = %s", made) == []


async def _delete(world: World) -> None:
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("ellie"))
