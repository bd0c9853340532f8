"""The AI agent step within a run, against a server that speaks like the vendors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.agents.model_providers import ModelProviderRequest
from domain.contract.runs import Advanced, Fetch, SleepUntil
from domain.kit.json_types import JsonObject
from services.agents.model_providers import put_provider
from services.runs.fetches import make_attempt
from tests.providers.servers import HttpServer, reply, serving
from tests.support.steps import agent_step, feed_step, when
from tests.support.world import World

KEY = "sk-very-secret"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = '{"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}'
AS_JSON = {"response_type": "json", "response_schema": SCHEMA}
ASKED = {"anthropic": "/v1/messages", "openai": "/chat/completions"}


def claude(*content: JsonObject, stop: str = "end_turn") -> bytes:
    """Answer as Anthropic does."""
    body = {"type": "message", "role": "assistant", "content": list(content), "stop_reason": stop}
    return reply(200, json.dumps(body).encode())


def gpt(text: str | None, *, reason: str = "stop", refusal: str | None = None) -> bytes:
    """Answer as OpenAI does."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return reply(200, json.dumps({"choices": [choice]}).encode())


def said(text: str) -> JsonObject:
    """Write a block of text."""
    return {"type": "text", "text": text}


def responded(value: Any) -> JsonObject:
    """Write a call of the tool that takes the answer."""
    return {"type": "tool_use", "id": "t", "name": "respond", "input": value}


FINE = claude(responded({"mood": "fine"}), stop="tool_use")


@dataclass
class Asking:
    """A world whose models are asked on loopback."""

    world: World
    server: HttpServer

    async def ask(
        self, *answers: bytes, adapter: str = "anthropic", **settings: Any
    ) -> tuple[str, Advanced]:
        """Walk a run through a step, one attempt for each answer."""
        step = agent_step(**{"model": f"{adapter}:m-1", **settings})
        run_id, advanced = await self.world.send(step, feed_step("Hi"), data={"a": 1})
        for answer in answers:
            self.server.replies[ASKED[adapter]] = answer
            advanced = await self.attempt(run_id, advanced)
        return run_id, advanced

    async def attempt(self, run_id: str, advanced: Advanced) -> Advanced:
        """Make the attempt that a directive asks for, when it is due, and walk on."""
        if isinstance(advanced.next, SleepUntil):
            self.world = self.world.at(datetime.fromtimestamp(advanced.next.until, UTC))
            advanced = await self.world.walk(run_id, advanced.cursor)
        assert isinstance(advanced.next, Fetch), advanced
        await make_attempt(self.world.engine, advanced.next.attempt)
        return await self.world.walk(run_id, advanced.cursor)

    async def answer(self, run_id: str) -> Any:
        """Return what the run knows of the model's answer."""
        rows = await self.world.make.rows(
            "SELECT patch FROM run_patches WHERE recipient_run_id = %s", run_id
        )
        return rows[0]["patch"]["agent"] if rows else None

    def question(self) -> Any:
        """Return the last body that the server got."""
        return json.loads(self.server.seen[-1].body)


@pytest.fixture
async def asking(world: World) -> AsyncIterator[Asking]:
    """Serve both APIs on loopback; the clock stands still."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    async with serving(HttpServer({})) as server:
        open_world = world.with_parts(settings=settings).at(NOW)
        for adapter in ASKED:
            wanted = {"adapter": adapter, "base_url": server.url, "api_key": KEY}
            request = ModelProviderRequest.model_validate(wanted)
            await put_provider(open_world.engine, world.environment.scope, adapter, request)
        yield Asking(open_world, server)
        await open_world.engine.providers.close()


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [("anthropic", claude(said("Hi "), said("Ada"))), ("openai", gpt("Hi Ada"))],
)
async def test_text_is_found_under_the_ref(asking: Asking, adapter: str, answer: bytes) -> None:
    """The prompt is rendered, and `data.<ref>.text` is what the model said."""
    run_id, done = await asking.ask(answer, adapter=adapter)
    assert done.status == "completed"
    assert await asking.answer(run_id) == {"text": "Hi Ada"}
    assert asking.question()["messages"] == [{"role": "user", "content": "Greet Ellie"}]
    assert asking.question()["model"] == "m-1"
    assert await asking.world.story(run_id) == [
        "run_started",
        "agent_asked",
        "agent_answered",
        "message_enqueued",
        "run_completed",
    ]


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [
        ("anthropic", FINE),
        ("anthropic", claude(said('{"mood": "fine"}'))),
        ("openai", gpt('{"mood": "fine"}')),
    ],
)
async def test_json_is_found_under_the_ref(asking: Asking, adapter: str, answer: bytes) -> None:
    """A JSON answer that keeps its schema is the value of `data.<ref>`."""
    run_id, done = await asking.ask(answer, adapter=adapter, **AS_JSON)
    assert done.status == "completed"
    assert await asking.answer(run_id) == {"mood": "fine"}
    assert json.dumps(json.loads(SCHEMA)) in json.dumps(asking.question())


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (claude(responded({"mood": 1}), stop="tool_use"), "does not match its schema: mood"),
        (claude(responded({}), stop="tool_use"), "does not match its schema"),
        (claude(responded([1]), stop="tool_use"), "does not match its schema"),
        (claude(said("fine")), "not JSON"),
        (claude(said("x"), stop="max_tokens"), "cut off"),
        (claude(), "no text"),
        (reply(200, b"[]"), "no text"),
        (reply(200, b"oops"), "no text"),
        (reply(200, b'{"content": [{"type": "text", "text": 5}, 7]}'), "no text"),
        (reply(529, b"{}"), "answered 529"),
        (reply(429, b"{}"), "answered 429"),
    ],
)
async def test_what_is_malformed_is_asked_again(asking: Asking, bad: bytes, error: str) -> None:
    """A second attempt may be better; the story tells why it was made."""
    run_id, done = await asking.ask(bad, FINE, **AS_JSON)
    assert done.status == "completed"
    assert await asking.answer(run_id) == {"mood": "fine"}
    (failed,) = [row for row in await asking.world.events(run_id) if "error" in row["data"]]
    assert failed["status"] == "error"
    assert error in failed["data"]["error"]


@pytest.mark.parametrize("bad", [gpt("x", reason="length"), gpt(""), reply(200, b'{"choices": 1}')])
async def test_openai_answers_that_are_asked_again(asking: Asking, bad: bytes) -> None:
    """What was cut off, or says nothing, is no answer."""
    run_id, _ = await asking.ask(bad, gpt("Hi"), adapter="openai")
    assert await asking.answer(run_id) == {"text": "Hi"}


async def test_four_attempts_are_made(asking: Asking) -> None:
    """Three retries, then the step fails and the run halts."""
    bad = reply(500)
    run_id, done = await asking.ask(bad, bad, bad, bad)
    assert done.status == "completed"
    assert len(asking.server.seen) == 4
    assert (await asking.world.story(run_id))[-2:] == ["step_failed", "run_halted"]


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [
        ("anthropic", claude(stop="refusal")),
        ("openai", gpt(None, refusal="I will not")),
        ("openai", gpt("", reason="content_filter")),
        ("anthropic", reply(401, b"{}")),
        ("openai", reply(404, b"{}")),
    ],
)
@pytest.mark.parametrize("halts", [True, None])
async def test_a_refusal_is_not_asked_again(
    asking: Asking, adapter: str, answer: bytes, halts: bool | None
) -> None:
    """A model that will not answer, and a request that is wrong, end it; the run halts."""
    run_id, done = await asking.ask(answer, adapter=adapter, halt_on_error=halts)
    assert done.status == "completed"
    assert (await asking.world.story(run_id))[-2:] == ["step_failed", "run_halted"]
    assert await asking.world.messages(run_id) == []


async def test_a_run_may_go_on_without_an_answer(asking: Asking) -> None:
    """With `halt_on_error` false the next step is taken, and the failure counts."""
    run_id, done = await asking.ask(claude(stop="refusal"), halt_on_error=False)
    assert done.status == "completed"
    assert await asking.answer(run_id) is None
    assert len(await asking.world.messages(run_id)) == 1
    (failed,) = [row for row in await asking.world.events(run_id) if row["event"] == "agent_failed"]
    assert failed["data"] == {"error": "The model refused to answer."}
    assert failed["status"] == "error"


@pytest.mark.parametrize("prompt", ["{% if %}", "  {{ data.gone }} "])
async def test_a_broken_prompt(asking: Asking, prompt: str) -> None:
    """Nothing is asked; the run goes on or halts as the step says."""
    step = agent_step(request_prompt=prompt, halt_on_error=False)
    run_id, done = await asking.world.send_raw(step, feed_step(), data={"a": 1})
    assert done.status == "completed"
    assert len(await asking.world.messages(run_id)) == 1
    halting = agent_step(request_prompt=prompt)
    run_id, _ = await asking.world.send_raw(halting, feed_step(), data={"a": 1})
    assert await asking.world.messages(run_id) == []
    assert asking.server.seen == []


async def test_web_search_is_anthropics_only(asking: Asking) -> None:
    """Claude is given the tool; another adapter fails the step and asks nobody."""
    await asking.ask(claude(said("found")), web_search_enabled=True)
    assert asking.question()["tools"][0]["name"] == "web_search"
    asking.server.seen.clear()
    run_id, _ = await asking.ask(b"", adapter="openai", web_search_enabled=True)
    assert asking.server.seen == []
    assert (await asking.world.story(run_id))[-2:] == ["step_failed", "run_halted"]


async def test_with_web_search_the_tool_is_asked_for_in_words(asking: Asking) -> None:
    """To force the tool that takes the answer would keep the model from searching."""
    run_id, _ = await asking.ask(FINE, web_search_enabled=True, **AS_JSON)
    assert await asking.answer(run_id) == {"mood": "fine"}
    assert "tool_choice" not in asking.question()
    assert "respond" in asking.question()["system"]


async def test_a_model_that_pauses_is_asked_to_go_on(asking: Asking) -> None:
    """What it said so far goes back with the next request, within one attempt, but not for ever."""
    _, advanced = await asking.ask(claude(said("so far"), stop="pause_turn"))
    assert isinstance(advanced.next, SleepUntil)
    assert len(asking.server.seen) == 5
    turns = asking.question()["messages"][1:]
    assert turns == [{"role": "assistant", "content": [said("so far")]}] * 4


async def test_a_provider_that_is_not_configured(asking: Asking) -> None:
    """Without settings nobody is asked, and the step says so."""
    run_id, advanced = await asking.world.send(agent_step(model="ollama:llama"), feed_step())
    done = await asking.attempt(run_id, advanced)
    assert done.status == "completed"
    (failed,) = [row for row in await asking.world.events(run_id) if row["event"] == "step_failed"]
    assert "'ollama' is not configured" in failed["data"]["error"]
    assert asking.server.seen == []


async def test_the_key_is_in_no_row(asking: Asking) -> None:
    """Events show prompt and answer, and the key nowhere, even when a server repeats it."""
    run_id, _ = await asking.ask(claude(said(f"your key is {KEY}")))
    told = json.dumps([row["data"] for row in await asking.world.events(run_id)])
    assert "Greet Ellie" in told
    assert KEY not in told
    rows = await asking.world.make.rows("SELECT sealed FROM model_providers")
    assert all(KEY.encode() not in bytes(row["sealed"]) for row in rows)
    assert asking.server.seen[-1].headers["x-api-key"] == KEY


async def test_a_new_key_counts_for_the_next_attempt(asking: Asking) -> None:
    """A run that waits for another attempt uses the key that is set by then."""
    run_id, advanced = await asking.ask(reply(500))
    wanted = {"adapter": "anthropic", "base_url": asking.server.url, "api_key": "sk-other"}
    request = ModelProviderRequest.model_validate(wanted)
    world = asking.world
    await put_provider(world.engine, world.environment.scope, "anthropic", request)
    await asking.attempt(run_id, advanced)
    assert asking.server.seen[-1].headers["x-api-key"] == "sk-other"


async def test_conditions_of_the_step(asking: Asking) -> None:
    """When they do not hold nobody is asked."""
    step = {**agent_step(), "conditions": when("data.a", "equal_to", "2")}
    run_id, done = await asking.world.send(step, feed_step(), data={"a": 1})
    assert done.status == "completed"
    assert await asking.world.reason(run_id) == "conditions not met"
