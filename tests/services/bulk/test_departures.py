"""Recipients that are deleted, or merged into others: whole, however much they have."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from domain.bulk.requests import BulkDeleteUsersIn
from domain.contract.jobs import BulkOperationInput
from domain.contract.runs import Finished
from domain.kit.errors import InvalidParams, NotFound
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import SubscribeIn
from services.bulk import departure_kind
from services.bulk.accept import get_operation
from services.bulk.departures import delete_recipient, delete_users, merge_users
from services.bulk.work import work_on_bulk
from services.effects import do_left_over_effects
from services.recipients.recipients import load_recipient
from services.recipients.subscriptions import subscribe
from services.triggers.expansions import expand
from temporal_workflows.signals import CANCEL_REQUESTED
from tests.support.bulk import counts, finish, order_of
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.steps import message_event, wait_step
from tests.support.subscribers import follow, make_object, project
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, batch_step, channel_step, delay_step, when

ELLIE = RecipientRef.user("ellie")
# Where anything of a person may be.
OWNED = (
    "recipient_runs",
    "messages",
    "channel_data",
    "preference_sets",
    "batches",
    "event_waits",
)
OF_RUNS = ("recipient_run_events", "run_patches", "batch_items", "event_waits")


async def _left(world: World, user_id: str = "ellie") -> dict[str, int]:
    """Count by table what is there of a user."""
    found = {}
    for table in OWNED:
        (row,) = await world.make.rows(
            f"SELECT count(*) AS n FROM {table} WHERE environment_id = %s AND recipient_id = %s",
            *(world.environment.id, user_id),
        )
        found[table] = row["n"]
    return {table: count for table, count in found.items() if count}


async def _waiting(world: World, *, user_id: str = "ellie", key: str = "waits") -> str:
    """Let a user have a feed item, and a run that waits behind it."""
    await world.publish(key, channel_step("feed"), delay_step(), channel_step("later"))
    run_id = await world.begin(key, {"id": user_id, "name": user_id})
    await world.walk(run_id)
    return run_id


async def _many_messages(world: World, count: int, user_id: str = "ellie") -> None:
    """Give a user feed items, one for each second of the past."""
    await world.make.rows(
        "INSERT INTO messages (id, environment_id, channel_id, channel_type, workflow_key,"
        " version_id, step_ref, collection, recipient_id, actors, data, content,"
        " delivery_status, provider_metadata, retry_count, inserted_at, updated_at)"
        " SELECT gen_random_uuid(), %s, gen_random_uuid(), 'in_app_feed', 'k',"
        " gen_random_uuid(), 's', '$users', %s, '[]', '{}', '{}', 'delivered', '{}', 0,"
        " now() - make_interval(secs => n), now() FROM generate_series(1, %s) AS n",
        *(world.environment.id, user_id, count),
    )


async def _all_begun(world: World) -> None:
    """Let the sweep have confirmed that all runs have begun."""
    await world.make.rows(
        "DELETE FROM trigger_releases WHERE environment_id = %s RETURNING 1", world.environment.id
    )


def _signals(world: World) -> list[Any]:
    temporal = world.engine.temporal
    assert isinstance(temporal, TemporalRecorder)
    return [(workflow_id, signal) for workflow_id, signal, _ in temporal.signals]


async def test_a_deletion_takes_everything(world: World) -> None:
    """Runs with their stories and triggers, messages, batches and their items: nothing is left."""
    run_id = await _waiting(world)
    await world.publish("gather", batch_step(), channel_step("feed"))
    batched = await world.begin("gather", {"id": "ellie"})
    await world.walk(batched)
    await world.publish(
        "remind", wait_step(message_event("read", "waits"), when("event.x", "exists"))
    )
    awaiting = await world.begin("remind", {"id": "ellie"})
    await world.walk(awaiting)
    await _all_begun(world)
    assert set(await _left(world)) == {"recipient_runs", "messages", "batches", "event_waits"}
    files = (
        "INSERT INTO attachments (workflow_run_id, digest, environment_id, content)"
        " SELECT workflow_run_id, 'x', environment_id, 'of ellie' FROM recipient_runs"
        " WHERE id = %s RETURNING workflow_run_id"
    )
    (kept,) = await world.make.rows(files, run_id)
    await delete_recipient(world.engine, world.environment.scope, ELLIE)
    assert await _left(world) == {}
    for table in OF_RUNS:
        rows = f"SELECT 1 FROM {table} WHERE recipient_run_id = ANY(%s::uuid[])"
        assert await world.make.rows(rows, [run_id, batched, awaiting]) == []
    triggers = "SELECT 1 FROM workflow_runs WHERE environment_id = %s"
    assert await world.make.rows(triggers, world.environment.id) == []
    attached = "SELECT 1 FROM attachments WHERE workflow_run_id = %s"
    assert await world.make.rows(attached, kept["workflow_run_id"]) == []
    with pytest.raises(NotFound):
        await load_recipient(world.engine, world.environment.scope, ELLIE)


async def test_a_trigger_for_others_too_stays(world: World) -> None:
    """What a trigger carried for several people goes with none of them alone."""
    await world.publish("both", channel_step("feed"))
    trigger = await world.trigger("both", {"id": "ellie"}, {"id": "alan"})
    await _all_begun(world)
    await delete_recipient(world.engine, world.environment.scope, ELLIE)
    assert [row["recipient_id"] for row in await world.runs(trigger)] == ["alan"]
    triggers = "SELECT 1 FROM workflow_runs WHERE id = %s"
    assert len(await world.make.rows(triggers, trigger)) == 1


@pytest.mark.parametrize("first", [ELLIE, RecipientRef("projects", "p")])
async def test_a_trigger_that_reached_others_too_stays(world: World, first: RecipientRef) -> None:
    """What a trigger for an object alone carried goes with the last of those it has reached."""
    await world.publish("both", channel_step("feed"))
    await make_object(world, project("p"))
    await follow(world, project("p"), "alan", "ellie")
    trigger = await world.trigger("both", project("p"))
    assert await expand(world.engine, world.environment.id, trigger)
    await _all_begun(world)
    people = [first, *({ELLIE, RecipientRef("projects", "p")} - {first}), RecipientRef.user("alan")]
    for done, ref in enumerate(people, 1):
        await delete_recipient(world.engine, world.environment.scope, ref)
        left = 1 if done < len(people) else 0
        for rows in (
            "SELECT 1 FROM workflow_runs WHERE id = %s",
            "SELECT 1 FROM followed_objects WHERE workflow_run_id = %s",
        ):
            assert len(await world.make.rows(rows, trigger)) == left
        assert len(await world.runs(trigger)) == len(people) - done


async def test_a_waiting_run_is_woken_and_makes_nothing(world: World) -> None:
    """A run that waits is told to wake, and finds its end: nothing is sent to who is gone."""
    run_id = await _waiting(world)
    await delete_recipient(world.engine, world.environment.scope, ELLIE)
    assert [signal for workflow_id, signal in _signals(world) if run_id in workflow_id] == [
        CANCEL_REQUESTED
    ]
    woken = await world.walk(run_id, "delay_1/resume")
    assert (woken.next, woken.status) == (Finished(), "missing")
    assert await _left(world) == {}


async def test_a_run_that_ends_for_a_departure_says_so(world: World) -> None:
    """Between its end and its deletion a run is cancelled, and its story gives the reason."""
    run_id = await _waiting(world)
    given = BulkDeleteUsersIn(user_ids=["ellie"])
    view = await delete_users(world.engine, world.environment.scope, given)
    async with world.engine.unit() as unit:
        operation = await departure_kind.statements.take_operation(
            unit.connection, world.environment.id, view.operation.id
        )
    assert operation is not None
    for _ in range(2):  # whoever prepares twice tells it once, and wakes it again
        await departure_kind.KINDS[departure_kind.DELETE_USERS].prepare(
            world.engine, operation, 100
        )
    run = await world.run(run_id)
    assert (run["status"], run["end_reason"]) == ("cancelled", "recipient_deleted")
    assert (await world.story(run_id)).count("run_cancelled") == 1
    assert await world.reason(run_id, "run_cancelled") == "recipient_deleted"
    assert len([one for one, _ in _signals(world) if run_id in one]) == 2


async def test_who_has_much_goes_in_pieces(world: World) -> None:
    """Thousands of rows are deleted by short transactions; the person is gone with the last."""
    await world.make.user(world.environment, "ellie")
    await world.make.user(world.environment, "alan")
    await _many_messages(world, 2_500)
    await _many_messages(world, 5, "alan")
    given = BulkDeleteUsersIn(user_ids=["ellie", "nobody"])
    view = await delete_users(world.engine, world.environment.scope, given)
    order = order_of(world.environment, view.operation.id)
    for left in (1_500, 500):
        assert not (await work_on_bulk(world.engine, order, turn=1, seconds=0)).is_over
        assert await _left(world) == {"messages": left}
        await load_recipient(world.engine, world.environment.scope, ELLIE)
        seen = await get_operation(world.engine, world.environment.scope, view.operation.id)
        assert counts(seen) == ("processing", 0, 0, 0)
    after = await finish(world.engine, world.environment, view.operation.id)
    assert counts(after) == ("completed", 2, 2, 0)
    assert (await _left(world), await _left(world, "alan")) == ({}, {"messages": 5})
    with pytest.raises(NotFound):
        await load_recipient(world.engine, world.environment.scope, ELLIE)


async def test_who_is_held_keeps_nobody_waiting(world: World) -> None:
    """A deletion of several takes those whom nobody holds first, and then waits for the others."""
    for user_id in ("alan", "ellie", "ian"):
        await world.make.user(world.environment, user_id)
    given = BulkDeleteUsersIn(user_ids=["ellie", "nobody", "ian", "alan"])
    view = await delete_users(world.engine, world.environment.scope, given)
    async with world.make.database.transaction() as connection:
        await connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'ellie' FOR KEY SHARE",
            [world.environment.id],
        )
        deleting = asyncio.create_task(finish(world.engine, world.environment, view.operation.id))
        await until_blocked(world.make)
        seen = await get_operation(world.engine, world.environment.scope, view.operation.id)
        assert counts(seen) == ("processing", 3, 3, 0)  # somebody who is not there is no matter
        rows = await world.make.rows(
            "SELECT id FROM recipients WHERE environment_id = %s", world.environment.id
        )
        assert [row["id"] for row in rows] == ["ellie"]
    assert counts(await deleting) == ("completed", 4, 4, 0)
    with pytest.raises(NotFound):
        await load_recipient(world.engine, world.environment.scope, ELLIE)


async def test_batches_go_in_the_order_of_everybody(world: World) -> None:
    """A deletion that waits for a batch holds none that a cancel takes after it."""
    await world.publish("gather", batch_step(), channel_step("feed"))
    run_id = await world.begin("gather", {"id": "ellie", "name": "Ellie"})
    await world.walk(run_id)
    # What lies first in the table comes last in the order of ids.
    for number in (2, 1):
        await world.make.rows(
            "INSERT INTO batches SELECT (jsonb_populate_record(b, %s)).* FROM batches b"
            " WHERE leader_run_id = %s AND id >= '01000000-0000-0000-0000-000000000000'"
            " RETURNING 1",
            Jsonb({"id": str(UUID(int=number)), "identity": rf"\x0{number}"}),
            run_id,
        )
    lock = "SELECT FROM batches WHERE id = %s FOR UPDATE NOWAIT"
    async with world.make.database.transaction() as connection:
        await connection.execute(lock, [UUID(int=1)])
        deleting = asyncio.create_task(
            delete_recipient(world.engine, world.environment.scope, ELLIE)
        )
        await until_blocked(world.make)
        await connection.execute(lock, [UUID(int=2)])
    await deleting
    assert await _left(world) == {}


@pytest.mark.parametrize("works", range(1, 7))
async def test_a_deletion_that_was_interrupted_is_gone_on_with(world: World, works: int) -> None:
    """Wherever the database goes away, what was accepted is done by the next that works on it."""
    await _waiting(world)
    database = InterruptedDatabase(world.engine.database, works=works, away=1)
    interrupted = world.with_parts(database=database, temporal=TemporalRecorder())
    await delete_recipient(interrupted.engine, world.environment.scope, ELLIE)
    (row,) = await world.make.rows(
        "SELECT id FROM bulk_operations WHERE environment_id = %s", world.environment.id
    )
    after = await finish(world.engine, world.environment, row["id"])
    assert counts(after) == ("completed", 1, 1, 0)
    assert await _left(world) == {}


@pytest.mark.parametrize("dies", [False, True])
async def test_a_deletion_is_owed_until_it_is_done(
    world: World, temporal: TemporalRecorder, dies: bool
) -> None:
    """A request that is done with it leaves nothing; the sweep has the rest of one worked on."""
    await _waiting(world)
    database = InterruptedDatabase(world.engine.database, works=1, away=1_000 if dies else 0)
    dying = world.with_engine(database=database)
    await delete_recipient(dying.engine, world.environment.scope, ELLIE)
    await world.make.rows(
        "UPDATE owed_effects SET due_at = now() - interval '1 second'"
        " WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )
    await do_left_over_effects(world.engine)
    started = [
        one
        for _, one, _ in temporal.starts
        if isinstance(one, BulkOperationInput) and one.environment_id == str(world.environment.id)
    ]
    assert len(started) == dies
    for order in started:
        assert (await work_on_bulk(world.engine, order, turn=1)).is_over
    assert await _left(world) == {}


async def test_a_deletion_needs_no_temporal(world: World) -> None:
    """While Temporal is away a person is deleted all the same; its runs find nothing later."""
    run_id = await _waiting(world)
    away = world.with_parts(temporal=FailingTemporal())
    await delete_recipient(away.engine, world.environment.scope, ELLIE)
    assert await _left(world) == {}
    assert (await world.walk(run_id, "delay_1/resume")).status == "missing"


async def test_a_deletion_waits_for_a_walk(world: World) -> None:
    """A walk that makes a message while its person is deleted leaves none behind."""
    await world.publish("slow", channel_step("feed"))
    run_id = await world.begin("slow", {"id": "ellie"})
    async with world.make.database.transaction() as connection:
        await connection.execute("SELECT FROM recipient_runs WHERE id = %s FOR UPDATE", [run_id])
        walking = asyncio.create_task(world.walk(run_id))
        await until_blocked(world.make)
        deleting = asyncio.create_task(
            delete_recipient(world.engine, world.environment.scope, ELLIE)
        )
    await asyncio.gather(walking, deleting)
    assert await _left(world) == {}


async def test_an_id_may_be_used_again(world: World) -> None:
    """Who gets the id of somebody who was deleted inherits nothing."""
    await _waiting(world)
    await delete_recipient(world.engine, world.environment.scope, ELLIE)
    fresh = await _waiting(world, key="again")
    await world.walk(fresh)
    assert await _left(world) == {"recipient_runs": 1, "messages": 1}


async def test_a_merge_moves_what_is_recent(world: World) -> None:
    """Messages and ended runs of 30 days move; what is older goes with the user that is merged."""
    waiting = await _waiting(world, user_id="old")
    await _waiting(world)
    await _many_messages(world, 1_200, "old")
    await world.make.rows(
        "UPDATE messages SET inserted_at = now() - interval '31 days' WHERE id IN (SELECT id"
        " FROM messages WHERE environment_id = %s AND recipient_id = 'old' AND step_ref = 's'"
        " LIMIT 200) RETURNING 1",
        world.environment.id,
    )
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert await _left(world) == {"recipient_runs": 2, "messages": 1_002}
    assert await _left(world, "old") == {}
    run = await world.run(waiting)
    assert (run["recipient_id"], run["status"]) == ("ellie", "cancelled")
    assert await world.reason(waiting, "run_cancelled") == "recipient_merged"
    assert [signal for one, signal in _signals(world) if waiting in one] == [CANCEL_REQUESTED]
    assert (await world.walk(waiting, "delay_1/resume")).status == "cancelled"
    with pytest.raises(NotFound):
        await load_recipient(world.engine, world.environment.scope, RecipientRef.user("old"))


async def test_a_merge_joins_profiles(world: World) -> None:
    """Properties of the user that stays win, deeply; what it lacks is added."""
    make, environment = world.make, world.environment
    await make.user(environment, "ellie", name="Ellie", plan={"name": "pro"})
    await make.user(environment, "old", name="Old", plan={"name": "free", "since": 1}, extra=True)
    channels = [await make.channel("push") for _ in range(2)]
    for user_id, channel, token in (
        ("ellie", channels[0], "a"),
        ("old", channels[0], "b"),
        ("old", channels[1], "c"),
    ):
        await make.rows(
            "INSERT INTO channel_data (environment_id, collection, recipient_id, channel_id, data,"
            " updated_at) VALUES (%s, '$users', %s, %s, jsonb_build_object('t', %s::text), now())",
            *(environment.id, user_id, channel, token),
        )
    for user_id, name, value in (("ellie", "default", 1), ("old", "default", 2), ("old", "t", 3)):
        await make.rows(
            "INSERT INTO preference_sets (environment_id, collection, recipient_id, id, content,"
            " updated_at) VALUES (%s, '$users', %s, %s, jsonb_build_object('v', %s::int), now())",
            *(environment.id, user_id, name, value),
        )
    merged = await merge_users(world.engine, environment.scope, "ellie", "old")
    assert merged.properties == {
        "name": "Ellie",
        "plan": {"name": "pro", "since": 1},
        "extra": True,
    }
    stored = await load_recipient(world.engine, environment.scope, ELLIE)
    assert stored == merged
    data = await make.rows(
        "SELECT recipient_id, data ->> 't' AS t FROM channel_data WHERE environment_id = %s"
        " ORDER BY 2",
        environment.id,
    )
    assert [(row["recipient_id"], row["t"]) for row in data] == [("ellie", "a"), ("ellie", "c")]
    sets = await make.rows(
        "SELECT recipient_id, id, content ->> 'v' AS v FROM preference_sets"
        " WHERE environment_id = %s ORDER BY 2",
        environment.id,
    )
    assert [(row["recipient_id"], row["id"], row["v"]) for row in sets] == [
        ("ellie", "default", "1"),
        ("ellie", "t", "3"),
    ]


async def test_a_merge_moves_subscriptions(world: World) -> None:
    """What both follow stays as it is with the user that stays; the rest of the other one joins."""
    for name in ("a", "b"):
        await world.make.recipient(world.environment, "topics", name)
    for name, user_id, role in (("a", "ellie", 1), ("a", "old", 2), ("b", "old", 3)):
        given = SubscribeIn(recipients=[{"id": user_id}], properties={"role": role})
        target = RecipientRef("topics", name)
        await subscribe(world.engine, world.environment.scope, target, given)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    rows = await world.make.rows(
        "SELECT object_id, recipient_id, properties ->> 'role' AS role FROM subscriptions"
        " WHERE environment_id = %s ORDER BY 1",
        world.environment.id,
    )
    assert [tuple(row.values()) for row in rows] == [("a", "ellie", "1"), ("b", "ellie", "3")]


async def test_what_cannot_be_merged(world: World) -> None:
    """Both users have to be there, be two, and fit together."""
    scope = world.environment.scope
    await world.make.user(world.environment, "ellie", a="x" * 200_000)
    await world.make.user(world.environment, "large", b="x" * 200_000)
    with pytest.raises(NotFound):
        await merge_users(world.engine, scope, "nobody", "ellie")
    for source in ("nobody", "ellie", "large"):
        with pytest.raises(InvalidParams, match="from_user_id"):
            await merge_users(world.engine, scope, "ellie", source)
    stored = await load_recipient(world.engine, scope, ELLIE)
    assert set(stored.properties) == {"a"}
    await load_recipient(world.engine, scope, RecipientRef.user("large"))


async def test_a_merge_into_somebody_who_is_deleted(world: World) -> None:
    """When the user that was to stay is deleted before all has moved, both are gone."""
    await world.make.user(world.environment, "ellie")
    await world.make.user(world.environment, "old")
    await _many_messages(world, 10, "old")
    interrupted = world.with_parts(
        database=InterruptedDatabase(world.engine.database, works=1, away=1)
    )
    await merge_users(interrupted.engine, world.environment.scope, "ellie", "old")
    await delete_recipient(world.engine, world.environment.scope, ELLIE)
    (row,) = await world.make.rows(
        "SELECT id FROM bulk_operations WHERE environment_id = %s AND name = 'users.merge'",
        world.environment.id,
    )
    await finish(world.engine, world.environment, UUID(str(row["id"])))
    assert (await _left(world), await _left(world, "old")) == ({}, {})


async def _begun_merge(world: World, target: str, source: str) -> UUID:
    """Accept a merge, and let nobody work on it yet; return its operation."""
    away = world.with_parts(database=InterruptedDatabase(world.engine.database, works=1, away=1))
    await merge_users(away.engine, world.environment.scope, target, source)
    (row,) = await world.make.rows(
        "SELECT id FROM bulk_operations WHERE environment_id = %s AND status = 'queued'"
        " ORDER BY id DESC LIMIT 1",
        world.environment.id,
    )
    return UUID(str(row["id"]))


async def test_a_merge_both_ways_loses_nobody(world: World) -> None:
    """While a user goes to another, this one cannot go to it: both would be gone."""
    scope = world.environment.scope
    for user_id in ("ellie", "old", "third"):
        await world.make.user(world.environment, user_id)
    await _many_messages(world, 10, "old")
    merge = await _begun_merge(world, "ellie", "old")
    with pytest.raises(NotFound):
        await merge_users(world.engine, scope, "old", "ellie")
    with pytest.raises(NotFound):
        await merge_users(world.engine, scope, "old", "third")
    with pytest.raises(InvalidParams, match="from_user_id"):
        await merge_users(world.engine, scope, "third", "old")
    # Who has heard no answer asks again.
    await merge_users(world.engine, scope, "ellie", "old")
    await finish(world.engine, world.environment, merge)
    assert (await _left(world), await _left(world, "old")) == ({"messages": 10}, {})
    await load_recipient(world.engine, scope, ELLIE)


async def test_a_merge_follows_who_stays(world: World) -> None:
    """What has not moved when the user that was to stay is merged itself goes to the last one."""
    for user_id in ("ellie", "old", "third"):
        await world.make.user(world.environment, user_id)
    await _many_messages(world, 10, "old")
    merge = await _begun_merge(world, "ellie", "old")
    await merge_users(world.engine, world.environment.scope, "third", "ellie")
    assert counts(await finish(world.engine, world.environment, merge)) == ("completed", 1, 1, 0)
    assert await _left(world, "third") == {"messages": 10}
    assert (await _left(world), await _left(world, "old")) == ({}, {})


async def test_nobody_is_merged_into_who_is_being_deleted(world: World) -> None:
    """Nor is who is being deleted merged into somebody: nothing may be left of them."""
    scope = world.environment.scope
    await world.make.user(world.environment, "ellie")
    await world.make.user(world.environment, "old")
    await delete_users(world.engine, scope, BulkDeleteUsersIn(user_ids=["ellie"]))
    with pytest.raises(NotFound):
        await merge_users(world.engine, scope, "ellie", "old")
    with pytest.raises(InvalidParams, match="from_user_id"):
        await merge_users(world.engine, scope, "old", "ellie")


async def test_who_is_being_merged_goes_with_the_merge(world: World) -> None:
    """A deletion that comes after the merge takes nothing that has not moved yet."""
    scope = world.environment.scope
    await world.make.user(world.environment, "ellie")
    await world.make.user(world.environment, "old")
    await _many_messages(world, 10, "old")
    merge = await _begun_merge(world, "ellie", "old")
    await delete_recipient(world.engine, scope, RecipientRef.user("old"))
    bulk = await delete_users(world.engine, scope, BulkDeleteUsersIn(user_ids=["old"]))
    deleted = await finish(world.engine, world.environment, bulk.operation.id)
    assert counts(deleted) == ("completed", 1, 1, 0)
    assert await _left(world, "old") == {"messages": 10}
    # Who has heard no answer of the merge may ask again all the same.
    await merge_users(world.engine, scope, "ellie", "old")
    await finish(world.engine, world.environment, merge)
    assert (await _left(world), await _left(world, "old")) == ({"messages": 10}, {})
    with pytest.raises(NotFound):
        await load_recipient(world.engine, scope, RecipientRef.user("old"))


@pytest.mark.parametrize("is_bulk", [True, False])
async def test_a_deletion_waits_for_a_merge_that_is_being_accepted(
    world: World, *, is_bulk: bool
) -> None:
    """It is not accepted before a merge that has not seen it, whose user would be lost with it."""
    scope = world.environment.scope
    for user_id in ("ellie", "old"):
        await world.make.user(world.environment, user_id)
    given = (
        "INSERT INTO channel_data"
        " (environment_id, collection, recipient_id, channel_id, data, updated_at)"
        " VALUES (%s, '$users', %s, '00000000-0000-4000-8000-000000000000', '{}', now())"
        " RETURNING 1"
    )
    await world.make.rows(given, world.environment.id, "old")

    async def delete() -> None:
        if is_bulk:
            await delete_users(world.engine, scope, BulkDeleteUsersIn(user_ids=["ellie"]))
        else:
            await delete_recipient(world.engine, scope, ELLIE)

    async with world.engine.database.transaction() as connection:
        # What the merge waits for after it has looked who is being deleted.
        await connection.execute(given, (world.environment.id, "ellie"))
        merging = asyncio.create_task(merge_users(world.engine, scope, "ellie", "old"))
        await until_blocked(world.make)
        deleting = asyncio.create_task(delete())
        await until_blocked(world.make, by=2)
    await asyncio.gather(merging, deleting)
    (row,) = await world.make.rows(
        "SELECT array_agg(name ORDER BY id) AS names FROM bulk_operations"
        " WHERE environment_id = %s",
        world.environment.id,
    )
    assert row["names"] == ["users.merge", "users.delete"]
