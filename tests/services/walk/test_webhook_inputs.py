"""What steps give to a webhook channel, whose request reads it as `inputs`."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from tests.support.steps import channel_step
from tests.support.world import World

SCHEMA = {
    "type": "object",
    "properties": {
        "event_type": {"type": "string"},
        "priority": {"type": "integer", "default": 3},
    },
    "required": ["event_type"],
    "additionalProperties": False,
}
REQUEST = {"url": "https://x.example/{{ inputs.event_type }}", "body": "{{ inputs | json }}"}


async def hook(world: World, **settings: Any) -> str:
    """Make a webhook channel with a request of its own, and return its key."""
    key = f"hook-{uuid4().hex[:6]}"
    own = {**REQUEST, "input_schema": SCHEMA, **settings}
    await world.channel("http", key, channel_settings=own)
    return key


def step(key: str, inputs: Any = None, **changes: Any) -> JsonObject:
    """Write a webhook step that sends the request of its channel."""
    given = {"channel_key": key, "template": {}, "inputs": inputs, **changes}
    return channel_step("hook", "http", **given)


async def sent(world: World, *steps: JsonObject, **body: Any) -> JsonObject:
    """Return the request that a run has made."""
    run_id, _ = await world.send(*steps, **body)
    (message,) = await world.messages(run_id)
    content: JsonObject = message["content"]
    return content


async def test_a_request_sees_what_its_step_gives(world: World) -> None:
    """Values keep their types, see what the step sees, and default as the schema says."""
    inputs = {"event_type": "{{ data.kind }}.{{ recipient.id }}", "priority": "{{ data.n }}"}
    written = step(await hook(world), inputs)
    content = await sent(world, written, data={"kind": "made", "n": "7"})
    assert content["url"] == "https://x.example/made.ellie"
    assert json.loads(content["body"]) == {"event_type": "made.ellie", "priority": 7}
    content = await sent(world, written, data={"kind": "made"})
    assert json.loads(content["body"])["priority"] == 3


async def test_a_request_of_the_step_sees_them_too(world: World) -> None:
    """The schema stays the channel's when the request is the step's own."""
    template = {"method": "post", "url": "https://own.example/{{ inputs.priority }}"}
    written = step(await hook(world), {"event_type": "x"}, template=template)
    assert (await sent(world, written))["url"] == "https://own.example/3"


async def test_a_channel_without_a_schema_takes_anything(world: World) -> None:
    """Nothing is said of its inputs, so nothing is held against them."""
    written = step(await hook(world, input_schema=None), {"event_type": "x", "more": [1]})
    assert json.loads((await sent(world, written))["body"]) == {"event_type": "x", "more": [1]}


async def test_a_channel_may_change_its_schema(world: World) -> None:
    """What it takes now counts, and not what it took before."""
    key = await hook(world)
    written = step(key, {"event_type": "{{ data.kind }}"})
    assert (await sent(world, written, data={"kind": "a"}))["url"] == "https://x.example/a"
    await world.make.rows(
        "UPDATE channel_environments s SET channel_settings = jsonb_set(s.channel_settings,"
        """ '{input_schema,properties,event_type}', '{"type": "string", "const": "b"}')"""
        " FROM channels c WHERE c.id = s.channel_id AND c.key = %s AND s.environment_id = %s"
        " RETURNING 1",
        *(key, world.environment.id),
    )
    run_id, _ = await world.send(written, data={"kind": "a"})
    assert await world.messages(run_id) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"kind": None}, '"event_type" is a required property'),
        ({"kind": {"a": 1}}, "inputs.event_type: "),
    ],
)
async def test_inputs_that_fail_fail_the_sending_alone(
    world: World, kind: JsonObject, said: str
) -> None:
    """No message is made, the story says why as an error, and the run goes on."""
    written = step(await hook(world), {"event_type": "{{ data.kind }}"})
    run_id, advanced = await world.send(written, channel_step("feed"), data=kind)
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["feed"]
    assert advanced.status == "completed"
    assert await world.reason(run_id) == "its inputs are not valid"
    (told,) = [row for row in await world.events(run_id) if row["event"] == "step_skipped"]
    assert told["status"] == "error"
    assert said in told["data"]["error"]


async def test_broken_liquid_fails_the_sending_alone(world: World) -> None:
    """A template that cannot be rendered is named."""
    written = step(await hook(world), {"event_type": "{{ data.n | compare_versions: data.x }}"})
    run_id, _ = await world.send(written, data={"n": 1, "x": "x"})
    (told,) = [row for row in await world.events(run_id) if row["event"] == "step_skipped"]
    assert "inputs.event_type" in told["data"]["error"]


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ({}, ["steps[0].inputs.event_type"]),
        ({"event_type": 1}, []),
        ({"event_type": "x", "priority": "high"}, ["steps[0].inputs.priority"]),
        ({"event_type": "x", "priority": "{{ data.p }}"}, []),
        ({"event_type": ["x"], "other": 1}, ["steps[0].inputs", "steps[0].inputs.event_type"]),
        ({"event_type": "{{ broken"}, ["steps[0].inputs.event_type"]),
        ("text", ["steps[0].inputs", "steps[0].inputs.event_type"]),
    ],
)
async def test_inputs_are_judged_when_they_are_saved(
    world: World, inputs: Any, wrong: list[str]
) -> None:
    """By the schema of the channel here; values that hold Liquid are known in a run only."""
    written = step(await hook(world), inputs)
    if not wrong:
        await world.publish("flow", written)
        return
    with pytest.raises(InvalidParams) as refused:
        await world.publish("flow", written)
    assert sorted(error.field for error in refused.value.errors) == wrong


async def test_a_group_takes_no_inputs(world: World) -> None:
    """Its channels may each want others (Knock docs: "Webhook channels")."""
    key = await hook(world)
    await world.group("hooks", "http", {"channel_key": key})
    written = step("", {"event_type": "x"}, channel_group_key="hooks")
    del written["channel_key"]
    with pytest.raises(InvalidParams) as refused:
        await world.publish("flow", written)
    assert [error.field for error in refused.value.errors] == ["steps[0].inputs"]
    assert (await sent(world, {**written, "inputs": None}))["url"] == "https://x.example/"
