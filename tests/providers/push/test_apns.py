"""Apple Push Notification service, against a server that answers like it, over HTTP/2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Refused, Retry
from providers.base import CHECK_COMBINATIONS
from providers.push.apns import Apns, ApnsSettings
from tests.providers.contract import MESSAGE_ID, NOW, Rig, open_context
from tests.providers.push.apple import PATH, SETTINGS, TAKEN, key, pem, refusal
from tests.providers.rest import HOSTILE, PUSH, Line, RestContract, Vendor
from tests.providers.servers import Http2Server, HttpServer, serving

VENDOR = Vendor(Apns, PATH, TAKEN, SETTINGS, PUSH, ["PRIVATE KEY"], refusal(400, "BadMessageId"))


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Run APNs on loopback."""
    server = Http2Server({PATH: TAKEN})
    async with serving(server), open_context() as context:
        yield Line(Apns(context), server, VENDOR)


class TestApns(RestContract):
    """The contract."""

    vendor = VENDOR

    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        """Serve good, bad and hostile answers, over HTTP/2."""
        replies = {"/ok" + PATH: TAKEN, "/bad" + PATH: VENDOR.refused}
        replies |= {f"/{number}{PATH}": answer for number, answer in enumerate(HOSTILE)}
        async with serving(Http2Server(replies)) as server, open_context() as context:

            def deliver(prefix: object) -> Delivery:
                return VENDOR.delivery(f"{server.url}/{prefix}")

            yield Rig(
                Apns(context),
                deliver("ok"),
                failing=deliver("bad"),
                bad_settings={**SETTINGS, "signing_key": "no key"},
                secrets=["PRIVATE KEY"],
                hostile=[deliver(number) for number in range(len(HOSTILE))],
            )


async def test_one_without_a_title(line: Line) -> None:
    """Only its text is shown."""
    await line.send(title="")
    assert line.body()["aps"] == {"alert": {"body": "there"}}


async def test_a_device_is_sent_to(line: Line) -> None:
    """The data stands at the root, beside what Apple shows; the headers say the app."""
    outcome = await line.send()
    assert outcome.external_id == MESSAGE_ID
    assert line.body() == {
        "aps": {"alert": {"title": "Hi", "body": "there"}},
        "knock_message_id": MESSAGE_ID,
        "n": 1,
        "s": "x",
        "none": None,
    }
    sent = {name: line.seen.headers[name] for name in line.seen.headers if name[:4] == "apns"}
    assert sent == {
        "apns-id": MESSAGE_ID,
        "apns-topic": "com.example.App",
        "apns-push-type": "alert",
        "apns-priority": "10",
    }


async def test_a_silent_one_wakes_the_app(line: Line) -> None:
    """It shows nothing, and is sent as Apple wants such ones."""
    await line.send(silent=True)
    assert line.body()["aps"] == {"content-available": 1}
    assert line.seen.headers["apns-push-type"] == "background"
    assert line.seen.headers["apns-priority"] == "5"


async def test_overrides(line: Line) -> None:
    """They go to the root, to `aps`, and to headers; of these only to Apple's."""
    headers = {"apns-collapse-id": "order-1", "APNS-PRIORITY": 5, "authorization": "bearer mine"}
    await line.send(overrides={"headers": headers, "aps": {"badge": 3}, "deep": {"link": "x"}})
    assert line.body()["aps"] == {"alert": {"title": "Hi", "body": "there"}, "badge": 3}
    assert line.body()["deep"] == {"link": "x"}
    assert "headers" not in line.body()
    assert line.seen.headers["apns-collapse-id"] == "order-1"
    assert line.seen.headers["apns-priority"] == "5"
    assert "mine" not in line.seen.headers["authorization"]


@pytest.mark.parametrize("headers", [["x"], {"apns-topic": "ä"}, {"apns-topic": "a\nb: c"}])
async def test_overrides_that_are_no_headers(line: Line, headers: Any) -> None:
    """They are refused, and nothing is sent."""
    with pytest.raises(Refused):
        await line.send(overrides={"headers": headers})
    assert line.server.seen == []


async def test_data_never_hides_what_apple_shows(line: Line) -> None:
    """A member `aps` of the trigger's data is not Apple's."""
    delivery = VENDOR.delivery(line.server.url)
    delivery.data.update({"aps": "mine", "knock_message_id": "mine"})
    await line.provider.send(delivery)
    assert line.body()["aps"] == {"alert": {"title": "Hi", "body": "there"}}
    assert line.body()["knock_message_id"] == MESSAGE_ID


async def test_a_token_is_signed_once(line: Line) -> None:
    """By the team's key, over one connection; Apple does not take a new one for each message."""
    await line.send()
    await line.send()
    first, second = (seen.headers["authorization"] for seen in line.server.seen)
    assert first == second
    token = first.removeprefix("bearer ")
    options: Any = {"verify_iat": False}
    claims = jwt.decode(token, key().public_key(), algorithms=["ES256"], options=options)
    assert claims == {"iss": "DEF123GHIJ", "iat": int(NOW.timestamp())}
    assert jwt.get_unverified_header(token)["kid"] == "ABC123DEFG"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (410, "Unregistered"),
        (410, "ExpiredToken"),
        (410, ""),
        (400, "BadDeviceToken"),
        (400, "DeviceTokenNotForTopic"),
    ],
)
async def test_devices_that_are_gone(line: Line, code: int, reason: str) -> None:
    """They bounce with their token, so that it is forgotten."""
    line.answer(refusal(code, reason))
    with pytest.raises(Bounced) as caught:
        await line.send()
    assert caught.value.token == "t"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(403, "InvalidProviderToken"), (400, "BadTopic"), (400, "TopicDisallowed")],
)
async def test_keys_that_are_not_the_apps(line: Line, code: int, reason: str) -> None:
    """It is for an operator to mend."""
    line.answer(refusal(code, reason))
    with pytest.raises(Misconfigured):
        await line.send()


@pytest.mark.parametrize(
    ("code", "reason"),
    [(429, "TooManyRequests"), (500, "InternalServerError"), (503, "Shutdown")],
)
async def test_what_passes(line: Line, code: int, reason: str) -> None:
    """It is tried again."""
    line.answer(refusal(code, reason))
    with pytest.raises(Retry):
        await line.send()


@pytest.mark.parametrize(
    ("code", "reason"), [(413, "PayloadTooLarge"), (400, "PayloadEmpty"), (405, "MethodNotAllowed")]
)
async def test_what_stays(line: Line, code: int, reason: str) -> None:
    """The same notification would get the same answer."""
    line.answer(refusal(code, reason))
    with pytest.raises(Refused):
        await line.send()


async def test_a_token_that_is_too_old_is_signed_anew(line: Line) -> None:
    """The attempt is repeated, with another token."""
    line.answer(refusal(403, "ExpiredProviderToken"))
    with pytest.raises(Retry):
        await line.send()
    line.answer(TAKEN)
    await line.send()
    first, second = (seen.headers["authorization"] for seen in line.server.seen)
    assert first != second  # a signature of this kind is another one each time


async def test_a_token_that_was_just_signed_stays() -> None:
    """A refusal of the one before, which comes late, does not throw it away."""
    late, tokens = asyncio.Event(), list[str]()

    async def respond(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["authorization"])
        if len(tokens) > 2:
            return httpx.Response(200, stream=httpx.ByteStream(b""))
        if len(tokens) == 1:
            await late.wait()
        told = httpx.ByteStream(b'{"reason": "ExpiredProviderToken"}')
        return httpx.Response(403, stream=told)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    async with open_context(client=client) as context:
        provider, delivery = Apns(context), VENDOR.delivery("https://push.example.com")
        first = asyncio.create_task(provider.send(delivery))
        await asyncio.sleep(0)
        with pytest.raises(Retry):
            await provider.send(delivery)
        await provider.send(delivery)
        late.set()
        with pytest.raises(Retry):
            await first
        await provider.send(delivery)
    assert len(tokens) == 4
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]


async def test_other_refusals_keep_the_token(line: Line) -> None:
    """Apple does not take a new one for each message that it refuses."""
    line.answer(refusal(403, "InvalidProviderToken"))
    for _ in range(2):
        with pytest.raises(Misconfigured):
            await line.send()
    first, second = (seen.headers["authorization"] for seen in line.server.seen)
    assert first == second


async def test_nothing_older_than_http2_is_spoken(line: Line) -> None:
    """A server without it is not talked to otherwise."""
    async with serving(HttpServer({PATH: TAKEN})) as old:
        with pytest.raises(Retry):
            await line.provider.send(VENDOR.delivery(old.url))


async def test_tokens_of_any_kind_stay_in_their_place(line: Line) -> None:
    """What a device calls itself does not lead to another path."""
    line.server.replies["/3/device/..%2Fx%3Fy"] = TAKEN
    await line.send(token="../x?y")
    assert line.seen.target == "/3/device/..%2Fx%3Fy"


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle_id": "com/example"},
        {"key_id": "short"},
        {"team_id": None},
        {"mode": "test"},
        {"signing_key": pem(ec.generate_private_key(ec.SECP384R1()))},
    ],
)
def test_wrong_settings(changes: dict[str, Any]) -> None:
    """Each is named, and the key is not shown."""
    with pytest.raises(ValidationError) as caught:
        ApnsSettings.model_validate({**SETTINGS, **changes}, context=CHECK_COMBINATIONS)
    assert caught.value.errors()[0]["loc"] == (next(iter(changes)),)


@pytest.mark.parametrize(
    ("settings", "url", "server"),
    [
        ({}, "https://api.push.apple.com/3/device/t", "push_apns/production"),
        ({"mode": "sandbox"}, "https://api.sandbox.push.apple.com/3/device/t", "push_apns/sandbox"),
    ],
)
async def test_the_mode_says_the_server(
    line: Line, settings: dict[str, str], url: str, server: str
) -> None:
    """Development builds of an app have another server, which is limited for itself."""
    delivery = VENDOR.delivery("")
    given = {**delivery.settings, **settings, "base_url": None}
    provider = Apns(line.provider._context)
    request = provider.build_request(delivery, ApnsSettings.model_validate(given))
    assert str(request.url) == url
    delivery.settings.update(given)
    assert provider.server(delivery) == server
