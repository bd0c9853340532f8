"""The steps that change users, objects and tenants: what is stored, told, and seen behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.contract.runs import Finished
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from services.recipients.recipients import load_recipient, store_recipient
from tests.support.steps import update_recipient_step
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, when

SAYS = {"markdown_body": "{{ recipient.plan }} {{ tenant.plan }} {{ actor.plan }}"}


async def _properties(world: World, collection: str, own_id: str) -> Any:
    stored = await load_recipient(
        world.engine, world.environment.scope, RecipientRef(collection, own_id)
    )
    return stored.properties


async def _told(world: World, run_id: str) -> list[Any]:
    events = await world.events(run_id)
    return [row["data"] for row in events if row["event"] == "recipient_updated"]


async def test_a_user_is_merged_deeply(world: World) -> None:
    """What is said is merged into the user with its types, and the event tells what changed."""
    ellie = {"id": "ellie", "name": "Ellie", "deep": {"a": 1, "b": [1]}, "same": 1}
    run_id, done = await world.send(
        update_recipient_step(
            "user", '{"count": "{{ data.items | size }}", "deep": {"b": [2]}, "same": 1}'
        ),
        recipients=(ellie,),
        data={"items": [1, 2, 3]},
    )
    assert done.next == Finished()
    assert await _properties(world, "$users", "ellie") == {
        "name": "Ellie",
        "deep": {"a": 1, "b": [2]},
        "same": 1,
        "count": 3,
    }
    assert await _told(world, run_id) == [
        {
            "recipient": "ellie",
            "changes": {
                "count": {"before": None, "after": 3},
                "deep": {"before": {"a": 1, "b": [1]}, "after": {"a": 1, "b": [2]}},
            },
        }
    ]


async def test_twice_is_once(world: World) -> None:
    """A repeated walk changes nothing, though the user was changed by somebody else meanwhile."""
    run_id, _ = await world.send(update_recipient_step("user", '{"plan": "pro"}'))
    scope, ref = world.environment.scope, RecipientRef.user("ellie")
    await store_recipient(world.engine, scope, ref, UserIn.model_validate({"plan": "free"}))
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    assert (await _properties(world, "$users", "ellie"))["plan"] == "free"


async def test_later_steps_see_it(world: World) -> None:
    """Templates and conditions behind the steps see recipient, tenant and actor as they are now."""
    run_id, _ = await world.send(
        update_recipient_step("user", '{"plan": "u"}'),
        update_recipient_step("tenant", '{"plan": "t"}'),
        {
            **update_recipient_step(
                "user", '{"plan": "a"}', recipient_mode="reference", recipient_gid="{{ actor.id }}"
            ),
            "ref": "update_actor",
        },
        channel_step("feed", template=SAYS, conditions=when("recipient.plan", "equal_to", "u")),
        actor={"id": "ann"},
        tenant="acme",
    )
    (message,) = await world.messages(run_id)
    assert message["content"]["blocks"][0]["rendered"] == "<p>u t a</p>\n"


async def test_an_object_that_is_new(world: World) -> None:
    """An object that nobody has stored before is made."""
    gid = "gid://Object/projects/{{ data.project }}"
    run_id, _ = await world.send(
        update_recipient_step("object", '{"state": "done"}', recipient_gid=gid),
        data={"project": "p/1"},
    )
    assert await _properties(world, "projects", "p/1") == {"state": "done"}
    (told,) = await _told(world, run_id)
    assert told["recipient"] == {"id": "p/1", "collection": "projects"}


async def test_preferences_are_merged_and_channel_data_is_left_out(world: World) -> None:
    """Preference sets are merged and told; channel data is neither changed nor told."""
    channel = "0fb8c480-19c3-4b1c-b771-0f8917236f74"
    run_id, _ = await world.send(
        update_recipient_step(
            "user",
            '{"preferences": {"default": {"workflows": {"b": false}}}, "channel_data": {"'
            + channel
            + '": {"tokens": ["secret-token"]}}}',
        ),
        recipients=({"id": "ellie", "preferences": {"default": {"workflows": {"a": True}}}},),
    )
    rows = await world.make.rows(
        "SELECT content FROM preference_sets WHERE environment_id = %s", world.environment.id
    )
    assert [row["content"] for row in rows] == [{"workflows": {"a": True, "b": False}}]
    assert not await world.make.rows(
        "SELECT 1 FROM channel_data WHERE environment_id = %s", world.environment.id
    )
    (told,) = await _told(world, run_id)
    assert told["left_out"] == ["channel_data"]
    assert "secret-token" not in str(told)
    assert told["changes"]["preferences"]["before"] == {"default": {"workflows": {"a": True}}}


async def test_settings_of_a_tenant(world: World) -> None:
    """A tenant's settings are merged deeply, its preference set among them."""
    settings = {"branding": {"primary_color": "#111111"}, "preference_set": {"workflows": {}}}
    await world.send(
        update_recipient_step(
            "tenant", '{"settings": {"preference_set": {"categories": {"c": false}}}}'
        ),
        tenant={"id": "acme", "settings": settings},
    )
    ref = RecipientRef("$tenants", "acme")
    stored = await load_recipient(world.engine, world.environment.scope, ref)
    assert stored.settings == {
        "branding": {"primary_color": "#111111"},
        "preference_set": {"workflows": {}, "categories": {"c": False}},
    }


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("user", "the recipient is not a user"), ("tenant", "the run has no tenant")],
)
async def test_nobody_to_change(world: World, kind: str, reason: str) -> None:
    """A step for the run's own user or tenant is skipped in a run that has none."""
    project = {"id": "p1", "collection": "projects", "name": "One"}
    run_id, _ = await world.send(
        update_recipient_step(kind, '{"x": 1}'), channel_step("feed"), recipients=(project,)
    )
    assert await world.reason(run_id) == reason
    assert len(await world.messages(run_id)) == 1


async def test_conditions(world: World) -> None:
    """A step whose conditions do not hold changes nothing."""
    step = update_recipient_step("user", '{"x": 1}')
    run_id, _ = await world.send({**step, "conditions": when("data.x", "exists")})
    assert await world.reason(run_id) == "conditions not met"
    assert "x" not in await _properties(world, "$users", "ellie")


@pytest.mark.parametrize(
    ("kind", "given", "error"),
    [
        ("user", {"properties": '{"email": 5}'}, "email: must be a string"),
        ("user", {"properties": "{{ data.list | json }}"}, "JSON object"),
        ("object", {"recipient_gid": "gid://Object/{{ data.none }}"}, "settings.recipient_gid: "),
        ("object", {"recipient_gid": "{{ data.none }}"}, "settings.recipient_gid: "),
        ("object", {"recipient_gid": "gid://Object/$users/{{ recipient.id }}"}, "must name what"),
        ("user", {"properties": '{"big": "{{ data.big }}"}'}, "256 kB"),
    ],
)
async def test_what_fails_the_step(
    world: World, kind: str, given: dict[str, Any], error: str
) -> None:
    """What the API would refuse fails the step, and stores nothing of it."""
    step = update_recipient_step(kind, **{"properties": '{"x": 1}', **given})
    big = {"id": "ellie", "kept": "x" * 200_000}
    run_id, advanced = await world.send(
        step, recipients=(big,), data={"list": [1], "big": "y" * 100_000}
    )
    for _ in range(2):
        advanced = await world.walk(run_id, advanced.cursor)
    assert advanced.next == Finished()
    failed = next(row for row in await world.events(run_id) if row["event"] == "step_failed")
    assert error in failed["data"]["error"]
    assert await _properties(world, "$users", "ellie") == {"kept": "x" * 200_000}


async def test_an_identify_at_the_same_time(world: World) -> None:
    """A walk waits for an identify that holds the user, and what both said is there after it."""
    await world.publish("flow", update_recipient_step("user", '{"deep": {"walk": 1}}'))
    run_id = await world.begin("flow")
    async with world.make.database.transaction() as other:
        await other.execute(
            'UPDATE recipients SET properties = properties || \'{"deep": {"api": 1}}\''
            " WHERE environment_id = %s AND id = 'ellie'",
            (world.environment.id,),
        )
        walking = asyncio.create_task(world.walk(run_id))
        await until_blocked(world.make)
    await walking
    assert (await _properties(world, "$users", "ellie"))["deep"] == {"api": 1, "walk": 1}
