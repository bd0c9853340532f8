"""What a user has caused is caused by the one that it was merged into."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.kit.json_types import JsonObject
from models.queries.bulk import actors
from services.batches.windows import close_early
from services.bulk import departure_kind
from services.bulk.departures import merge_users
from tests.support.steps import feed_step
from tests.support.world import World, batch_step, channel_step

BOTH_SIZES = pytest.mark.parametrize("rows_at_once", [1_000, 1])
OLD = {"id": "old", "name": "Old"}
NEW = {"id": "new", "name": "New"}
OTHER = {"id": "other", "name": "Other"}
TEAM = {"id": "old", "collection": "teams", "name": "A team"}


@pytest.fixture(autouse=True)
def _few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on few rows at a time where a test says so."""
    if "rows_at_once" in request.fixturenames:
        rows: int = request.getfixturevalue("rows_at_once")
        monkeypatch.setattr(departure_kind, "_ROWS_AT_ONCE", rows)


async def _merge(world: World) -> None:
    await merge_users(world.engine, world.environment.scope, "new", "old")


async def _messages(world: World) -> list[list[Any]]:
    """Return the actors of each message, oldest first."""
    rows = await world.make.rows(
        "SELECT actors FROM messages WHERE environment_id = %s ORDER BY id", world.environment.id
    )
    return [row["actors"] for row in rows]


async def _acted(world: World, table: str) -> list[tuple[str, str]]:
    """Return who acted by a table, each as often as that is."""
    rows = await world.make.rows(
        f"SELECT actor_collection, actor_id FROM {table} WHERE environment_id = %s"
        " AND actor_id IS NOT NULL ORDER BY 1, 2",
        world.environment.id,
    )
    return [(row["actor_collection"], row["actor_id"]) for row in rows]


@BOTH_SIZES
async def test_messages_name_who_stays(world: World, rows_at_once: int) -> None:
    """All of them, and nobody else's; an object of the same id is somebody else."""
    await world.identify("new")
    await world.publish("flow", channel_step("feed"))
    for actor in (OLD, OTHER, TEAM, OLD):
        trigger = await world.trigger("flow", {"id": "ada"}, {"id": "ben"}, actor=actor)
        for run in await world.runs(trigger):
            await world.walk(run["id"])
    await _merge(world)

    of_team = [{"id": "old", "collection": "teams"}]
    expected = [["new"]] * 2 + [["other"]] * 2 + [of_team] * 2 + [["new"]] * 2
    assert sorted(map(str, await _messages(world))) == sorted(map(str, expected))
    assert await _acted(world, "workflow_runs") == [
        ("$users", "new"),
        ("$users", "new"),
        ("$users", "other"),
        ("teams", "old"),
    ]


@BOTH_SIZES
async def test_a_batch_counts_who_stays_once(world: World, rows_at_once: int) -> None:
    """Whoever acted as both is one actor; the message of the run that carries names it once."""
    await world.identify("new")
    await world.publish("many", batch_step(), feed_step("{{ total_actors }}"))
    runs = [
        await world.begin("many", {"id": "ada"}, actor=actor) for actor in (OTHER, OLD, NEW, OLD)
    ]
    for run_id in runs:
        await world.walk(run_id)
    (batch,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(runs[0], (await world.walk(runs[0])).cursor)
    (before,) = await _messages(world)
    assert sorted(before) == ["new", "old", "other"]
    await _merge(world)
    (closed,) = await world.make.rows("SELECT * FROM batches WHERE id = %s", batch["id"])

    (after,) = await _messages(world)
    assert sorted(after) == ["new", "other"]
    assert closed["total_actors"] == 2
    assert await _acted(world, "batch_items") == [("$users", "new")] * 3 + [("$users", "other")]


async def test_what_is_older_stays_as_it_was(world: World) -> None:
    """Only the last 30 days move, as of messages."""
    await world.identify("new")
    await world.publish("flow", channel_step("feed"))
    trigger = await world.trigger("flow", {"id": "ada"}, actor=OLD)
    for run in await world.runs(trigger):
        await world.walk(run["id"])
    await world.make.rows(
        "UPDATE workflow_runs SET accepted_at = now() - interval '31 days' WHERE id = %s", trigger
    )
    await _merge(world)
    assert await _messages(world) == [["old"]]


async def test_an_open_batch_counts_who_stays(world: World) -> None:
    """What is gathered when the users are merged is told of the one that stays."""
    await world.identify("new")
    await world.publish("many", batch_step(), feed_step("{{ total_actors }}"))
    runs = [await world.begin("many", {"id": "ada"}, actor=actor) for actor in (OLD, NEW)]
    for run_id in runs:
        await world.walk(run_id)
    await _merge(world)
    (batch,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(runs[0], (await world.walk(runs[0])).cursor)
    assert await _messages(world) == [["new"]]


async def test_many_triggers_are_taken_some_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many somebody has caused."""
    monkeypatch.setattr(actors, "_TRIGGERS", actors._TRIGGERS.replace("LIMIT 100", "LIMIT 2"))
    await world.identify("new")
    await world.publish("flow", channel_step("feed"))
    for _ in range(5):
        await world.trigger("flow", {"id": "ada"}, actor=OLD)
    await _merge(world)
    assert await _acted(world, "workflow_runs") == [("$users", "new")] * 5


async def _move_acts(world: World, position: JsonObject) -> JsonObject | None:
    async with world.make.database.transaction() as connection:
        return await actors.move_acts(
            connection,
            world.environment.id,
            "old",
            "new",
            since="2000-01-01T00:00:00Z",
            limit=2,
            position=position,
        )


async def test_no_run_of_a_trigger_for_many_is_looked_at_twice(world: World) -> None:
    """The place where it goes on is behind all that was changed, and comes to an end."""
    await world.publish("flow", channel_step("feed"))
    people = [{"id": f"user-{n}"} for n in range(5)]
    trigger = await world.trigger("flow", *people, actor=OLD)
    runs = sorted(run["id"] for run in await world.runs(trigger))
    for run_id in runs:
        await world.walk(run_id)
    places: list[tuple[str, int]] = []
    position = await _move_acts(world, {})
    while position:
        changed = sum(named == ["new"] for named in await _messages(world))
        places.append((position["after"][1], changed))
        position = await _move_acts(world, position)
    zero, second, fourth = str(UUID(int=0)), str(runs[1]), str(runs[3])
    expected = [(zero, 0), (zero, 2), (second, 2), (second, 4), (fourth, 4), (fourth, 5)]
    assert places == expected
    assert await _messages(world) == [["new"]] * 5
    assert await _move_acts(world, {}) is None


async def test_what_is_sent_meanwhile_names_who_stays(world: World) -> None:
    """A run that goes on while the others are looked at is of the user that stays already."""
    await world.publish("flow", channel_step("feed"))
    run_id = await world.begin("flow", {"id": "ada"}, actor=OLD)
    assert await _move_acts(world, {})
    await world.walk(run_id)
    assert await _messages(world) == [["new"]]
