"""Whatever a template, a condition or data holds, the run ends with a story that says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.contract.runs import Finished
from domain.kit.json_types import JsonObject
from tests.support.world import World, channel_step, when

NUL = "{{ data.nul | base64_decode }}"
NUL_OF_URL = "{{ data.percent | url_decode }}"
HALF = "{{ data.half | from_json }}"
DATA: JsonObject = {
    "nul": "AA==",
    "percent": "a%00b",
    "half": '"\\ud83d"',
    "nan": "NaN",
    "huge": "1e999",
    "infinity": "Infinity",
    "deep": "[" * 5_000 + "]" * 5_000,
    "digits": "9" * 10_000,
}
MAIL = {"subject": "Hi", "html_body": "<p>Hi</p>", "settings": {"layout_key": None}}
PUSH = {"title": "x", "text_body": "x"}
HTTP = {"method": "post", "url": "https://example.com/", "body": "{}"}

TEMPLATES: dict[str, tuple[str, JsonObject]] = {
    "in-app surrogate": ("in_app_feed", {"markdown_body": HALF}),
    "in-app nul": ("in_app_feed", {"markdown_body": NUL}),
    "in-app action nul": ("in_app_feed", {"markdown_body": "x", "action_url": f"/{NUL}"}),
    "mail html nul": ("email", {**MAIL, "html_body": NUL}),
    "mail html nul of url": ("email", {**MAIL, "html_body": NUL_OF_URL}),
    "mail html surrogate": ("email", {**MAIL, "html_body": HALF}),
    "mail subject surrogate": ("email", {**MAIL, "subject": HALF}),
    "mail subject nul": ("email", {**MAIL, "subject": NUL}),
    "sms nul": ("sms", {"text_body": NUL}),
    "sms surrogate": ("sms", {"text_body": HALF}),
    "push nul": ("push", {"title": NUL, "text_body": "x"}),
    "push nan": ("push", PUSH),
    "chat nul": ("chat", {"markdown_body": NUL}),
    "chat infinity": ("chat", {"markdown_body": "x", "json_body": '{"a": {{ data.infinity }}}'}),
    "chat deep": ("chat", {"markdown_body": "x", "json_body": '{"a": {{ data.deep }}}'}),
    "chat digits": ("chat", {"markdown_body": "x", "json_body": '{"a": {{ data.digits }}}'}),
    "webhook body nul": ("http", {**HTTP, "body": NUL}),
    "webhook body surrogate": ("http", {**HTTP, "body": HALF}),
    "webhook url nul": ("http", {**HTTP, "url": f"https://example.com/{NUL}"}),
    "webhook header surrogate": ("http", {**HTTP, "headers": [{"key": "a", "value": HALF}]}),
}
for _name in ("nan", "huge"):
    overrides = {"payload_overrides": f'{{"badge": {{{{ data.{_name} }}}}}}'}
    TEMPLATES[f"push {_name}"] = ("push", {**PUSH, "settings": overrides})


async def _reach(world: World) -> JsonObject:
    """Configure the channels that the world lacks, and return a recipient whom all reach."""
    reached = [await world.channel(name) for name in ("push", "chat")]
    for name in ("sms", "http"):
        await world.channel(name)
    return {
        "id": "ellie",
        "name": "Ellie",
        "email": "ellie@example.com",
        "phone_number": "+491234567",
        "channel_data": {
            str(channel): {"tokens": ["t"], "connections": [{"channel_id": "C"}]}
            for channel in reached
        },
    }


async def _walk_to_the_end(world: World, run_id: str) -> None:
    """Take every attempt without waiting for it; a run has an end, whatever it holds."""
    cursor = ""
    for _ in range(6):
        advanced = await world.walk_once(run_id, cursor)
        if advanced.next == Finished():
            return
        cursor = advanced.cursor
    pytest.fail("the run does not end")


async def _ends_well(world: World, run_id: str, ref: str) -> None:
    """Check that a step made its message, or failed with an event that names it."""
    await _walk_to_the_end(world, run_id)
    assert (await world.run(run_id))["status"] == "completed"
    messages = await world.messages(run_id)
    failed = [row for row in await world.events(run_id) if row["event"] == "step_failed"]
    assert len(messages) + len(failed) == 1
    for event in failed:
        assert (event["step_ref"], event["step_type"]) == (ref, "channel")
        assert event["data"]["reason"] == "template"
        assert event["data"]["error"]
        assert (await world.run(run_id))["error_count"] == 4
    for message in messages:
        json.dumps(message["content"], allow_nan=False).encode()


@pytest.mark.parametrize("name", TEMPLATES)
async def test_poisonous_templates(world: World, name: str) -> None:
    """A message is made without what cannot be stored, or its step fails; nothing sticks."""
    channel_type, template = TEMPLATES[name]
    ellie = await _reach(world)
    step = channel_step("poison", channel_type, template=template)
    await world.publish("flow", step)
    run_id = await world.begin("flow", ellie, data=DATA)
    await _ends_well(world, run_id, "poison")


@pytest.mark.parametrize("headers", [{"Authorization": "x"}, "a: b", 5, [1], [{"key": 1}]])
async def test_odd_headers_of_a_channel(world: World, headers: Any) -> None:
    """A webhook channel whose own request has headers of another shape fails its step."""
    ellie = await _reach(world)
    await world.channel(
        "http", "odd-headers", channel_settings={"url": "https://example.com", "headers": headers}
    )
    await world.publish(
        "flow", channel_step("hook", "http", channel_key="odd-headers", template={})
    )
    run_id = await world.begin("flow", ellie)
    await _ends_well(world, run_id, "hook")


@pytest.mark.parametrize("argument", [NUL, HALF])
async def test_poisonous_conditions_of_a_step(world: World, argument: str) -> None:
    """What a condition is compared with is cleaned where it enters the story."""
    conditions = when("data.nan", "equal_to", argument)
    await world.publish("flow", channel_step("feed", conditions=conditions))
    run_id = await world.begin("flow", data=DATA)
    await _walk_to_the_end(world, run_id)
    assert "step_conditions_evaluated" in await world.story(run_id)
    assert await world.messages(run_id) == []


@pytest.mark.parametrize("argument", [NUL, HALF])
async def test_poisonous_conditions_of_a_workflow(world: World, argument: str) -> None:
    """The workflow's own conditions end the run as they are judged."""
    conditions = when("data.nan", "equal_to", argument)
    await world.publish("flow", channel_step("feed"), conditions=conditions)
    run_id = await world.begin("flow", data=DATA)
    await _walk_to_the_end(world, run_id)
    assert await world.reason(run_id, "run_completed") == "trigger_conditions_not_met"
