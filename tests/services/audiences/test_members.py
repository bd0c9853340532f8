"""Members of static audiences: who is in, and that each addition triggers once."""

from __future__ import annotations

import asyncio

import pytest

from domain.audiences.members import MembersIn
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from services.audiences.archiving import archive_audience
from services.audiences.members import add_members, list_members, remove_members
from services.bulk.departures import delete_recipient
from services.recipients.recipients import load_recipient
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, when

BETA = {"audience_key": "beta"}


async def _remove(world: World, *user_ids: str, tenant: str | None = None) -> None:
    given = [{"user": {"id": user_id}, "tenant": tenant} for user_id in user_ids]
    shape = read_shape(MembersIn, {"members": given})
    await remove_members(world.engine, world.environment.scope, "beta", shape)


async def test_a_membership_is_of_a_user_and_a_tenant(world: World) -> None:
    """The same user is in an audience once for each tenant, and once for none."""
    await world.audience("beta")
    await world.enter("beta", "ellie", "alan")
    await world.enter("beta", "ellie", tenant="acme")
    await world.enter("beta", "ellie", tenant="acme")
    assert await world.members("beta") == [("alan", ""), ("ellie", ""), ("ellie", "acme")]
    await _remove(world, "ellie")
    await _remove(world, "nobody")
    assert await world.members("beta") == [("alan", ""), ("ellie", "acme")]
    page = await list_members(world.engine, world.environment.scope, "beta", PageRequest(1))
    assert [one.member.tenant_id for one in page.rows] == ["acme"]
    rest = PageRequest(5, after=page.after)
    page = await list_members(world.engine, world.environment.scope, "beta", rest)
    assert [one.user.id for one in page.rows] == ["alan"]


async def test_members_are_identified(world: World) -> None:
    """Who is added is stored with what is said, each once, though named several times."""
    await world.audience("beta")
    said = [{"user": {"id": "ellie", "name": "Ellie"}}, {"user": {"id": "ellie", "plan": "pro"}}]
    shape = read_shape(MembersIn, {"members": said})
    await add_members(world.engine, world.environment.scope, "beta", shape)
    ref = RecipientRef.user("ellie")
    stored = await load_recipient(world.engine, world.environment.scope, ref)
    assert stored.properties == {"name": "Ellie", "plan": "pro"}
    assert await world.members("beta") == [("ellie", "")]


async def test_an_audience_that_is_not_there(world: World) -> None:
    """Without one nobody is added, unless it is to be made; a key has to be one of content."""
    scope, shape = world.environment.scope, read_shape(MembersIn, {"members": []})
    with pytest.raises(NotFound):
        await add_members(world.engine, scope, "beta", shape)
    with pytest.raises(InvalidParams):
        await add_members(world.engine, scope, "No Key", shape, create=True)
    makers = [add_members(world.engine, scope, "beta", shape, create=True) for _ in range(4)]
    await asyncio.gather(*makers)
    assert (await list_members(world.engine, scope, "beta", PageRequest())).rows == []


async def test_an_audience_that_is_being_archived(world: World) -> None:
    """Whoever adds a member meanwhile waits, and then finds no audience; nobody is identified."""
    await world.audience("beta")
    async with world.make.database.transaction() as connection:
        await connection.execute(
            "UPDATE content_resources SET archived_at = now()"
            " WHERE environment_id = %s AND resource_type = 'audience'",
            (world.environment.id,),
        )
        adding = asyncio.create_task(world.enter("beta", "ellie"))
        await until_blocked(world.make)
    with pytest.raises(NotFound):
        await adding
    assert await world.members("beta") == []
    with pytest.raises(NotFound):
        await load_recipient(world.engine, world.environment.scope, RecipientRef.user("ellie"))


async def test_members_of_a_dynamic_audience_follow(world: World) -> None:
    """Nobody is added to a dynamic audience, or removed from it."""
    await world.audience("beta", [{"property": "plan", "operator": "exists"}])
    for change in (world.enter, lambda _key, user_id: _remove(world, user_id)):
        with pytest.raises(Unprocessable) as refusal:
            await change("beta", "ellie")
        assert refusal.value.code == "audience_not_static"


async def test_an_addition_triggers(world: World, temporal: TemporalRecorder) -> None:
    """Each addition of a user for a tenant runs the workflow; who is in already does not."""
    await world.audience("beta")
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    await world.enter("beta", "ellie", "alan")
    await world.enter("beta", "ellie", "ian", tenant="acme")
    await world.enter("beta", "ellie")
    runs = await world.runs_of("welcome")
    assert [(run["recipient_id"], run["tenant_id"]) for run in runs] == [
        ("alan", None),
        ("ellie", None),
        ("ellie", "acme"),
        ("ian", "acme"),
    ]
    assert {str(run["source"]) for run in runs} == {"{'type': 'audience', 'audience_key': 'beta'}"}
    assert all(any(str(run["id"]) in one[0] for one in temporal.starts) for run in runs)
    await _remove(world, "alan")
    await world.enter("beta", "alan")
    assert len(await world.runs_of("welcome")) == 5


async def test_nobody_triggers_in_retrospect(world: World) -> None:
    """Who is in when a workflow is attached does not run through it, nor while it is inactive."""
    await world.audience("beta")
    await world.enter("beta", "ellie")
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    await world.activate("welcome", active=False)
    await world.enter("beta", "alan")
    await world.activate("welcome", active=True)
    await world.enter("beta", "ian")
    assert [run["recipient_id"] for run in await world.runs_of("welcome")] == ["ian"]


async def test_a_workflow_that_refuses_keeps_nobody_out(world: World) -> None:
    """An addition stands although the schema of a workflow refuses it; the other one runs."""
    await world.audience("beta")
    schema = {"type": "object", "required": ["name"]}
    await world.publish(
        "strict", channel_step("feed"), audience_trigger=BETA, trigger_data_json_schema=schema
    )
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    await world.enter("beta", "ellie")
    assert await world.members("beta") == [("ellie", "")]
    assert await world.runs_of("strict") == []
    assert len(await world.runs_of("welcome")) == 1


async def test_additions_at_once(world: World) -> None:
    """Of many additions of one member at once exactly one triggers."""
    await world.audience("beta")
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    await asyncio.gather(*(world.enter("beta", "ellie", "alan") for _ in range(8)))
    assert [run["recipient_id"] for run in await world.runs_of("welcome")] == ["alan", "ellie"]


async def test_a_deleted_user_is_in_no_audience(world: World) -> None:
    """Deleting a user ends the memberships; deleting an object of the same id does not."""
    await world.audience("beta")
    await world.enter("beta", "ellie", "alan")
    await world.make.recipient(world.environment, "projects", "alan")
    for ref in (RecipientRef.user("ellie"), RecipientRef("projects", "alan")):
        await delete_recipient(world.engine, world.environment.scope, ref)
    assert await world.members("beta") == [("alan", "")]


async def test_an_archived_audience(world: World) -> None:
    """It has no members, nobody can be added, and its key is not free again."""
    await world.audience("beta")
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    await world.enter("beta", "ellie")
    await archive_audience(world.engine, world.environment.scope, "beta")
    assert await world.members("beta") == []
    shape = read_shape(MembersIn, {"members": [{"user": {"id": "ellie"}}]})
    scope = world.environment.scope
    for create in (False, True):
        with pytest.raises(NotFound):
            await add_members(world.engine, scope, "beta", shape, create=create)
    with pytest.raises(NotFound):
        await archive_audience(world.engine, world.environment.scope, "beta")


async def test_conditions_on_membership(world: World) -> None:
    """A condition holds for exactly the tenant of the run; no tenant is one of its own."""
    await world.audience("beta")
    await world.enter("beta", "ellie")
    await world.enter("beta", "alan", tenant="acme")
    member = when("recipient", "is_audience_member", "beta")
    other = when("recipient.id", "is_not_audience_member", "beta")
    steps = (channel_step("in", conditions=member), channel_step("out", conditions=other))
    for user_id, tenant, made in (
        ("ellie", None, "in"),
        ("ellie", "acme", "out"),
        ("alan", "acme", "in"),
        ("alan", None, "out"),
    ):
        run_id, _ = await world.send(*steps, recipients=(user_id,), tenant=tenant)
        assert [row["step_ref"] for row in await world.messages(run_id)] == [made]


async def test_an_object_is_in_no_audience(world: World) -> None:
    """An object that has the id of a member is none."""
    await world.audience("beta")
    await world.enter("beta", "ellie")
    member = when("recipient", "is_audience_member", "beta")
    project = {"id": "ellie", "collection": "projects", "name": "One"}
    run_id, _ = await world.send(channel_step("in", conditions=member), recipients=(project,))
    assert await world.messages(run_id) == []
