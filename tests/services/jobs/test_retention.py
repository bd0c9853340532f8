"""What is past the retention goes, in passes; what is still needed stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.kit.ids import new_id
from domain.recipients.refs import RecipientRef
from models.queries.bulk.recovery import fail_operation
from models.queries.jobs.retention import RETAINED
from services.batches.windows import close_early, close_left_over_windows
from services.bulk.departures import delete_recipient
from services.jobs.retention import delete_past_retention
from services.triggers.expansions import expand
from tests.support.subscribers import follow, make_object, project
from tests.support.world import World, batch_step, channel_step, delay_step

LATER = timedelta(days=31)
FILE = {"name": "a.txt", "content_type": "text/plain", "content": "QQ=="}


async def _expire(world: World, after: timedelta = LATER, **settings: Any) -> int:
    """Let a time pass, and everything be passed once."""
    await world.make.rows("DELETE FROM sweep_positions WHERE duty = 'expiry' RETURNING 1")
    later = world.at(world.engine.clock() + after)
    changed = later.engine.settings.model_copy(update=settings)
    return await delete_past_retention(later.with_engine(settings=changed).engine, seconds=60)


async def _there(world: World) -> dict[str, int]:
    found = {}
    for table in RETAINED:
        (row,) = await world.make.rows(
            f"SELECT count(*) AS n FROM {table} WHERE environment_id = %s", world.environment.id
        )
        found[table] = row["n"]
    return {table: count for table, count in found.items() if count}


async def _all_begun(world: World) -> None:
    await world.make.rows(
        "DELETE FROM trigger_releases WHERE environment_id = %s RETURNING 1", world.environment.id
    )


async def test_what_hangs_on_a_bulk_operation_has_its_time(world: World) -> None:
    """Half a million rows of a file that failed may take minutes, not seconds alone."""
    for number in range(2):
        async with world.engine.unit() as unit:
            if number:
                await fail_operation(unit.connection, world.environment.id, new_id(), now=unit.now)
            else:
                await RETAINED["bulk_operations"].delete(unit.connection, world.environment.id, [])
            cursor = await unit.connection.execute("SHOW statement_timeout")
            assert await cursor.fetchone() == {"statement_timeout": "5min"}


async def test_what_has_ended_goes(world: World) -> None:
    """A run with its trigger and story, and a sent message with its events, are gone in time."""
    run_id, _ = await world.send(channel_step("mail", "email"), data={"attachments": [FILE]})
    (message,) = await world.messages(run_id)
    kept = "SELECT 1 FROM attachments WHERE workflow_run_id = %s"
    assert await world.deliver(message["id"]) == "sent"
    await _all_begun(world)
    await _expire(world, timedelta(days=29))
    assert len(await world.make.rows(kept, message["workflow_run_id"])) == 1
    assert await _there(world) == {"recipient_runs": 1, "messages": 1, "workflow_runs": 1}
    assert await _expire(world) > 0
    assert await _there(world) == {}
    for table, column, value in (
        ("message_events", "message_id", message["id"]),
        ("delivery_attempts", "message_id", message["id"]),
        ("recipient_run_events", "recipient_run_id", run_id),
        ("attachments", "workflow_run_id", message["workflow_run_id"]),
    ):
        assert await world.make.rows(f"SELECT 1 FROM {table} WHERE {column} = %s", value) == []


@pytest.mark.parametrize("names", ["a", "ab"])
async def test_files_stay_for_a_mail_that_waits(world: World, names: str) -> None:
    """One that a window or a hold keeps beyond the retention is sent whole."""
    await world.publish("flow", channel_step("mail", "email"))
    named = [{"id": name, "email": f"{name}@example.com"} for name in names]
    trigger = await world.trigger("flow", *named, data={"attachments": [FILE]})
    for run in await world.runs(trigger):
        await world.walk(str(run["id"]))
    kept = "SELECT 1 FROM attachments WHERE workflow_run_id = %s"
    messages = await world.make.rows("SELECT id FROM messages WHERE workflow_run_id = %s", trigger)
    await _all_begun(world)
    await _expire(world)
    assert await _there(world) == {"messages": len(names), "workflow_runs": 1}
    assert len(await world.make.rows(kept, trigger)) == 1
    for message in messages:
        assert await world.deliver(message["id"]) == "sent"
    await _expire(world)
    assert await _there(world) == {}
    assert await world.make.rows(kept, trigger) == []


async def test_a_departure_spares_no_files(world: World) -> None:
    """A mail that waits goes with its recipient, and so do its files."""
    run_id, _ = await world.send(channel_step("mail", "email"), data={"attachments": [FILE]})
    (message,) = await world.messages(run_id)
    await _all_begun(world)
    await delete_recipient(
        world.engine, world.environment.scope, RecipientRef.user(message["recipient_id"])
    )
    kept = "SELECT 1 FROM attachments WHERE workflow_run_id = %s"
    assert await world.make.rows(kept, message["workflow_run_id"]) == []


async def test_what_a_feed_shows_stays(world: World) -> None:
    """A feed item outlives its run and the events of its past."""
    run_id, _ = await world.send(channel_step("feed"))
    (message,) = await world.messages(run_id)
    await world.make.rows(
        "INSERT INTO message_events (message_id, id, event_type, inserted_at)"
        " VALUES (%s, gen_random_uuid(), 'message.seen', now()),"
        " (%s, gen_random_uuid(), 'message.unseen', now() + interval '20 days')",
        *(message["id"], message["id"]),
    )
    await _all_begun(world)
    await _expire(world)
    assert await _there(world) == {"messages": 1}
    left = await world.make.rows(
        "SELECT event_type FROM message_events WHERE message_id = %s", message["id"]
    )
    assert [row["event_type"] for row in left] == ["message.unseen"]


async def test_what_waits_stays(world: World) -> None:
    """A run that sleeps, a message that is on its way, and an open batch are not too old."""
    await world.send(delay_step(), channel_step("feed"))
    await world.send(channel_step("mail", "email"))
    await world.send(batch_step(), channel_step("feed"))
    await _all_begun(world)
    await _expire(world)
    # The run of the message has ended; the other two wait.
    assert await _there(world) == {
        "recipient_runs": 2,
        "messages": 1,
        "workflow_runs": 2,
        "batches": 1,
    }


@pytest.mark.parametrize("named", [[project("p")], [project("p"), {"id": "b"}]])
async def test_a_trigger_stays_for_its_last_run(world: World, named: list[Any]) -> None:
    """What a trigger has brought for an object goes after the runs of those who follow it."""
    await world.publish("flow", channel_step("mail", "email"))
    await make_object(world, project("p"))
    await follow(world, project("p"), "a")
    trigger = await world.trigger("flow", *named)
    assert await expand(world.engine, world.environment.id, trigger)
    runs = {run["recipient_id"]: str(run["id"]) for run in await world.runs(trigger)}
    await _all_begun(world)
    last = runs.pop("a")
    for run_id in runs.values():
        await world.walk(run_id)
    await world.make.rows("DELETE FROM deliveries RETURNING 1")
    await _expire(world)
    followed = "SELECT 1 FROM followed_objects WHERE workflow_run_id = %s"
    assert await _there(world) == {"recipient_runs": 1, "workflow_runs": 1}
    assert len(await world.make.rows(followed, trigger)) == 1
    await world.walk(last)
    await world.make.rows("DELETE FROM deliveries RETURNING 1")
    await _expire(world)
    assert await _there(world) == {}
    assert await world.make.rows(followed, trigger) == []


async def test_a_trigger_stays_for_who_carries_a_batch(world: World) -> None:
    """A run in the place of one that has ended long ago keeps their trigger."""
    await world.publish("gather", batch_step(), channel_step("feed"))
    first, second = [await world.begin("gather", {"id": "a"}) for _ in range(2)]
    await world.walk(first)
    await world.walk(second)
    await world.walk(first, "batch_1/resume", cancel=True)
    (batch,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await close_left_over_windows(world.at(world.engine.clock() + timedelta(seconds=700)).engine)
    await _all_begun(world)
    await _expire(world)
    (run,) = await world.runs()
    assert str(run["id"]) not in {first, second}
    rows = "SELECT 1 FROM workflow_runs WHERE id = %s"
    assert len(await world.make.rows(rows, run["workflow_run_id"])) == 1


async def test_what_just_ended_stays(world: World) -> None:
    """A run that began long ago is kept for the retention from its end on."""
    run_id, first = await world.send(delay_step(), channel_step("feed"))
    later = world.at(world.engine.clock() + timedelta(days=40))
    await later.walk(run_id, first.cursor)
    assert (await world.run(run_id))["status"] == "completed"
    await _expire(world, timedelta(days=41))
    assert "recipient_runs" in await _there(world)


@pytest.mark.parametrize(("days", "stays"), [(0, True), (10, False), (60, True)])
async def test_the_retention_is_a_setting(world: World, days: int, stays: bool) -> None:
    """An operator says how long; 0 keeps everything."""
    await world.send(channel_step("mail", "email"))
    await _all_begun(world)
    await _expire(world, retention_days=days)
    assert ("recipient_runs" in await _there(world)) is stays


async def test_a_pass_begins_once_a_day(world: World) -> None:
    """When everything was passed nothing is looked at again until the next day."""
    await _expire(world)
    await world.send(channel_step("mail", "email"))
    later = world.at(world.engine.clock() + LATER)
    assert await delete_past_retention(later.engine) == 0
    assert "recipient_runs" in await _there(world)
    next_day = world.at(world.engine.clock() + LATER + timedelta(days=1, minutes=5))
    assert await delete_past_retention(next_day.engine, seconds=60) > 0
    assert "recipient_runs" not in await _there(world)


async def test_a_pass_goes_on_where_it_stood(world: World) -> None:
    """A sweep that ends in the middle leaves the rest to the next."""
    await _expire(world)
    run_id, _ = await world.send(channel_step("mail", "email"))
    (message,) = await world.messages(run_id)
    await world.deliver(message["id"])
    next_day = world.at(world.engine.clock() + LATER + timedelta(days=1, minutes=5))
    rounds = 0
    while "messages" in await _there(world):
        await delete_past_retention(next_day.engine, seconds=0)
        rounds += 1
        assert rounds < 50
    assert rounds > 1
