"""The fetch step within a run: attempts, waits, the answer in the data, and the story."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contract.runs import Advanced, Fetch
from services.jobs.expired import forget_expired
from services.runs.fetches import MOST_ANSWER_BYTES, make_attempt
from services.triggers.moved_waits import move_wait
from tests.providers.servers import HttpServer, reply
from tests.support.fetching import NOW, Fetching, fetching_in
from tests.support.interruptions import InterruptedDatabase
from tests.support.steps import fetch_step, when
from tests.support.waiting import until
from tests.support.world import World, channel_step, sleep_of

OK = reply(200, b'{"name": "Ada", "page": {"id": 7}}')


@pytest.fixture
async def fetching(world: World) -> AsyncIterator[Fetching]:
    """Serve on loopback, and let the engine call there; its clock stands still."""
    async with fetching_in(world) as started:
        yield started


async def test_the_answer_joins_the_data(fetching: Fetching) -> None:
    """Later steps see the members of the answer at the top of the data; the row is gone."""
    run_id, done = await fetching.fetch(OK)
    assert done.status == "completed"
    assert await fetching.world.story(run_id) == [
        "run_started",
        "fetch_requested",
        "fetch_responded",
        "message_enqueued",
        "run_completed",
    ]
    assert (await fetching.data(run_id))["name"] == "Ada"
    assert await _rows(fetching, run_id) == []


async def test_the_run_is_paused_meanwhile(fetching: Fetching) -> None:
    """A run that waits for an answer is paused, and its history is told ids only."""
    run_id, advanced = await fetching.send(OK)
    assert (await fetching.world.run(run_id))["status"] == "paused"
    assert fetching.server.url not in str(advanced)
    assert (await _rows(fetching, run_id))[0]["request"].find(b"http") < 0


async def test_response_path(fetching: Fetching) -> None:
    """With a path the answer stands there, and may be any JSON."""
    run_id, done = await fetching.fetch(reply(200, b"[1, 2]"), response_path="found.items")
    assert done.status == "completed"
    (row,) = await fetching.world.make.rows(
        "SELECT patch FROM run_patches WHERE recipient_run_id = %s", run_id
    )
    assert row["patch"] == {"found": {"items": [1, 2]}}


@pytest.mark.parametrize("answer", [reply(204), reply(200), reply(201, b"{}")])
async def test_a_5_empty_answers_change_nothing(fetching: Fetching, answer: bytes) -> None:
    """A.5: 204 is a success, and the data stays."""
    run_id, done = await fetching.fetch(answer)
    assert done.status == "completed"
    assert set(await fetching.data(run_id)) == {"url"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404), "The server answered 404."),
        (reply(202, b"{}"), "The server answered 202."),
        (reply(302, location="/y"), "The server answered 302."),
        (reply(429), "The server answered 429."),
        (reply(200, b"[1]"), "The answer is not a JSON object."),
        (reply(200, b"hello"), "The answer is not JSON."),
        (reply(200, b'{"x": NaN}'), "The answer is not JSON."),
        (
            reply(200, b'{"x": "' + b"y" * MOST_ANSWER_BYTES + b'"}'),
            "The answer is longer than 1 MB.",
        ),
    ],
)
async def test_a_5_what_fails_at_once(fetching: Fetching, answer: bytes, error: str) -> None:
    """A.5: other codes and answers halt the run after the first attempt."""
    run_id, done = await fetching.fetch(answer)
    assert done.status == "completed"
    assert await fetching.world.story(run_id) == [
        "run_started",
        "fetch_requested",
        "fetch_responded",
        "step_failed",
        "run_halted",
    ]
    failed = (await fetching.world.events(run_id))[3]
    assert failed["data"] == {"reason": "request", "error": error}
    assert await fetching.world.messages(run_id) == []
    assert await _rows(fetching, run_id) == []


async def test_a_5_500_500_200(fetching: Fetching) -> None:
    """A.5: attempts after 30 and 60 seconds; the third one succeeds, and the run goes on."""
    run_id, second = await fetching.fetch(reply(500))
    assert _seconds(second) == 30
    third = await fetching.attempt(run_id, second)
    assert _seconds(third) == 90
    fetching.server.replies["/x"] = OK
    done = await fetching.attempt(run_id, third)
    assert done.status == "completed"
    assert (await fetching.data(run_id))["name"] == "Ada"
    assert (await fetching.world.run(run_id))["error_count"] == 2
    keys = {seen.headers["idempotency-key"] for seen in fetching.server.seen}
    assert (len(fetching.server.seen), len(keys)) == (3, 1)


async def test_an_attempt_is_made_when_its_sleep_is_over(fetching: Fetching) -> None:
    """Where Temporal's clock is ahead of ours, nobody sleeps again for what is over."""
    run_id, second = await fetching.fetch(reply(500))
    early = datetime.fromtimestamp(sleep_of(second).until - 3, UTC)
    advanced = await fetching.world.at(early).walk(run_id, second.cursor)
    assert isinstance(advanced.next, Fetch)


async def test_an_attempt_that_was_moved_is_slept_for_once(fetching: Fetching) -> None:
    """An operator's word has a run sleep until the new instant; it is over when that sleep ends."""
    run_id, second = await fetching.fetch(reply(500))
    later, scope = NOW + timedelta(hours=1), fetching.world.environment.scope
    await move_wait(fetching.world.engine, scope, UUID(run_id), later)
    asleep = await fetching.world.walk(run_id, second.cursor)
    assert sleep_of(asleep).until == later.timestamp()
    early = await fetching.world.at(later - timedelta(seconds=3)).walk(run_id, asleep.cursor)
    assert isinstance(early.next, Fetch)


async def test_a_5_500_three_times(fetching: Fetching) -> None:
    """A.5: the third failure halts the run."""
    run_id, advanced = await fetching.fetch(reply(503))
    for _ in range(2):
        advanced = await fetching.attempt(run_id, advanced)
    assert advanced.status == "completed"
    assert await fetching.world.reason(run_id, "run_halted") == "step_failed"
    assert len(fetching.server.seen) == 3
    attempts = [
        event["attempt"]
        for event in await fetching.world.events(run_id)
        if event["event"] == "fetch_responded"
    ]
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 X\r\ncontent-length: 90\r\n\r\n{"], ids=["none", "broken off"]
)
async def test_no_whole_answer(fetching: Fetching, answer: bytes) -> None:
    """A connection that breaks before the whole answer has come is tried again."""
    _, second = await fetching.fetch(answer)
    assert _seconds(second) == 30


async def test_a_5_a_slow_server(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A.5: an answer that is not complete in time is tried again."""
    monkeypatch.setattr("services.runs.fetches.FETCH_SECONDS", 0.2)
    fetching.server.delay = 1.0
    run_id, second = await fetching.fetch(OK)
    assert _seconds(second) == 30
    assert (await fetching.world.story(run_id))[2] == "fetch_unanswered"


async def test_private_addresses(world: World) -> None:
    """An address that may not be called fails the step at once."""
    step = fetch_step(url="https://127.0.0.1/x")
    run_id, advanced = await world.send(step)
    done = await Fetching(world, HttpServer({})).attempt(run_id, advanced)
    assert done.status == "completed"
    assert (await world.story(run_id))[-3:] == ["fetch_unanswered", "step_failed", "run_halted"]
    await world.engine.providers.close()


async def test_the_request_as_it_was_written(fetching: Fetching) -> None:
    """Method, headers, parameters and body are rendered, and the body is signed."""
    await fetching.fetch(
        OK,
        method="post",
        headers=[{"key": "X-Who", "value": "{{ recipient.name }}"}],
        query_params='{"a": {{ data.url | size | json }}}',
        body='{"to": {{ recipient.id | json }}}',
        signing_key="a-signing-key",
    )
    (seen,) = fetching.server.seen
    assert (seen.method, json.loads(seen.body)) == ("POST", {"to": "ellie"})
    assert seen.headers["x-who"] == "Ellie"
    assert seen.headers["content-type"] == "application/json"
    assert seen.target.startswith("/x?a=")
    stamp, signature = seen.headers["x-knock-signature"].split(",", 1)
    signed = stamp.removeprefix("t=").encode() + b"." + seen.body
    expected = hmac.digest(b"a-signing-key", signed, hashlib.sha256)
    assert signature == f"s={base64.b64encode(expected).decode()}"


@pytest.mark.parametrize(
    "request_settings",
    [{"method": "post", "body": "{{ data.url }}"}, {"signing_key": "{{ data.nothing }}"}],
)
async def test_requests_that_cannot_be_sent(fetching: Fetching, request_settings: Any) -> None:
    """A body that is no JSON, and a key that is empty, fail the step at once; nothing is sent."""
    run_id, done = await fetching.send(OK, **request_settings)
    assert done.status == "completed"
    assert (await fetching.world.story(run_id))[-2:] == ["step_failed", "run_halted"]
    assert fetching.server.seen == []


async def test_a_broken_template(fetching: Fetching) -> None:
    """A template that cannot be rendered is tried three times, as in every step."""
    run_id, _ = await fetching.send(OK, url="x{% for i in (1..20000) %}{% endfor %}")
    assert (await fetching.world.story(run_id))[-1] == "step_retrying"


async def test_secrets_are_blanked(fetching: Fetching) -> None:
    """No value of a secret header or parameter is in any event, echoed ones included."""
    run_id, _ = await fetching.fetch(
        reply(200, b'{"echo": "s3cret-token"}'),
        headers=[{"key": "Authorization", "value": "Bearer s3cret-token"}],
        query_params=[{"key": "api_key", "value": "an-api-key"}],
        signing_key="a-signing-key",
    )
    told = json.dumps([event["data"] for event in await fetching.world.events(run_id)])
    assert fetching.server.seen[0].headers["authorization"] == "Bearer s3cret-token"
    for secret in ("s3cret-token", "an-api-key", "a-signing-key"):
        assert secret not in told
    assert "duration_ms" in told


async def test_conditions(fetching: Fetching) -> None:
    """Conditions that do not hold skip the step, and nothing is sent."""
    step = {**fetch_step(), "conditions": when("data.url", "equal_to", "other")}
    run_id, done = await fetching.world.send(step, channel_step("feed"), data={"url": "x"})
    assert done.status == "completed"
    assert await fetching.world.reason(run_id) == "conditions not met"


async def test_everything_twice(fetching: Fetching) -> None:
    """A repeated walk answers the same and tells nothing twice, nor does an attempt send."""
    run_id, first = await fetching.send(reply(500))
    assert await fetching.world.walk(run_id) == _recalled(first)
    assert isinstance(first.next, Fetch)
    assert await make_attempt(fetching.world.engine, first.next.attempt) == "again"
    assert await make_attempt(fetching.world.engine, first.next.attempt) == "settled"
    second = await fetching.world.walk(run_id, first.cursor)
    before = await fetching.world.snapshot(run_id)
    again = await fetching.world.walk(run_id, first.cursor)
    assert (again.next, again.cursor) == (second.next, second.cursor)
    assert await fetching.world.snapshot(run_id) == before
    fetching.server.replies["/x"] = OK
    done = await fetching.attempt(run_id, second)
    before = await fetching.world.snapshot(run_id)
    assert (await fetching.world.walk(run_id, second.cursor)).status == done.status
    assert await fetching.world.snapshot(run_id) == before
    assert len(fetching.server.seen) == 2


async def test_attempts_at_once(fetching: Fetching) -> None:
    """Of two workers that make the same attempt, the first answer counts."""
    run_id, first = await fetching.send(OK)
    assert isinstance(first.next, Fetch)
    attempt = first.next.attempt
    await asyncio.gather(*(make_attempt(fetching.world.engine, attempt) for _ in range(3)))
    done = await fetching.world.walk(run_id, first.cursor)
    assert done.status == "completed"
    assert (await fetching.world.story(run_id)).count("fetch_responded") == 1


async def test_a_cancelled_run_sends_nothing(fetching: Fetching) -> None:
    """An attempt that begins after the cancel sends nothing."""
    fetching.server.replies["/x"] = OK
    await fetching.world.publish("flow", fetch_step())
    data = {"url": f"{fetching.server.url}/x"}
    run_id = await fetching.world.begin("flow", data=data, cancellation_key="ck")
    first = await fetching.world.walk(run_id)
    await fetching.world.cancel("flow", "ck")
    assert isinstance(first.next, Fetch)
    assert await make_attempt(fetching.world.engine, first.next.attempt) == "settled"
    assert fetching.server.seen == []
    assert len(await _rows(fetching, run_id)) == 1
    await forget_expired(fetching.world.engine)
    assert await _rows(fetching, run_id) == []


async def test_the_sweep_leaves_open_runs_alone(fetching: Fetching) -> None:
    """The request of a run that still waits is kept."""
    run_id, _ = await fetching.send(OK)
    await forget_expired(fetching.world.engine)
    assert len(await _rows(fetching, run_id)) == 1


async def test_an_attempt_that_was_interrupted(fetching: Fetching) -> None:
    """A request whose answer was lost with its process is sent again, under the same key."""
    run_id, first = await fetching.send(OK)
    assert isinstance(first.next, Fetch)
    away = InterruptedDatabase(fetching.world.engine.database, works=1, away=1_000)
    dying = asyncio.create_task(
        make_attempt(replace(fetching.world.engine, database=away), first.next.attempt)
    )
    await until(lambda: _is(len(fetching.server.seen) == 1))
    dying.cancel()
    done = await fetching.attempt(run_id, first)
    assert done.status == "completed"
    first_key, second_key = (seen.headers["idempotency-key"] for seen in fetching.server.seen)
    assert first_key == second_key


async def test_a_database_that_is_away_for_the_answer(fetching: Fetching) -> None:
    """An answer waits for the database, and nothing is sent a second time."""
    run_id, first = await fetching.send(OK)
    assert isinstance(first.next, Fetch)
    away = InterruptedDatabase(fetching.world.engine.database, works=1, away=1)
    await make_attempt(replace(fetching.world.engine, database=away), first.next.attempt)
    assert (await fetching.world.walk(run_id, first.cursor)).status == "completed"
    assert len(fetching.server.seen) == 1


async def test_an_attempt_that_keeps_being_interrupted(fetching: Fetching) -> None:
    """A request that kills whoever sends it fails in the end."""
    run_id, first = await fetching.send(OK)
    await fetching.world.make.rows(
        "UPDATE fetches SET begun_at = now(), interruptions = 19 WHERE recipient_run_id = %s"
        " RETURNING 1",
        run_id,
    )
    await fetching.attempt(run_id, first)
    assert fetching.server.seen == []
    assert (await fetching.world.story(run_id))[-2:] == ["step_failed", "run_halted"]


async def _is(truth: bool) -> bool:
    return truth


def _seconds(advanced: Advanced) -> float:
    """Return for how long, from noon, a run waits before its next attempt."""
    return sleep_of(advanced).until - NOW.timestamp()


def _recalled(first: Advanced) -> Advanced:
    return Advanced(
        first.next,
        cursor=first.cursor,
        deliveries=[],
        story=["`fetch` was already taken"],
        status=first.status,
    )


async def _rows(fetching: Fetching, run_id: str) -> list[dict[str, Any]]:
    return await fetching.world.make.rows(
        "SELECT * FROM fetches WHERE recipient_run_id = %s", run_id
    )
