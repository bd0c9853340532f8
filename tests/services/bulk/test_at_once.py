"""Recipients of a bulk request are stored by the request itself, unless something is in the way."""

from __future__ import annotations

from typing import Any

import pytest

from domain.bulk.requests import (
    BulkDeleteUsersIn,
    BulkIdentifyIn,
    BulkSetObjectsIn,
    BulkSetTenantsIn,
)
from domain.contract.jobs import BulkState
from domain.kit.errors import Unavailable
from services.bulk import departures, recipients
from services.bulk.accept import BulkView, get_operation
from services.bulk.files import SentFile, add_listed_members
from tests.support.audiences import build
from tests.support.bulk import counts, finish
from tests.support.interruptions import InterruptedDatabase
from tests.support.world import World, channel_step


async def _identify(world: World, *users: object) -> BulkView:
    given = BulkIdentifyIn(users=list(users))
    return await recipients.identify_users(world.engine, world.environment.scope, given)


async def _left(world: World) -> tuple[int, int, int]:
    """Count operations, what is left of their items, and recipients; nothing may be owed."""
    (row,) = await world.make.rows(
        "SELECT (SELECT count(*) FROM bulk_operations WHERE environment_id = e.id) AS operations,"
        " (SELECT count(*) FROM bulk_items WHERE environment_id = e.id) AS items,"
        " (SELECT count(*) FROM recipients WHERE environment_id = e.id) AS recipients,"
        " (SELECT count(*) FROM owed_effects WHERE environment_id = e.id) AS owed"
        " FROM environments e WHERE id = %s",
        world.environment.id,
    )
    assert row["owed"] == 0
    return row["operations"], row["items"], row["recipients"]


async def test_an_operation_is_over_with_its_answer(world: World) -> None:
    """Everybody is stored when the request is answered, and nothing is left to be done."""
    view = await _identify(world, {"id": "a", "name": "A"}, {"id": "b"}, {"id": "a", "plan": "pro"})
    assert counts(view) == ("completed", 3, 3, 0)
    assert view.operation.started_at == view.operation.completed_at is not None
    assert await _left(world) == (1, 0, 2)
    seen = await get_operation(world.engine, world.environment.scope, view.operation.id)
    assert seen == view
    assert await finish(world.engine, world.environment, view.operation.id) == view


async def test_objects_and_tenants_are_set_likewise(world: World) -> None:
    """What is said of objects and tenants is stored at once, too."""
    scope = world.environment.scope
    objects = BulkSetObjectsIn(objects=[{"id": "one"}])
    tenants = BulkSetTenantsIn(tenants=["acme", {"id": "globex"}])
    for view in (
        await recipients.set_objects(world.engine, scope, "projects", objects),
        await recipients.set_tenants(world.engine, scope, tenants),
    ):
        assert view.operation.status == "completed"
    assert await _left(world) == (2, 0, 3)


async def test_what_cannot_be_read_is_told_with_the_answer(world: World) -> None:
    """Entries that are not right are told at once, in their order, and again to whoever asks."""
    view = await _identify(world, {"name": "nobody"}, {"id": "a"}, {"id": "b", "name": 7})
    assert counts(view) == ("completed", 3, 1, 2)
    assert [(one.id, one.reason) for one in view.failures] == [
        ("", "id: is required"),
        ("b", "name: must be a string"),
    ]
    assert await _left(world) == (1, 2, 1)
    seen = await get_operation(world.engine, world.environment.scope, view.operation.id)
    assert seen == view


async def test_whom_somebody_else_holds_is_stored_later(world: World) -> None:
    """A request does not wait long for another one: it is accepted whole, and done after it."""
    await world.make.user(world.environment, "b")
    async with world.make.database.transaction() as connection:
        await connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'b' FOR UPDATE",
            [world.environment.id],
        )
        view = await _identify(world, *({"id": one, "name": one} for one in "abc"), {"id": 5})
        assert counts(view) == ("queued", 0, 0, 0)
        assert await _left(world) == (1, 4, 1)
    after = await finish(world.engine, world.environment, view.operation.id)
    assert counts(after) == ("completed", 4, 3, 1)


async def test_nothing_accepted_before_is_overtaken(world: World) -> None:
    """Who is to be deleted or merged is not stored before that; others are not kept waiting."""
    scope = world.environment.scope
    await world.make.user(world.environment, "gone")
    given = BulkDeleteUsersIn(user_ids=["gone"])
    deletion = (await departures.delete_users(world.engine, scope, given)).operation.id
    view = await _identify(world, {"id": "gone", "name": "Back"}, {"id": "a"})
    assert counts(view) == ("queued", 0, 0, 0)
    assert (await _identify(world, {"id": "b"})).operation.status == "completed"
    await finish(world.engine, world.environment, deletion)
    await finish(world.engine, world.environment, view.operation.id)
    assert (await _identify(world, {"id": "gone"})).operation.status == "completed"
    users = "SELECT properties FROM recipients WHERE environment_id = %s AND id = 'gone'"
    assert await world.make.rows(users, world.environment.id) == [{"properties": {"name": "Back"}}]


async def test_who_stays_of_a_merge_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As does whoever a file may name, which is not searched through."""
    await world.make.user(world.environment, "a")
    await world.make.user(world.environment, "b")
    monkeypatch.setattr(departures, "work_on_bulk", _nothing)
    await departures.merge_users(world.engine, world.environment.scope, "a", "b")
    assert (await _identify(world, {"id": "a"})).operation.status == "queued"
    assert (await _identify(world, {"id": "b"})).operation.status == "queued"
    assert (await _identify(world, {"id": "c"})).operation.status == "completed"
    await world.audience("beta")
    sent = SentFile(b"id\nz\n", {})
    await add_listed_members(world.engine, world.environment.scope, "beta", sent)
    assert (await _identify(world, {"id": "c"})).operation.status == "queued"


async def _nothing(*_arguments: Any, **_options: Any) -> BulkState:
    return BulkState(is_over=True)


async def test_an_entry_that_the_database_refuses_fails_alone(world: World) -> None:
    """Where somebody would have too many properties, nobody is stored until it is known who."""
    much = {f"key{number}": "x" * 10_000 for number in range(20)}
    more = {f"more{number}": "x" * 10_000 for number in range(20)}
    await _identify(world, {"id": "b", **much})
    view = await _identify(world, {"id": "a"}, {"id": "b", **more}, {"id": "c"})
    assert counts(view) == ("queued", 0, 0, 0)
    assert (await _left(world))[2] == 1
    after = await finish(world.engine, world.environment, view.operation.id)
    assert counts(after) == ("completed", 3, 2, 1)
    assert [one.id for one in after.failures] == ["b"]


async def test_a_fault_of_ours_is_met_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected keeps no request from being accepted, and leaves nothing half done."""

    async def fails(*_arguments: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(recipients, "identify", fails)
        view = await _identify(world, {"id": "a"})
    assert counts(view) == ("queued", 0, 0, 0)
    after = await finish(world.engine, world.environment, view.operation.id)
    assert counts(after) == ("completed", 1, 1, 0)


@pytest.mark.parametrize("works", range(3))
async def test_an_absent_database_leaves_all_or_nothing(world: World, works: int) -> None:
    """A request that is not answered has stored nobody; one that is has stored everybody."""
    database = InterruptedDatabase(world.engine.database, works=works, away=2)
    interrupted = world.with_engine(database=database)
    if works < 2:  # a look at the audiences, and the transaction
        with pytest.raises(Unavailable):
            await _identify(interrupted, {"id": "a"}, {"id": "b"})
        assert await _left(world) == (0, 0, 0)
    else:
        view = await _identify(interrupted, {"id": "a"}, {"id": "b"})
        assert counts(view) == ("completed", 2, 2, 0)


async def test_who_enters_an_audience_triggers_once(world: World) -> None:
    """Users enter audiences in the transaction that stores them, and trigger by that."""
    is_pro = {"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}
    await world.audience("pro", [is_pro])
    await world.publish("welcome", channel_step("feed"), audience_trigger={"audience_key": "pro"})
    await build(world)
    users = [{"id": "a", "plan": "pro"}, {"id": "b", "plan": "free"}, {"id": "c", "plan": "pro"}]
    for _ in range(2):
        assert (await _identify(world, *users)).operation.status == "completed"
    assert await world.members("pro") == [("a", ""), ("c", "")]
    entered = [run["recipient_id"] for run in await world.runs_of("welcome")]
    assert sorted(entered) == ["a", "c"]


async def test_many_comparisons_with_audiences_are_made_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users whom to compare with audiences would keep other requests waiting are stored later."""
    monkeypatch.setattr(recipients, "_COMPARISONS_AT_ONCE", 3)
    await world.audience("pro", [{"property": "plan", "operator": "not_exists"}])
    await world.audience("free", [{"property": "plan", "operator": "not_exists"}])
    assert (await _identify(world, {"id": "a"})).operation.status == "completed"
    view = await _identify(world, {"id": "b"}, {"id": "c"})
    assert counts(view) == ("queued", 0, 0, 0)
    await finish(world.engine, world.environment, view.operation.id)
    assert await world.members("free") == [("a", ""), ("b", ""), ("c", "")]


async def test_many_entries_trigger_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An audience counts once more for each workflow that an entry triggers."""
    monkeypatch.setattr(recipients, "_COMPARISONS_AT_ONCE", 3)
    await world.audience("pro", [{"property": "plan", "operator": "not_exists"}])
    assert (await _identify(world, {"id": "a"}, {"id": "b"})).operation.status == "completed"
    entered = {"audience_key": "pro"}
    await world.publish("welcome", channel_step("feed"), audience_trigger=entered)
    assert (await _identify(world, {"id": "a"})).operation.status == "completed"
    assert (await _identify(world, {"id": "c"}, {"id": "d"})).operation.status == "queued"
