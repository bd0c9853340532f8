"""CSV files of users: worked through as bulk operations, each row once, whatever comes between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import CheckViolation

from domain.bulk.operations import ADD_LISTED_MEMBERS, SET_RECIPIENTS
from domain.kit.errors import InvalidParams, NotFound, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.recipients.refs import RecipientRef
from services.audiences.archiving import archive_audience
from services.broadcasts.broadcasts import upsert_broadcast, validate_broadcast
from services.bulk import files, work
from services.bulk.accept import BulkView, get_operation
from services.bulk.departures import delete_recipient, merge_users
from services.bulk.files import SentFile
from services.bulk.items import ItemKind
from services.bulk.kinds import KINDS
from services.bulk.work import work_on_bulk
from tests.support.broadcasts import SALE, draft, join, make_runs, send
from tests.support.bulk import counts, finish, order_of
from tests.support.interruptions import InterruptedDatabase
from tests.support.steps import feed_step
from tests.support.world import World, channel_step


def _sent(text: str, **mapping: str) -> SentFile:
    return SentFile(text.encode(), mapping)


async def _upload(world: World, text: str, *, create: bool = False, **mapping: str) -> UUID:
    """Upload members of the audience `beta`."""
    view = await files.add_listed_members(
        world.engine, world.environment.scope, "beta", _sent(text, **mapping), create=create
    )
    return view.operation.id


async def _address(world: World, text: str, **mapping: str) -> UUID:
    """Upload the recipients of the broadcast."""
    view = await files.set_recipients(
        world.engine, world.environment.scope, SALE, _sent(text, **mapping)
    )
    return view.operation.id


async def _finish(world: World, operation_id: UUID) -> BulkView:
    return await finish(world.engine, world.environment, operation_id)


async def _users(world: World) -> dict[str, Any]:
    rows = await world.make.rows(
        "SELECT id, properties FROM recipients WHERE environment_id = %s AND collection = '$users'",
        world.environment.id,
    )
    return {row["id"]: row["properties"] for row in rows}


async def _listed(world: World) -> list[tuple[str, str, Any]]:
    """Return whom files name for broadcasts."""
    rows = await world.make.rows(
        "SELECT user_id, tenant_id, data FROM broadcast_recipients WHERE environment_id = %s"
        " ORDER BY user_id, tenant_id",
        world.environment.id,
    )
    return [(row["user_id"], row["tenant_id"], row["data"]) for row in rows]


@pytest.fixture
def in_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on two rows at a time."""
    members, recipients = KINDS[ADD_LISTED_MEMBERS], KINDS[SET_RECIPIENTS]
    assert isinstance(members, ItemKind)
    assert isinstance(recipients, files._RecipientsKind)
    small = {
        ADD_LISTED_MEMBERS: replace(members, chunk=2),
        SET_RECIPIENTS: replace(recipients, items=replace(recipients.items, chunk=2)),
    }
    monkeypatch.setattr(work, "KINDS", {**KINDS, **small})


async def test_the_users_of_a_file_become_members(world: World) -> None:
    """They are identified, and members for their tenants; values are text; the last line wins."""
    await world.make.user(world.environment, "ada", plan="free", city="London")
    await world.audience("beta")
    text = "id,tenant_id,plan,age\nada,,pro,41\nada,acme,,42\ngrace,acme,,\nada,,pro,43\n"
    view = await _finish(world, await _upload(world, text))
    assert counts(view) == ("completed", 4, 4, 0)
    assert await world.members("beta") == [("ada", ""), ("ada", "acme"), ("grace", "acme")]
    ada = {"plan": "pro", "city": "London", "age": "43"}
    assert await _users(world) == {"ada": ada, "grace": {}}


async def test_rows_that_are_wrong_are_skipped(world: World) -> None:
    """Each is told with its line, its id and the reason; the others are members."""
    await world.audience("beta")
    view = await _finish(world, await _upload(world, "id,name\na,A\n,B\n\nc/d,C\ne,E,x\nf,F\n"))
    assert counts(view) == ("completed", 5, 2, 3)
    assert [(one.number, one.id, one.reason) for one in view.failures] == [
        (3, "", "user.id: is required"),
        (5, "c/d", "user.id: must not contain any of: / #"),
        (6, "e", "has 3 cells where the first line has 2"),
    ]
    assert await world.members("beta") == [("a", ""), ("f", "")]


@pytest.mark.usefixtures("in_twos")
async def test_an_entry_triggers_once(world: World) -> None:
    """Who enters by a file has a run for each tenant; the same file again triggers nobody."""
    await world.audience("beta")
    beta = {"audience_key": "beta"}
    await world.publish("welcome", channel_step("feed"), audience_trigger=beta)
    await world.enter("beta", "here")
    text = "id,tenant_id\na,\na,acme\nhere,\nb,\n"
    for _ in range(2):
        assert counts(await _finish(world, await _upload(world, text)))[2:] == (4, 0)
    runs = await world.runs_of("welcome")
    assert sorted((run["recipient_id"], run["tenant_id"] or "") for run in runs) == [
        ("a", ""),
        ("a", "acme"),
        ("b", ""),
        ("here", ""),
    ]


@pytest.mark.usefixtures("in_twos")
async def test_what_dies_in_the_middle_goes_on(world: World) -> None:
    """A chunk whose database went away is repeated, and no row of the ones before."""
    await world.audience("beta")
    await world.publish("welcome", channel_step("feed"), audience_trigger={"audience_key": "beta"})
    operation_id = await _upload(world, "id\n" + "".join(f"user-{n}\n" for n in range(7)))
    order = order_of(world.environment, operation_id)
    # It is looked up, one chunk is done, and then nothing any more.
    database = InterruptedDatabase(world.engine.database, away=1_000, works=2)
    interrupted = world.with_engine(database=database)
    with pytest.raises(Unavailable):
        await work_on_bulk(interrupted.engine, order, turn=1)
    view = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(view) == ("processing", 2, 2, 0)
    assert counts(await _finish(world, operation_id)) == ("completed", 7, 7, 0)
    assert len(await world.runs_of("welcome")) == len(await world.members("beta")) == 7


@pytest.mark.usefixtures("in_twos")
async def test_an_audience_that_is_archived_meanwhile(world: World) -> None:
    """What was not done is told row by row, and nobody is left in the audience."""
    await world.audience("beta")
    operation_id = await _upload(world, "id\na\nb\nc\nd\ne\n")
    await work_on_bulk(world.engine, order_of(world.environment, operation_id), turn=1, seconds=0)
    await archive_audience(world.engine, world.environment.scope, "beta")
    view = await _finish(world, operation_id)
    assert counts(view) == ("completed", 5, 2, 3)
    gone = "The audience 'beta' does not exist in this environment."
    assert [(one.number, one.reason) for one in view.failures] == [(4, gone), (5, gone), (6, gone)]
    assert (await world.members("beta"), set(await _users(world))) == ([], {"a", "b"})


async def test_archiving_waits_for_a_chunk(world: World) -> None:
    """Whoever archives the audience beside a file leaves no member behind."""
    await world.audience("beta")
    await world.make.user(world.environment, "a")
    operation_id = await _upload(world, "id,name\na,A\nb,B\n")
    async with world.make.database.transaction() as connection:
        await connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'a' FOR UPDATE",
            [world.environment.id],
        )
        reading = asyncio.create_task(_finish(world, operation_id))
        await _until_waiting(world, 1)
        archiving = asyncio.create_task(
            archive_audience(world.engine, world.environment.scope, "beta")
        )
        await _until_waiting(world, 2)
        assert not archiving.done()
    assert counts(await reading) == ("completed", 2, 2, 0)
    await archiving
    assert await world.members("beta") == []


async def _until_waiting(world: World, number: int) -> None:
    """Wait until so many statements on this database wait for a lock."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(30):
        while len(await world.make.rows(waiting)) < number:
            await asyncio.sleep(0.02)


async def test_what_no_file_is_taken_for(world: World) -> None:
    """An audience has to be there and static, unless it is to be made; nothing is kept then."""
    with pytest.raises(NotFound):
        await _upload(world, "id\na\n")
    await world.audience("beta", [{"property": "plan", "operator": "exists"}])
    with pytest.raises(Unprocessable) as refused:
        await _upload(world, "id\na\n")
    assert refused.value.code == "audience_not_static"
    with pytest.raises(InvalidParams):
        await _upload(world, "name\na\n", create=True)
    rows = "SELECT id FROM bulk_operations WHERE environment_id = %s"
    assert await world.make.rows(rows, world.environment.id) == []


async def test_an_audience_is_made(world: World) -> None:
    """If it is wished for, and by a file that can be read."""
    assert counts(await _finish(world, await _upload(world, "id\na\n", create=True)))[2:] == (1, 0)
    assert await world.members("beta") == [("a", "")]


async def test_many_rows(world: World) -> None:
    """More than are stored at once keep their lines and their order."""
    await world.audience("beta")
    text = "id,name\n" + "".join(f"user-{n % 3},{n}\n" for n in range(2_500)) + "/,x\n"
    view = await _finish(world, await _upload(world, text))
    assert counts(view) == ("completed", 2_501, 2_500, 1)
    assert [one.number for one in view.failures] == [2_502]
    named = {user: said["name"] for user, said in (await _users(world)).items()}
    assert named == {"user-0": "2499", "user-1": "2497", "user-2": "2498"}


async def test_the_users_of_a_file_receive_a_broadcast(world: World) -> None:
    """Each with its tenant once, and with data of its own; nobody else."""
    await world.make.user(world.environment, "other")
    await draft(world, feed_step("{{ recipient.name }}: {{ data.coupon }}, {{ coupon }}"))
    text = (
        "id,tenant_id,name,data.coupon\n"
        "ada,,Ada,A-1\nada,acme,Ada L.,A-2\ngrace,,Grace,\nada,,,A-3\n,,x,x\n"
    )
    assert counts(await _finish(world, await _address(world, text))) == ("completed", 5, 4, 1)
    sent = await send(world)
    assert sent.status == "sent"
    bodies = {}
    for run in await make_runs(world):
        await world.walk(run["id"])
        (message,) = await world.messages(str(run["id"]))
        content = message["content"]
        bodies[run["recipient_id"], run["tenant_id"]] = content["blocks"][0]["rendered"]
    assert {pair: body.removeprefix("<p>").split("</p>")[0] for pair, body in bodies.items()} == {
        ("ada", None): "Ada L.: A-3, A-3",
        ("ada", "acme"): "Ada L.: A-2, A-2",
        ("grace", None): "Grace: ,",
    }
    assert await _listed(world) == []


async def test_a_process_of_the_version_before_sends_it_to_nobody(world: World) -> None:
    """One that knows of no files would send it to every user: the database refuses that."""
    await draft(world, channel_step("feed"))
    await _finish(world, await _address(world, "id\na\n"))
    await send(world, send_at=datetime.now(UTC) + timedelta(hours=1))
    as_before = (
        "UPDATE broadcasts b SET status = 'sent', sent_at = %s, workflow_run_id = %s,"
        " updated_at = %s WHERE environment_id = %s AND key = %s RETURNING b.key"
    )
    now = datetime.now(UTC)
    with pytest.raises(CheckViolation):
        await world.make.rows(as_before, now, new_id(), now, world.environment.id, SALE)
    await draft(world, channel_step("feed"), key="to-all")
    values = (now, new_id(), now, world.environment.id, "to-all")
    assert await world.make.rows(as_before, *values) == [{"key": "to-all"}]


@pytest.mark.usefixtures("in_twos")
async def test_a_broadcast_waits_for_its_file(world: World) -> None:
    """It is not sent before all of the file was read."""
    await draft(world, channel_step("feed"))
    operation_id = await _address(world, "id\na\nb\nc\n")
    order = order_of(world.environment, operation_id)
    for _ in range(2):
        with pytest.raises(Unprocessable) as refused:
            await send(world)
        assert refused.value.code == "broadcast_recipients_not_read"
        await work_on_bulk(world.engine, order, turn=1, seconds=0)
    await send(world)
    assert [run["recipient_id"] for run in await make_runs(world)] == ["a", "b", "c"]


async def test_a_file_without_a_user_reaches_nobody(world: World) -> None:
    """All rows of it are wrong, and that does not mean every user."""
    await world.make.user(world.environment, "other")
    await draft(world, channel_step("feed"))
    await _finish(world, await _address(world, "id\n/\n"))
    await send(world)
    assert await make_runs(world) == []


@pytest.mark.usefixtures("in_twos")
async def test_a_file_takes_the_place_of_another(world: World) -> None:
    """The new one counts alone, also where the old one is still being read."""
    await draft(world, channel_step("feed"))
    old = await _address(world, "id\na\nb\nc\nd\n")
    await work_on_bulk(world.engine, order_of(world.environment, old), turn=1, seconds=0)
    new = await _address(world, "id\nx\ny\nz\n")
    view = await _finish(world, old)
    assert counts(view) == ("failed", 3, 2, 1)
    assert (view.operation.failed_at is None, view.operation.completed_at) == (False, None)
    told = "the file was replaced or removed; this row and those after it were not read"
    assert [(one.number, one.reason) for one in view.failures] == [(4, told)]
    left = "SELECT number FROM bulk_items WHERE operation_id = %s"
    assert await world.make.rows(left, old) == [{"number": 4}]
    with pytest.raises(Unprocessable):
        await send(world)
    await _finish(world, new)
    assert [user for user, _, _ in await _listed(world)] == ["x", "y", "z"]
    await send(world)
    assert [run["recipient_id"] for run in await make_runs(world)] == ["x", "y", "z"]


async def test_a_file_is_taken_away(world: World) -> None:
    """Then the audience counts again, or every user; it may be said twice."""
    scope = world.environment.scope
    await world.make.user(world.environment, "other")
    await draft(world, channel_step("feed"))
    operation_id = await _address(world, "id\na\n")
    found = await files.get_recipients(world.engine, scope, SALE)
    assert found.operation.id == operation_id
    await _finish(world, operation_id)
    for _ in range(2):
        await files.remove_recipients(world.engine, scope, SALE)
    with pytest.raises(NotFound):
        await files.get_recipients(world.engine, scope, SALE)
    assert await _listed(world) == []
    await send(world)
    assert [run["recipient_id"] for run in await make_runs(world)] == ["a", "other"]


async def test_an_audience_and_a_file(world: World) -> None:
    """A broadcast has one of both, whichever is said first."""
    scope = world.environment.scope
    await join(world, "vips", "v")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    with pytest.raises(Unprocessable) as refused:
        await _address(world, "id\na\n")
    assert refused.value.code == "broadcast_has_audience"
    await draft(world, channel_step("feed"))
    await _finish(world, await _address(world, "id\na\n"))
    document = {"name": SALE, "steps": [channel_step("feed")], "target_audience_key": "vips"}
    await upsert_broadcast(world.engine, scope, SALE, document)
    with pytest.raises(Unprocessable):
        await validate_broadcast(world.engine, scope, SALE, document)
    with pytest.raises(Unprocessable) as refused:
        await send(world)
    assert refused.value.code == "broadcast_has_audience"


async def test_a_broadcast_that_is_no_draft(world: World) -> None:
    """Its recipients stay as they are, and one that is not there has none."""
    scope = world.environment.scope
    with pytest.raises(NotFound):
        await _address(world, "id\na\n")
    with pytest.raises(NotFound):
        await files.get_recipients(world.engine, scope, SALE)
    await draft(world, channel_step("feed"))
    await send(world)
    with pytest.raises(Unprocessable) as refused:
        await _address(world, "id\na\n")
    assert refused.value.code == "broadcast_not_draft"
    with pytest.raises(Unprocessable):
        await files.remove_recipients(world.engine, scope, SALE)


async def test_who_is_deleted_or_merged(world: World) -> None:
    """Nothing is left of a user who is deleted; one who is merged is named as the other."""
    scope = world.environment.scope
    await draft(world, channel_step("feed"))
    text = "id,tenant_id,data.x\na,,1\na,acme,2\nb,,3\ngone,,4\n"
    await _finish(world, await _address(world, text))
    await delete_recipient(world.engine, scope, RecipientRef.user("gone"))
    await merge_users(world.engine, scope, "b", "a")
    assert await _listed(world) == [("b", "", {"x": "3"}), ("b", "acme", {"x": "2"})]
