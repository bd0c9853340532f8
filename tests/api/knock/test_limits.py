"""What one request may cost: its body, its answer, and the rate of all users together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from api.kit.bodies import LARGE_AT_ONCE, LARGE_BYTES, MAX_VALUES, parse_object
from api.kit.rate_limits import RateLimiter
from api.main import create_app
from domain.kit.errors import InvalidParams, RateLimited
from runtime.settings import Settings
from services.engine import Engine
from services.in_app.feeds import MAX_FEED_DATA_BYTES, MAX_ITEM_DATA_BYTES
from services.messages.messages import MAX_CONTENTS_BYTES
from tests.support.builders import Builder, Environment

TRIGGER = "/v1/workflows/welcome/trigger"


@pytest.fixture
async def small(engine: Engine, environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    """Call an application with small limits."""
    changes = {"max_body_bytes": 4096, "max_trigger_body_bytes": 8192, "body_seconds": 0.2}
    settings = engine.settings.model_copy(update=changes)
    transport = httpx.ASGITransport(create_app(settings, engine))
    headers = {"authorization": f"Bearer {environment.secret_key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client


async def _stream(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v1/users/ellie", 4, 200),
        ("/v1/users/ellie", 5, 413),
        (TRIGGER, 8, 404),
        (TRIGGER, 9, 413),
        ("/v1/notify", 8, 422),
    ],
)
@pytest.mark.parametrize("is_declared", [True, False])
async def test_each_route_says_how_large_its_body_may_be(
    small: httpx.AsyncClient, path: str, size: int, status: int, is_declared: bool
) -> None:
    """A body over the limit of its route is a 413, whether its length is declared or not."""
    content = b" " * size * 1024 if is_declared else _stream(size * 1024)
    method = "PUT" if "users" in path else "POST"
    response = await small.request(method, path, content=content)
    assert response.status_code == status
    if status == 413:
        assert response.headers["connection"] == "close"


async def test_a_slow_body_is_ended(small: httpx.AsyncClient) -> None:
    """A body that does not arrive in time is a 408, and its connection is closed."""

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await small.put("/v1/users/ellie", content=drip())
    assert (response.status_code, response.json()["code"]) == (408, "request_timeout")
    assert response.headers["connection"] == "close"


def test_a_body_has_a_bounded_number_of_values() -> None:
    """A million empty lists are refused before they are made; commas in a text are no values."""
    with pytest.raises(InvalidParams, match="values"):
        parse_object(b'{"a":[' + b"[]," * MAX_VALUES + b"1]}")
    text = b'{"a":"' + b',{\\"[' * MAX_VALUES + b'"}'
    assert len(parse_object(text)["a"]) == 4 * MAX_VALUES


def test_all_users_of_an_environment_share_a_limit() -> None:
    """Invented users do not multiply what a key may ask, nor push out the buckets of others."""
    settings = Settings().model_copy(
        update={"rate_limits": True, "rate_limit_tiers": (1, 5, 60, 200, 30_000)}
    )
    limiter = RateLimiter(settings, lambda: 100.0)
    limiter.check("other", 1)
    for number in range(30_000):
        limiter.check("feed", 2, user_id=str(number))
    with pytest.raises(RateLimited, match="30000"):
        limiter.check("feed", 2, user_id="one more")
    with pytest.raises(RateLimited):
        limiter.check("other", 1)


async def test_a_feed_repeats_small_data_only(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """An item of a larger trigger shows the data that its message keeps, and the rest is whole."""
    channel = await make.channel()
    for minute, size in enumerate((10, MAX_ITEM_DATA_BYTES)):
        run = await make.run(environment, data={"text": "x" * size, "list": [1]})
        await make.message(
            environment, channel, minute=minute, recipient_run_id=run, data={"text": "kept"}
        )
    large, small = (await client.get(f"/v1/users/ellie/feeds/{channel}")).json()["entries"]
    assert large["data"] == large["activities"][0]["data"] == {"text": "kept"}
    assert small["data"] == {"text": "x" * 10, "list": [1]}


async def test_the_data_of_a_whole_feed_is_bounded(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """However many items carry much, a page shows as much as fits."""
    channel = await make.channel()
    size = MAX_ITEM_DATA_BYTES - 100
    for minute in range(MAX_FEED_DATA_BYTES // size + 5):
        run = await make.run(environment, data={"text": "x" * size})
        await make.message(environment, channel, minute=minute, recipient_run_id=run)
    entries = (await client.get(f"/v1/users/ellie/feeds/{channel}")).json()["entries"]
    whole = [bool(entry["data"]) for entry in entries]
    assert (whole.count(True), whole.count(False)) == (MAX_FEED_DATA_BYTES // size, 5)


async def test_a_feed_shows_little_of_large_people(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A person with 200 kB of properties is not repeated in every item."""
    channel = await make.channel()
    await make.user(environment, "ellie", name="Ellie", notes="x" * 200_000)
    await make.message(environment, channel, recipient_run_id=await make.run(environment))
    (entry,) = (await client.get(f"/v1/users/ellie/feeds/{channel}")).json()["entries"]
    person = entry["activities"][0]["recipient"]
    assert (person["name"], person["id"], "notes" in person) == ("Ellie", "ellie", False)


async def test_contents_of_many_messages_are_bounded_together(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """More than 16 MB of contents are asked for in several requests; a single one is answered."""
    channel = await make.channel()
    block = {"name": "body", "type": "text", "content": "x"}
    content = {"blocks": [{**block, "rendered": "x" * (MAX_CONTENTS_BYTES // 2)}]}
    ids = [await make.message(environment, channel, content=content) for _ in range(2)]
    query = "&".join(f"message_ids[]={one}" for one in ids)
    refused = await client.get(f"/v1/messages/batch/content?{query}")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "message_ids")
    assert (await client.get(f"/v1/messages/{ids[0]}/content")).status_code == 200


async def test_few_large_bodies_at_once(
    engine: Engine, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many large bodies a few are worked on at a time; the others wait for a place."""
    app = create_app(engine.settings, engine)
    app.state.large_bodies = _Counted(LARGE_AT_ONCE)
    body = b'{"recipients": ["nobody"], "data": {"text": "%s"}}' % (b"x" * LARGE_BYTES)
    headers = {"authorization": f"Bearer {environment.secret_key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers=headers, timeout=60
    ) as client:
        answers = await asyncio.gather(*(client.post(TRIGGER, content=body) for _ in range(12)))
        assert {answer.status_code for answer in answers} == {404}
        assert (app.state.large_bodies.taken, app.state.large_bodies.given_back) == (12, 12)
        monkeypatch.setattr("api.kit.bodies._PLACE_SECONDS", 0.05)
        app.state.large_bodies = asyncio.Semaphore(0)
        answer = await client.post(TRIGGER, content=body)
        small = await client.post(TRIGGER, content=b'{"recipients": ["nobody"]}')
    assert (answer.status_code, small.status_code) == (503, 404)


class _Counted(asyncio.Semaphore):
    """Counts how often a place was taken and given back."""

    taken = given_back = 0

    async def acquire(self) -> bool:
        self.taken += 1
        return await super().acquire()

    def release(self) -> None:
        self.given_back += 1
        super().release()
