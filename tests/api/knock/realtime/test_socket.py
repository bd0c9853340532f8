"""Who gets a socket, and how it is spoken on it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.knock.realtime import session
from tests.support.builders import Builder, Environment
from tests.support.sockets import Page, open_page
from tests.support.user_tokens import let_sign, signed, signing_key

_SECOND_KEY = "second"


async def _all_closed(app: FastAPI) -> None:
    """Wait until the server has learnt of it that every page has gone."""
    while app.state.hub.sockets:
        await asyncio.sleep(0.01)


def _allow_one(monkeypatch: pytest.MonkeyPatch, app: FastAPI, limit: str) -> None:
    """Leave room for a single socket."""
    engine = app.state.engine
    narrow = engine.settings.model_copy(update={limit: 1})
    monkeypatch.setattr(type(engine), "settings", narrow, raising=False)


async def _refusal(address: str, api_key: str | None, *given: str, **query: str) -> dict[str, Any]:
    """Return with which answer a socket is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with open_page(address, api_key, *given, **query):
            pass
    response = refused.value.response
    body = json.loads(response.body or b"")
    assert body["status"] == response.status_code
    return dict(body)


async def test_public_and_secret_keys_open_a_socket(address: str, environment: Environment) -> None:
    """As they may read feeds; what the client sends for no token counts as none."""
    for key, token in (
        (environment.public_key, None),
        (environment.public_key, "null"),
        (environment.public_key, ""),
        (environment.secret_key, None),
    ):
        async with open_page(address, key, token) as page:
            reply = await page.say("phoenix", "heartbeat", {})
            assert reply == {"status": "ok", "response": {}}


@pytest.mark.parametrize(
    ("key", "query", "code"),
    [
        (None, {}, "api_key_missing"),
        ("", {}, "api_key_missing"),
        ("pk_unknown", {}, "api_key_missing"),
        ("public", {"branch_slug": "mine"}, "branch_not_found"),
        ("public", {"vsn": "1.0.0"}, "bad_request"),
        ("public", {"user_token": "nonsense"}, "missing_jwt_signing_key"),
    ],
)
async def test_others_are_refused_before_a_socket_is_open(
    address: str, environment: Environment, *, key: str | None, query: dict[str, str], code: str
) -> None:
    """With 403, and the body that the requests of the API get."""
    api_key = environment.public_key if key == "public" else key
    refusal = await _refusal(address, api_key, **query)
    assert (refusal["status"], refusal["code"]) == (403, code)
    assert refusal["message"]


async def test_a_service_token_opens_no_socket(
    address: str, make: Builder, environment: Environment
) -> None:
    """It belongs to no environment."""
    token = await make.service_token()
    assert (await _refusal(address, token))["code"] == "incorrect_token_type"


async def test_enhanced_security_demands_a_good_user_token(
    address: str, make: Builder, environment: Environment
) -> None:
    """As everywhere: one that is missing, expired, or signed by somebody else is refused."""
    await let_sign(make, environment)
    key = environment.public_key
    assert (await _refusal(address, key))["code"] == "missing_user_token"
    for token in (
        signed("ellie", exp=1_600_000_000),
        signed("ellie", signing_key(_SECOND_KEY)),
        signed(None),
    ):
        assert (await _refusal(address, key, token))["code"] == "invalid_user_token"
    async with open_page(address, key, signed("ellie")) as page:
        assert await page.has_nothing()


async def test_a_server_that_is_full_says_so(
    app: FastAPI, address: str, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 503; a socket that was closed makes room."""
    _allow_one(monkeypatch, app, "sockets")
    async with open_page(address, environment.public_key):
        refusal = await _refusal(address, environment.public_key)
        assert (refusal["status"], refusal["code"]) == (503, "service_unavailable")
    await _all_closed(app)
    async with open_page(address, environment.public_key) as page:
        assert await page.has_nothing()


async def test_a_user_takes_not_every_socket(
    app: FastAPI,
    address: str,
    make: Builder,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond some a user gets 429, and others get theirs; one that was closed makes room."""
    await let_sign(make, environment)
    key = environment.public_key
    _allow_one(monkeypatch, app, "sockets_of_user")
    async with open_page(address, key, signed("ellie")):
        refusal = await _refusal(address, key, signed("ellie"))
        assert (refusal["status"], refusal["code"]) == (429, "rate_limit_exceeded")
        async with open_page(address, key, signed("alan")):
            pass
    await _all_closed(app)
    async with open_page(address, key, signed("ellie")) as page:
        assert await page.has_nothing()


async def test_pages_without_a_token_take_not_every_socket(
    app: FastAPI,
    address: str,
    make: Builder,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond some of one key they get 429; other keys and proven users get theirs."""
    await let_sign(make, environment, is_required=False)
    key = environment.public_key
    _allow_one(monkeypatch, app, "sockets_of_key")
    async with open_page(address, key):
        refusal = await _refusal(address, key)
        assert (refusal["status"], refusal["code"]) == (429, "rate_limit_exceeded")
        assert refusal["message"] == (
            "Pages without a user token may have at most 1 sockets for one key."
        )
        for other, token in ((environment.secret_key, None), (key, signed("alan"))):
            async with open_page(address, other, token):
                pass
    await _all_closed(app)
    async with open_page(address, key) as page:
        assert await page.has_nothing()


@pytest.fixture
async def page(address: str, environment: Environment) -> Any:
    """Open a socket."""
    async with open_page(address, environment.public_key) as page:
        yield page


async def test_what_nobody_knows_is_answered_with_an_error(page: Page) -> None:
    """And never with the end of the socket (Phoenix)."""
    for topic, event, reason in (
        ("rooms:1", "phx_join", "unmatched topic"),
        ("feeds:1:2", "shout", "unmatched topic"),
        ("phoenix", "shout", "unmatched topic"),
    ):
        reply = await page.say(topic, event, {})
        assert reply["status"] == "error"
        assert reply["response"]["reason"] == reason
    assert (await page.say("feeds:1:2", "phx_leave", {}))["status"] == "ok"
    assert await page.has_nothing()


@pytest.mark.parametrize(
    "text", ["", "no json", "{}", "[1,2]", '["1","1","phoenix","heartbeat",{},1]', '["\\u0000"]']
)
async def test_what_is_no_frame_ends_the_socket(page: Page, text: str) -> None:
    """There is nothing to answer to."""
    await page.connection.send(text)
    with pytest.raises(ConnectionClosed):
        await page.connection.recv()
    assert page.connection.close_code == 1007


async def test_bytes_end_the_socket(page: Page) -> None:
    """Only texts are spoken."""
    await page.connection.send(b"x")
    with pytest.raises(ConnectionClosed):
        await page.connection.recv()
    assert page.connection.close_code == 1003


async def test_a_page_that_says_nothing_is_let_go(
    address: str, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client says something every thirty seconds, as long as it is there."""
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.05)
    async with open_page(address, environment.public_key) as page:
        with pytest.raises(ConnectionClosed):
            await page.connection.recv()
        assert page.connection.close_code == 1001


@pytest.mark.parametrize(
    "said",
    [
        ("phoenix", "heartbeat"),
        ("phoenix", "shout"),
        ("feeds:1:ellie", "phx_join"),
        ("feeds:1:ellie", "phx_leave"),
    ],
)
async def test_a_socket_ends_with_what_it_was_opened_by(
    address: str,
    make: Builder,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    said: tuple[str, str],
) -> None:
    """Whatever its page says; with a code after which the client does not come again."""
    monkeypatch.setattr(session, "TRUSTED_SECONDS", 0.0)
    async with open_page(address, environment.public_key) as page:
        assert await page.has_nothing()
        await make.rows(
            "UPDATE api_keys SET revoked_at = now() WHERE environment_id = %s RETURNING 1",
            environment.id,
        )
        await page.connection.send(json.dumps([None, "9", *said, {}]))
        with pytest.raises(ConnectionClosed):
            await page.connection.recv()
        assert page.connection.close_code == 1000
