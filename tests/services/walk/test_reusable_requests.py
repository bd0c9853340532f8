"""Fetch steps that send a reusable request: what it is given, which version is sent, its faults."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from domain.content.reusable_request import REUSABLE_REQUEST
from domain.content.variables import VariableRequest
from domain.kit.json_types import JsonObject
from services.content import variables
from services.content.drafts import archive_content
from tests.providers.servers import reply
from tests.support.fetching import Fetching, fetching_in
from tests.support.steps import fetch_step, reusable_request, shared_fetch_step, when
from tests.support.world import World

KEY = "find-user"
OK = reply(200, b'{"name": "Ada"}')
SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "default": 3},
        "id": {"type": "string"},
        "only": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["id"],
}


@pytest.fixture
async def fetching(world: World) -> AsyncIterator[Fetching]:
    """Serve on loopback, and let the engine call there; its clock stands still."""
    async with fetching_in(world) as started:
        yield started


def posting(**settings: Any) -> JsonObject:
    """Write a request that tells the server all of its inputs."""
    return reusable_request(method="post", body="{{ inputs | json }}", **settings)


async def given(
    fetching: Fetching, request: JsonObject, inputs: JsonObject, **data: Any
) -> JsonObject:
    """Return what the server was told that a request was given."""
    await fetching.publish_request(KEY, request)
    run_id, first = await fetching.send_step(OK, shared_fetch_step(KEY, **inputs), **data)
    done = await fetching.attempt(run_id, first)
    assert done.status == "completed"
    told: JsonObject = json.loads(fetching.server.seen[-1].body)
    return told


async def failed(fetching: Fetching, request: JsonObject, inputs: JsonObject, **data: Any) -> Any:
    """Return what the story says of a step that fails at once."""
    await fetching.publish_request(KEY, request)
    run_id, done = await fetching.send_step(OK, shared_fetch_step(KEY, **inputs), **data)
    assert done.status == "completed"
    assert (await fetching.world.story(run_id))[-2:] == ["step_failed", "run_halted"]
    assert fetching.server.seen == []
    return (await fetching.world.events(run_id))[-2]["data"]


async def test_the_request_is_sent_as_it_is_published(fetching: Fetching) -> None:
    """Its URL and headers see the inputs of the step beside what every template sees."""
    await fetching.publish_request(
        KEY,
        reusable_request(
            url="{{ data.url }}?id={{ inputs.id }}",
            headers={"x-who": "{{ recipient.name }} for {{ inputs.id }}"},
        ),
    )
    run_id, first = await fetching.send_step(OK, shared_fetch_step(KEY, id="u-{{ recipient.id }}"))
    done = await fetching.attempt(run_id, first)

    assert done.status == "completed"
    (seen,) = fetching.server.seen
    assert parse_qs(urlsplit(seen.target).query) == {"id": ["u-ellie"]}
    assert seen.headers["x-who"] == "Ellie for u-ellie"
    assert (await fetching.data(run_id))["name"] == "Ada"
    requested = (await fetching.world.events(run_id))[1]
    assert requested["event"] == "fetch_requested"
    assert requested["data"]["reusable_request"] == KEY


async def test_inputs_keep_their_types(fetching: Fetching) -> None:
    """What is one output becomes its value; text around it makes a text."""
    inputs = {
        "n": "{{ data.n }}",
        "list": ["{{ data.list }}", 2],
        "text": "{{ data.n }}!",
        "t": True,
    }
    told = await given(fetching, posting(), inputs, n=5, list=[1])
    assert told == {"n": 5, "list": [[1], 2], "text": "5!", "t": True}


async def test_inputs_become_what_the_schema_wants(fetching: Fetching) -> None:
    """A text that is a number, and a number that has to be a text; nothing takes its default."""
    inputs = {"count": "{{ data.count }}", "id": "{{ data.id }}", "only": "{{ data.only }}"}
    told = await given(
        fetching, posting(data_input_schema=SCHEMA), inputs, count="12", id=7, only=["a"]
    )
    assert told == {"count": 12, "id": "7", "only": ["a"]}

    told = await given(fetching, posting(data_input_schema=SCHEMA), inputs, id="x")
    assert told == {"count": 3, "id": "x"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, '"id" is a required property'),
        ({"id": "x", "count": "many"}, 'inputs.count: "many" is not of type "integer"'),
        ({"id": "x", "only": [1]}, 'inputs.only[0]: 1 is not of type "string"'),
    ],
)
async def test_inputs_that_the_schema_does_not_allow(
    fetching: Fetching, data: Any, text: str
) -> None:
    """Nothing is sent; the story names the request, the input and what is wrong."""
    inputs = {"count": "{{ data.count }}", "id": "{{ data.id }}", "only": "{{ data.only }}"}
    told = await failed(fetching, posting(data_input_schema=SCHEMA), inputs, **data)
    assert told["error"].startswith(f"reusable request {KEY!r}: ")
    assert text in told["error"]
    assert (told["reason"], told["reusable_request"]) == ("request", KEY)


async def test_a_secret_that_the_schema_refuses_is_blanked(fetching: Fetching) -> None:
    """What is said of an input is cut, and not so that half of a secret is left."""
    key = f"v_{uuid4().hex[:12]}"
    wanted = VariableRequest.model_validate({"type": "secret", "value": "s3cret-token"})
    await variables.put_variable(fetching.world.engine, key, wanted)
    inputs = {"id": "x", "count": "x" * 490 + f"{{{{ vars.{key} }}}}"}
    told = await failed(fetching, posting(data_input_schema=SCHEMA), inputs)
    assert "xxx" in told["error"]
    assert "s3c" not in told["error"]


async def test_a_request_that_cannot_be_sent_is_named(fetching: Fetching) -> None:
    """Whoever reads the story knows that the request is at fault, and not the step."""
    told = await failed(fetching, reusable_request(method="put", body="x"), {})
    assert told["error"].startswith(f"reusable request {KEY!r}: body: not JSON")


async def test_a_request_that_is_not_published(fetching: Fetching) -> None:
    """The step is tried again, since it may be published soon; then the run halts."""
    step = {**shared_fetch_step("nowhere"), "conditions": None}
    run_id, _ = await fetching.world.send_raw(step)
    retried = (await fetching.world.events(run_id))[-1]
    assert retried["event"] == "step_retrying"
    assert retried["data"]["error"] == "there is no published reusable request 'nowhere'"


async def test_what_is_published_when_the_run_comes_by(fetching: Fetching) -> None:
    """Updates reach runs that were triggered before them; a draft reaches none."""
    await fetching.publish_request(KEY, reusable_request(headers={"x-v": "1"}))
    await fetching.world.publish("flow", shared_fetch_step(KEY))
    fetching.server.replies["/x"] = OK
    run_id = await fetching.world.begin("flow", data={"url": f"{fetching.server.url}/x"})
    await fetching.publish_request(KEY, reusable_request(headers={"x-v": "2"}))
    await fetching.attempt(run_id, await fetching.world.walk(run_id))
    assert [seen.headers["x-v"] for seen in fetching.server.seen] == ["2"]


async def test_a_request_that_changes_while_it_is_under_way(fetching: Fetching) -> None:
    """The answer goes where the version that was sent says, after every attempt."""
    await fetching.publish_request(KEY, reusable_request(response_path="first"))
    run_id, first = await fetching.send_step(reply(500), shared_fetch_step(KEY))
    await fetching.publish_request(KEY, reusable_request(response_path="second"))
    second = await fetching.attempt(run_id, first)
    fetching.server.replies["/x"] = reply(200, b"[1]")
    done = await fetching.attempt(run_id, second)

    assert done.status == "completed"
    (row,) = await fetching.world.make.rows(
        "SELECT patch FROM run_patches WHERE recipient_run_id = %s", run_id
    )
    assert row["patch"] == {"first": [1]}


async def test_conditions_of_the_request(fetching: Fetching) -> None:
    """They are judged beside those of the step, and may ask for inputs."""
    document = {**posting(), "conditions": when("inputs.plan", "equal_to", "pro")}
    await fetching.publish_request(KEY, document)
    step = shared_fetch_step(KEY, plan="{{ data.plan }}")

    run_id, done = await fetching.send_step(OK, step, plan="free")
    assert done.status == "completed"
    judged, skipped = (await fetching.world.events(run_id))[1:3]
    assert (judged["event"], judged["data"]["passed"]) == ("step_conditions_evaluated", False)
    assert judged["data"]["reusable_request"] == KEY
    assert skipped["data"]["reason"] == "conditions not met"

    run_id, first = await fetching.send_step(OK, step, plan="pro")
    assert (await fetching.attempt(run_id, first)).status == "completed"
    assert len(fetching.server.seen) == 1


async def test_the_step_is_judged_before_its_inputs_are_rendered(fetching: Fetching) -> None:
    """A step that is not taken fails for nothing that its request would be given."""
    await fetching.publish_request(KEY, posting(data_input_schema=SCHEMA))
    step = {
        **shared_fetch_step(KEY, id="{{ data.nothing }}"),
        "conditions": when("data.url", "equal_to", "other"),
    }
    run_id, done = await fetching.send_step(OK, step)
    assert done.status == "completed"
    assert await fetching.world.reason(run_id) == "conditions not met"


async def test_only_its_own_step_sees_inputs(fetching: Fetching) -> None:
    """Templates of later steps do not see what a request was given."""
    await fetching.publish_request(KEY, posting())
    run_id, first = await fetching.send_step(
        OK, shared_fetch_step(KEY, a="x"), shared_fetch_step(KEY, "again", b="y")
    )
    again = await fetching.attempt(run_id, first)
    await fetching.attempt(run_id, again)
    assert [json.loads(seen.body) for seen in fetching.server.seen] == [{"a": "x"}, {"b": "y"}]


async def test_an_archived_request_is_still_sent(fetching: Fetching) -> None:
    """Runs of workflows that name it go on, as they do with other archived content."""
    await fetching.publish_request(KEY, posting())
    await fetching.world.publish("flow", shared_fetch_step(KEY, a="x"))
    async with fetching.world.engine.unit() as unit:
        await archive_content(unit, fetching.world.environment.scope, REUSABLE_REQUEST, KEY)
    fetching.server.replies["/x"] = OK
    run_id = await fetching.world.begin("flow", data={"url": f"{fetching.server.url}/x"})
    done = await fetching.attempt(run_id, await fetching.world.walk(run_id))
    assert done.status == "completed"
    assert len(fetching.server.seen) == 1


async def test_a_trigger_with_inputs_of_its_own(fetching: Fetching) -> None:
    """What a trigger calls `inputs` is read bare by steps with a request of their own."""
    step = fetch_step(headers={"x-a": "{{ inputs.a }}"})
    run_id, first = await fetching.send_step(OK, step, inputs={"a": "z"})
    await fetching.attempt(run_id, first)
    assert fetching.server.seen[0].headers["x-a"] == "z"
