"""What recipients prefer decides at each channel step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from tests.support.builders import T0
from tests.support.world import World, batch_step, channel_step, delay_step, sleep_of

_NEWS = {"categories": ["news"]}


def ellie(**preferences: Any) -> JsonObject:
    """Describe a user by her preference sets."""
    return {"id": "ellie", "email": "ellie@example.com", "preferences": preferences}


async def published(world: World, *steps: JsonObject, **content: Any) -> str:
    """Publish a workflow of a key of its own."""
    key = f"flow-{uuid4().hex[:8]}"
    await world.publish(key, *(steps or (channel_step("feed"),)), **content)
    return key


async def set_defaults(world: World, content: JsonObject) -> None:
    """Set the default preferences of the environment."""
    await world.make.insert(
        "default_preference_sets",
        environment_id=world.environment.id,
        content=Jsonb(content),
        updated_at=T0,
    )


async def sent(world: World, key: str, *recipients: Any, **body: Any) -> tuple[bool, Any]:
    """Trigger and walk; tell whether there is a message, and what was said about preferences."""
    run_id = await world.begin(key, *recipients, **body)
    await world.walk(run_id)
    told = [
        event["data"]
        for event in await world.events(run_id)
        if event["event"] == "preferences_evaluated"
    ]
    return bool(await world.messages(run_id)), told[0] if told else None


async def test_nothing_is_told_where_nothing_is_preferred(world: World) -> None:
    """Whoever said nothing gets everything, and so does who said nothing that matters here."""
    key = await published(world, **_NEWS)
    assert await sent(world, key) == (True, None)
    elsewhere = {"categories": {"sports": False}, "channel_types": {"sms": False}}
    assert await sent(world, key, ellie(default=elsewhere)) == (True, None)


async def test_the_story_says_what_was_judged(world: World) -> None:
    """Each preference with a say has a line, and the step is skipped for its reason."""
    key = await published(world, **_NEWS)
    told = ellie(default={"channel_types": {"in_app_feed": True}, "categories": {"news": False}})
    run_id = await world.begin(key, told)
    assert (await world.walk(run_id)).status == "completed"
    assert await world.messages(run_id) == []
    story = {event["event"]: event for event in await world.events(run_id)}
    assert story["preferences_evaluated"]["step_ref"] == "feed"
    assert story["preferences_evaluated"]["data"] == {
        "passed": False,
        "set_id": "default",
        "layers": ["recipient"],
        "preferences": [
            {"preference": "channel_types.in_app_feed", "result": "true"},
            {"preference": "categories.news", "result": "false"},
        ],
    }
    assert story["step_skipped"]["data"]["reason"] == "the recipient's preferences do not allow it"
    assert "run_halted" not in story


async def test_a_repeated_walk_says_the_same(world: World) -> None:
    """What was decided stays decided, whatever the recipient says later."""
    key = await published(world)
    run_id = await world.begin(key, ellie(default={"channel_types": {"in_app_feed": False}}))
    first = await world.walk(run_id)
    before = await world.snapshot(run_id)
    await world.trigger(key, ellie(default={"channel_types": {"in_app_feed": True}}))
    assert (await world.walk(run_id)).status == first.status
    assert await world.snapshot(run_id) == before
    assert await world.messages(run_id) == []


async def test_24_preferences_are_those_of_the_moment_of_sending(world: World) -> None:
    """A run that waited asks what the recipient prefers now, not what it was at the trigger."""
    key = await published(world, channel_step("now"), delay_step(), channel_step("later"))
    run_id = await world.begin(key, ellie())
    advanced = await world.walk(run_id)
    await world.trigger(key, ellie(default={"channel_types": {"in_app_feed": False}}))
    await world.at(datetime.now(UTC) + timedelta(days=1)).walk(run_id, advanced.cursor)
    assert sleep_of(advanced)
    assert [message["step_ref"] for message in await world.messages(run_id)] == ["now"]


@pytest.mark.parametrize(
    ("defaults", "tenant", "sets", "passes"),
    [
        ({"channel_types": {"in_app_feed": False}}, None, {}, False),
        (
            {"channel_types": {"in_app_feed": False}},
            None,
            {"default": {"channel_types": {"in_app_feed": True}}},
            True,
        ),
        (None, {"categories": {"news": False}}, {"default": {"categories": {"news": True}}}, False),
        (
            None,
            {"categories": {"news": False}},
            {"acme": {"categories": {"news": True}}},
            True,
        ),
        (
            None,
            {
                "categories": {
                    "news": {"__strategy__": "replace", "channel_types": {"in_app_feed": False}}
                }
            },
            {"acme": {"categories": {"news": True}}},
            False,
        ),
        (None, None, {"acme": {}, "default": {"categories": {"news": False}}}, True),
        (None, None, {"default": {"categories": {"news": False}}}, False),
    ],
)
async def test_layers(world: World, defaults: Any, tenant: Any, sets: Any, passes: bool) -> None:
    """Environment, tenant and recipient are laid over one another."""
    if defaults is not None:
        await set_defaults(world, defaults)
    key = await published(world, **_NEWS)
    acme = {"id": "acme", "settings": {"preference_set": tenant}}
    assert (await sent(world, key, ellie(**sets), tenant=acme))[0] is passes


async def test_defaults_take_effect_at_once(world: World) -> None:
    """A process that has loaded the configuration before sees the change."""
    key = await published(world)
    assert (await sent(world, key))[0]
    await set_defaults(world, {"channel_types": {"in_app_feed": False}})
    assert not (await sent(world, key))[0]


async def test_a_channel_beats_its_type(world: World) -> None:
    """The one channel that is on sends, although its type is off."""
    channel_id = await world.channel("in_app_feed", f"feed-{uuid4().hex[:6]}")
    rows = await world.make.rows("SELECT key FROM channels WHERE id = %s", channel_id)
    steps = [channel_step("own", channel_key=rows[0]["key"]), channel_step("other")]
    key = await published(world, *steps)
    said = {"channel_types": {"in_app_feed": False}, "channels": {str(channel_id): True}}
    run_id = await world.begin(key, ellie(default=said))
    await world.walk(run_id)
    assert [message["step_ref"] for message in await world.messages(run_id)] == ["own"]


async def test_a_2_a_workflow_may_override_preferences(world: World) -> None:
    """Then nothing is asked, and nothing is told."""
    key = await published(world, settings={"override_preferences": True})
    off = ellie(default={"channel_types": {"in_app_feed": False}})
    assert await sent(world, key, off) == (True, None)


@pytest.mark.parametrize(
    ("switches", "passes"),
    [
        ({"is_commercial": False}, True),
        ({"is_commercial": True}, False),
        ({"is_commercial": True, "override_preferences": True}, False),
    ],
)
async def test_who_has_unsubscribed_gets_nothing_commercial(
    world: World, switches: JsonObject, passes: bool
) -> None:
    """Also on behalf of a tenant that has defaults, and where preferences are overridden."""
    key = await published(world, settings=switches)
    acme = {"id": "acme", "settings": {"preference_set": {"commercial_subscribed": True}}}
    off = ellie(default={"commercial_subscribed": False})
    assert (await sent(world, key, off, tenant=acme))[0] is passes


async def test_an_operator_may_let_overrides_reach_everybody(world: World) -> None:
    """`CARILLON_OVERRIDE_UNSUBSCRIBED` is for those who know that they may."""
    settings = world.engine.settings.model_copy(update={"override_unsubscribed": True})
    world = world.with_engine(settings=settings)
    key = await published(world, settings={"is_commercial": True, "override_preferences": True})
    off = ellie(default={"commercial_subscribed": False})
    assert await sent(world, key, off) == (True, None)


@pytest.mark.parametrize(("muted", "passes"), [(["a"], False), (["b"], True)])
async def test_conditions_see_the_run(world: World, muted: list[str], passes: bool) -> None:
    """A recipient mutes single resources with conditions; the trace has what was compared."""
    key = await published(world)
    condition = {"variable": "recipient.muted", "operator": "not_contains", "argument": "data.id"}
    said = {**ellie(default={"workflows": {key: {"conditions": [condition]}}}), "muted": muted}
    was_sent, told = await sent(world, key, said, data={"id": "a"})
    assert was_sent is passes
    (line,) = told["preferences"]
    assert line["preference"] == f"workflows.{key}"
    assert line["conditions"][0]["argument_value"] == "a"


async def test_conditions_may_hold_liquid_that_looks_up(world: World) -> None:
    """They are judged as those of steps are."""
    key = await published(world)
    await world.trigger(key, {"id": "alan", "mood": "good"})
    argument = "{% assign alan = 'alan' | user %}{{ alan.mood }}"
    condition = {
        "variable": "data.mood",
        "operator": "equal_to",
        "argument": f"{argument}{{{{''}}}}",
    }
    said = ellie(default={"workflows": {key: {"conditions": [condition]}}})
    assert (await sent(world, key, said, data={"mood": "good"}))[0]
    assert not (await sent(world, key, said, data={"mood": "bad"}))[0]


async def test_a_recipients_broken_condition_fails_no_run(world: World) -> None:
    """It is against the message, and the story says why."""
    key = await published(world)
    condition = {"variable": "data.x", "operator": "equal_to", "argument": "{{ 1 | nope }}"}
    said = ellie(default={"workflows": {key: {"conditions": [condition]}}})
    run_id = await world.begin(key, said)
    assert (await world.walk(run_id)).status == "completed"
    story = await world.events(run_id)
    told = next(event for event in story if event["event"] == "preferences_evaluated")
    assert "nope" in told["data"]["preferences"][0]["error"]
    assert {event["status"] for event in story} == {"ok"}


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_after_a_batch_conditions_see_its_first_item(world: World, order: str) -> None:
    """Whatever is rendered, and the other items say (Knock docs: "Preference conditions")."""
    step = batch_step(batch_order=order, batch_items_render_limit=1)
    key = await published(world, step, channel_step("digest"))
    condition = {"variable": "data.n", "operator": "equal_to", "argument": "1"}
    said = ellie(default={"workflows": {key: {"conditions": [condition]}}})
    run_id = await world.begin(key, said, data={"n": 1})
    advanced = await world.walk(run_id)
    await world.walk(await world.begin(key, said, data={"n": 2}))
    await world.at(datetime.now(UTC) + timedelta(days=1)).walk(run_id, advanced.cursor)
    (message,) = await world.messages(run_id)
    assert message["data"] == {"n": 2}


async def test_objects_have_preferences_of_their_own(world: World) -> None:
    """An object that is notified is asked like a user."""
    key = await published(world)
    team = {
        "id": "red",
        "collection": "teams",
        "preferences": {"default": {"workflows": {key: False}}},
    }
    assert not (await sent(world, key, team))[0]


async def test_templates_see_what_counts(world: World) -> None:
    """`recipient.preferences` is the merged set, with what holds where nothing is said."""
    await set_defaults(world, {"channel_types": {"sms": False}})
    text = "{{ recipient.preferences.id }} {{ recipient.preferences.channel_types | json }}"
    key = await published(world, channel_step("feed", template={"markdown_body": f"`{text}`"}))
    run_id = await world.begin(key, ellie(default={"channel_types": {"email": False}}))
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    rendered = message["content"]["blocks"][0]["rendered"]
    assert "default" in rendered
    assert "&quot;sms&quot;:false" in rendered.replace(" ", "") or '"sms":false' in rendered
