"""What recipients have besides messages: schedules, memberships, what they may enter once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.kit.json_types import JsonObject
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from services.bulk import departure_kind
from services.bulk.departures import delete_recipient, merge_users
from services.bulk.work import work_on_bulk
from services.triggers.schedules import delete_schedules
from tests.support.audiences import build
from tests.support.bulk import finish, order_of
from tests.support.interruptions import InterruptedDatabase
from tests.support.schedules import FLOW, schedule
from tests.support.steps import throttle_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step

DAILY = {"frequency": "daily", "hours": 9}
ONCE = {"trigger_frequency": "once_per_recipient"}
KINDS = (USERS, "teams", TENANTS)
BOTH_SIZES = pytest.mark.parametrize("rows_at_once", [1_000, 2])


async def _owners(world: World, table: str) -> list[str]:
    """Return the collections of those named `core` who have something in a table."""
    rows = await world.make.rows(
        f"SELECT DISTINCT collection FROM {table} WHERE environment_id = %s"
        " AND recipient_id = 'core' ORDER BY 1",
        world.environment.id,
    )
    return [row["collection"] for row in rows]


async def _last_operation(world: World) -> str:
    (row,) = await world.make.rows(
        "SELECT id FROM bulk_operations WHERE environment_id = %s ORDER BY id DESC LIMIT 1",
        world.environment.id,
    )
    return str(row["id"])


async def _scheduled(world: World) -> list[str]:
    rows = await world.make.rows(
        "SELECT recipient_id FROM schedules WHERE environment_id = %s ORDER BY 1",
        world.environment.id,
    )
    return [row["recipient_id"] for row in rows]


@BOTH_SIZES
@pytest.mark.parametrize("collection", KINDS)
async def test_everything_goes_along(
    world: World, monkeypatch: pytest.MonkeyPatch, collection: str, rows_at_once: int
) -> None:
    """Schedules, first runs and memberships go with a user, an object or a tenant, small or large.

    Those of the same id in other collections keep what they have.
    """
    monkeypatch.setattr(departure_kind, "_ROWS_AT_ONCE", rows_at_once)
    await world.publish(FLOW, channel_step("feed"), **ONCE)
    await world.publish("plain", channel_step("feed"))
    await world.audience("beta")
    for each in KINDS:
        person = {"collection": each, "id": "core", "name": "Core"}
        await schedule(world, person, repeats=[DAILY])
        for settings in ({}, {"sandbox_mode": True}):
            await world.trigger(FLOW, person, settings=settings)
        for _ in range(3):
            await world.trigger("plain", person)
    await world.enter("beta", "core")
    tables = ("schedules", "first_runs", "sandbox_first_runs", "recipient_runs")
    for table in tables:
        assert await _owners(world, table) == sorted(KINDS)
    ref = RecipientRef(collection, "core")
    await delete_recipient(world.engine, world.environment.scope, ref)
    await finish(world.engine, world.environment, await _last_operation(world))
    others = sorted(each for each in KINDS if each != collection)
    for table in tables:
        assert await _owners(world, table) == others
    left = [] if ref.is_user else [("core", "")]
    assert await world.members("beta") == left


async def test_what_a_deleted_user_has_passed_holds_nobody_back(world: World) -> None:
    """Whoever is given the id anew passes a throttle as anybody new does; others do not."""
    await world.publish(FLOW, throttle_step(), channel_step("feed"))

    async def passes(user_id: str) -> bool:
        run_id = await world.begin(FLOW, {"id": user_id})
        await world.walk(run_id)
        return (await world.run(run_id))["end_reason"] is None

    assert [await passes(each) for each in ("ellie", "ellie", "alan")] == [True, False, True]
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("ellie"))
    assert [await passes(each) for each in ("ellie", "ellie", "alan")] == [True, False, False]


async def test_schedules_go_with_the_last_piece(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has much is there until the end, with schedules that can still be deleted by hand."""
    monkeypatch.setattr(departure_kind, "_ROWS_AT_ONCE", 2)
    await world.publish(FLOW, channel_step("feed"))
    first, _ = [(await schedule(world, repeats=[DAILY]))[0] for _ in range(2)]
    for _ in range(7):
        await world.trigger(FLOW, "ellie")
    interrupted = world.with_parts(
        database=InterruptedDatabase(world.engine.database, works=1, away=1),
        temporal=TemporalRecorder(),
    )
    scope = world.environment.scope
    await delete_recipient(interrupted.engine, scope, RecipientRef.user("ellie"))
    order = order_of(world.environment, await _last_operation(world))
    assert not (await work_on_bulk(world.engine, order, turn=1, seconds=0)).is_over
    assert await _scheduled(world) == ["ellie", "ellie"]
    await delete_schedules(world.engine, scope, [first])
    await finish(world.engine, world.environment, order.operation_id)
    assert await _scheduled(world) == []


@BOTH_SIZES
async def test_a_merge_drops_the_schedules_of_who_is_merged(
    world: World, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """Nothing more occurs for the user that is gone; the one that stays has its own."""
    monkeypatch.setattr(departure_kind, "_ROWS_AT_ONCE", rows_at_once)
    await world.publish(FLOW, channel_step("feed"))
    for user_id in ("ellie", "old"):
        await schedule(world, {"id": user_id, "name": user_id}, repeats=[DAILY])
    for _ in range(5):
        await world.trigger(FLOW, "old")
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    await finish(world.engine, world.environment, await _last_operation(world))
    assert await _scheduled(world) == ["ellie"]


async def test_a_merge_moves_memberships(world: World) -> None:
    """Of static audiences, each with its tenant; who moves does not enter, and triggers nothing."""
    await world.audience("beta")
    await world.audience("gamma")
    await world.enter("beta", "ellie", "old")
    await world.enter("beta", "old", tenant="acme")
    await world.enter("gamma", "old")
    for key in ("beta", "gamma"):
        trigger = {"audience_key": key}
        await world.publish(f"welcome-{key}", channel_step("feed"), audience_trigger=trigger)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert await world.members("beta") == [("ellie", ""), ("ellie", "acme")]
    assert await world.members("gamma") == [("ellie", "")]
    assert await world.runs_of("welcome-beta") == await world.runs_of("welcome-gamma") == []


def _is(name: str, value: str) -> JsonObject:
    return {"property": name, "operator": "equal_to", "argument": value}


@pytest.mark.parametrize(
    ("ellie", "old", "members", "entered"),
    [
        # By what only both together have; by what came along; what the user that stays has wins.
        ({"plan": "pro"}, {"land": "se"}, ["ellie"], ["ellie"]),
        ({"name": "E"}, {"plan": "pro", "land": "se"}, ["ellie"], ["old"]),
        ({"plan": "free"}, {"plan": "pro", "land": "se"}, [], ["old"]),
        ({"plan": "pro", "land": "se"}, {"plan": "free"}, ["ellie"], ["ellie"]),
        ({"name": "E"}, {"plan": "pro"}, [], []),
    ],
)
@pytest.mark.parametrize("works", [1, 100])
async def test_dynamic_audiences_follow_a_merge(
    world: World,
    ellie: JsonObject,
    old: JsonObject,
    members: list[str],
    entered: list[str],
    works: int,
) -> None:
    """Who stays is in the audiences of the merged properties, and triggers at most once by it.

    So it is when the merge is interrupted and gone on with.
    """
    await world.audience("nordic", [_is("plan", "pro"), _is("land", "se")])
    trigger = {"audience_key": "nordic"}
    await world.publish("welcome", channel_step("feed"), audience_trigger=trigger)
    await build(world)
    await world.identify("ellie", **ellie)
    await world.identify("old", **old)
    parts: dict[str, Any] = {
        "database": InterruptedDatabase(world.engine.database, works=works, away=1)
    }
    merging = world.with_parts(**parts)
    await merge_users(merging.engine, world.environment.scope, "ellie", "old")
    await finish(world.engine, world.environment, await _last_operation(world))
    await build(world.at(world.engine.clock() + timedelta(minutes=5)))
    assert await world.members("nordic") == [(user_id, "") for user_id in members]
    # A run of the user that is merged has moved to the one that stays.
    runs = await world.runs_of("welcome")
    assert [run["recipient_id"] for run in runs] == ["ellie"] * len(entered)


async def test_a_merge_moves_first_runs(world: World) -> None:
    """What either of the two has entered once the one that stays does not enter again."""
    await world.publish("once", channel_step("feed"), **ONCE)
    await world.publish("each", channel_step("feed"), **ONCE)
    sandbox = {"settings": {"sandbox_mode": True}}
    for mode in ({}, sandbox):
        await world.trigger("once", {"id": "old"}, **mode)
        await world.trigger("each", {"id": "old"}, {"id": "ellie"}, **mode)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    for key in ("once", "each"):
        for mode in ({}, sandbox):
            assert await world.runs(await world.trigger(key, "ellie", **mode)) == []
    assert len(await world.runs(await world.trigger("once", {"id": "old"}))) == 1
