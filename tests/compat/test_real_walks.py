"""The walks of the round trip: real ones, with answers from nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from domain.agents.model_providers import ModelProviderRequest
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from services.agents.model_providers import put_provider
from tests.compat.made_up import made_of
from tests.compat.real_walks import RealWalks, Walked
from tests.compat.stand_in import MODELS, Answers, StandIn, answer_for
from tests.support.steps import (
    agent_step,
    batch_step,
    delay_step,
    email_step,
    feed_step,
    fetch_step,
    message_event,
    wait_step,
    when,
    workflow,
)
from tests.support.world import World

ADA = {"id": "ada", "name": "Ada", "email": "ada@example.com"}
URL = "https://shop.invalid/orders"
SCHEMA = '{"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}'
OWN = when("event.step_ref", "equal_to", "feed_1")
AS_JSON = {"response_type": "json", "response_schema": SCHEMA}


@dataclass
class Walking:
    """A world that reaches nobody."""

    world: World
    stand_in: StandIn

    async def walk(self, *steps: JsonObject, data: Any = None, **content: Any) -> Walked:
        """Publish a workflow of steps, and walk it."""
        await self.world.publish("flow", *steps, **content)
        walks = RealWalks(self.world, self.stand_in, data or {})
        return await walks.walk("flow", workflow("flow", *steps, **content), ADA)

    async def bodies(self) -> list[str]:
        """Return what the feed items of all runs say."""
        rows = await self.world.make.rows(
            "SELECT content FROM messages WHERE environment_id = %s"
            " AND channel_type = 'in_app_feed' ORDER BY id",
            self.world.environment.id,
        )
        return [row["content"]["blocks"][0]["rendered"] for row in rows]


@pytest.fixture
def answers() -> Answers:
    """Return what is given: nothing, unless a test says otherwise."""
    return {}


@pytest.fixture
async def walking(world: World, answers: Answers) -> AsyncIterator[Walking]:
    """Let a world ask the stand-in instead of servers and models."""
    stand_in = StandIn(world.engine.settings, answers)
    for name in ("anthropic", "openai"):
        wanted = ModelProviderRequest(**MODELS)
        await put_provider(world.engine, world.environment.scope, name, wanted)
    yield Walking(world.with_engine(providers=stand_in), stand_in)
    await stand_in.close()


async def test_whatever_waits_and_asks_is_walked_to_its_end(walking: Walking) -> None:
    """Delays, batches, waits for events, fetches and questions; every message is made and sent."""
    walked = await walking.walk(
        delay_step(seconds=86_400),
        fetch_step(url=URL),
        agent_step(model="openai:gpt", **AS_JSON),
        agent_step("words", model="anthropic:claude", web_search_enabled=True),
        batch_step(),
        wait_step(message_event("read", "flow"), OWN, on_timeout="continue"),
        feed_step("{{ data.order.state }}, {{ data.agent.mood }}, {{ data.words.text }}"),
        email_step(),
    )
    assert walked == Walked(runs=1, messages=2, requests=3)
    assert "state, mood, An answer." in (await walking.bodies())[0]
    statuses = await walking.world.make.rows(
        "SELECT delivery_status FROM messages WHERE environment_id = %s",
        walking.world.environment.id,
    )
    assert {row["delivery_status"] for row in statuses} <= {"sent", "delivered"}


@pytest.mark.parametrize(
    "answers", [{"flow": {"fetch": {"state": "baked"}, "agent": {"mood": "fine"}}}], ids=["given"]
)
async def test_given_answers_count(walking: Walking) -> None:
    """By the key of the workflow and the ref of the step."""
    await walking.walk(
        fetch_step(url=URL),
        agent_step(**AS_JSON),
        feed_step("{{ data.state }} and {{ data.agent.mood }}"),
    )
    assert "baked and fine" in (await walking.bodies())[0]


@pytest.mark.parametrize("answers", [{"flow": {"fetch": "no object"}}], ids=["given"])
async def test_what_goes_wrong_is_told(walking: Walking) -> None:
    """With the step, and the words of its event."""
    walked = await walking.walk(fetch_step(url=URL), feed_step())
    assert walked.messages == 0
    assert any("fetch: step_failed" in each for each in walked.problems), walked.problems


async def test_the_data_that_a_schema_asks_for_is_made(walking: Walking) -> None:
    """Beside what is given, which may still be refused."""
    schema = {
        "type": "object",
        "properties": {"place": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
        "required": ["place", "url"],
    }
    step = feed_step("{{ data.place }} [there]({{ data.url }})")
    content = {"trigger_data_json_schema": schema}
    await walking.walk(step, data={"place": "Oven"}, **content)
    assert 'Oven <a href="https://example.com/url"' in (await walking.bodies())[0]
    with pytest.raises(InvalidParams):
        await walking.walk(step, data={"place": 1}, **content)


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (workflow("w", fetch_step(), feed_step("no data")), {"url": "url"}),
        (
            workflow("w", fetch_step(url=URL), feed_step("{{ data.a.b }}{{ data.a }}{{ data.c }}")),
            {"a": {"b": "b"}, "c": "c"},
        ),
        (
            workflow("w", fetch_step(url=URL, response_path="a.b"), feed_step("{{ data.a.b.c }}")),
            {"c": "c"},
        ),
        (workflow("w", fetch_step(url=URL, response_path="a"), feed_step()), None),
        (
            workflow(
                "w",
                fetch_step(url=URL),
                agent_step("said"),
                fetch_step("other", url=URL, response_path="shop.order"),
                feed_step("{{ data.said.text }}{{ data.shop.order.id }}{{ data.given }}"),
                trigger_data_json_schema={"properties": {"given": {"type": "string"}}},
            ),
            {},
        ),
    ],
    ids=["in-the-request", "at-the-top", "at-a-path", "nothing", "what-others-bring"],
)
def test_a_server_answers_what_is_read(document: JsonObject, answer: JsonValue) -> None:
    """And nothing that another step, or the trigger, brings."""
    assert answer_for(document, "fetch") == answer


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "text"),
        ({"const": 3}, 3),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": ["null", "string"]}, None),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"properties": {"sum": {"type": "number"}, "n": {}}}, {"sum": 1, "n": "n"}),
        ({"anyOf": [{"type": "string", "format": "email"}, {}]}, "ada@example.com"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_values_are_made_of_schemas(schema: JsonValue, value: JsonValue) -> None:
    """Of the words that schemas mostly use."""
    assert made_of(schema) == value
