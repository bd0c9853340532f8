"""Firebase Cloud Messaging, against a server that answers like it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import ValidationError

from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Refused, Retry
from domain.kit.json_types import JsonObject
from providers.push.fcm import Fcm, FcmSettings
from tests.providers.contract import MESSAGE_ID, Rig, open_context
from tests.providers.rest import HOSTILE, PUSH, Line, RestContract, Vendor
from tests.providers.servers import HttpServer, reply, serving

ACCESS = "ya29-very-secret"
TOKEN_PATH = "/token"
SEND = "/v1/projects/p-1/messages:send"
TAKEN = reply(200, b'{"name": "projects/p-1/messages/1"}')
GRANTED = reply(200, json.dumps({"access_token": ACCESS, "expires_in": 3599}).encode())
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@cache
def key() -> rsa.RSAPrivateKey:
    """Make the key of the service account; it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def account(token_uri: str) -> str:
    """Write the JSON key of a service account."""
    pem = key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps(
        {"client_email": "a@p-1.example", "private_key": pem.decode(), "token_uri": token_uri}
    )


def error(code: int, name: str, message: str = "", *, field: str | None = None) -> bytes:
    """Answer an error as FCM does, with its own kind of detail; one may name a field, too."""
    details: list[JsonObject] = [{"@type": FCM_ERROR, "errorCode": name}]
    if field is not None:
        violation = {"field": field, "description": "Invalid"}
        details.append({"@type": BAD_REQUEST, "fieldViolations": [violation]})
    said = {"code": code, "message": message, "status": name, "details": details}
    return reply(code, json.dumps({"error": said}).encode())


VENDOR = Vendor(Fcm, SEND, TAKEN, {"project_id": "p-1"}, PUSH, [ACCESS], reply(400, b"{}"))


class FcmLine(Line):
    """A line whose service account gets its tokens from the same server."""

    def delivery(self, **changes: Any) -> Delivery:
        """Make a delivery."""
        settings = {"service_account": account(self.server.url + TOKEN_PATH)}
        delivery = self.vendor.delivery(self.server.url, **changes)
        delivery.settings.update(settings)
        return delivery

    async def push(self, **changes: Any) -> Any:
        """Send a message."""
        return await self.provider.send(self.delivery(**changes))


@pytest.fixture
async def line() -> AsyncIterator[FcmLine]:
    """Run FCM and Google's tokens on loopback."""
    server = HttpServer({SEND: TAKEN, TOKEN_PATH: GRANTED})
    async with serving(server), open_context() as context:
        yield FcmLine(Fcm(context), server, VENDOR)


class TestFcm(RestContract):
    """The contract."""

    vendor = VENDOR

    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        """Serve good, bad and hostile answers, and tokens for all."""
        replies = {"/ok" + SEND: TAKEN, "/bad" + SEND: reply(400, b"{}"), TOKEN_PATH: GRANTED}
        replies |= {f"/{number}{SEND}": answer for number, answer in enumerate(HOSTILE)}
        async with serving(HttpServer(replies)) as server, open_context() as context:
            tokens = {"service_account": account(server.url + TOKEN_PATH)}

            def deliver(prefix: object) -> Delivery:
                delivery = VENDOR.delivery(f"{server.url}/{prefix}")
                delivery.settings.update(tokens)
                return delivery

            yield Rig(
                Fcm(context),
                deliver("ok"),
                failing=deliver("bad"),
                bad_settings={"project_id": "p-1", "service_account": "{}"},
                secrets=[ACCESS, "PRIVATE KEY"],
                hostile=[deliver(number) for number in range(len(HOSTILE))],
            )


async def test_a_device_is_sent_to(line: FcmLine) -> None:
    """The data is flat and of strings, and names the message."""
    outcome = await line.push(
        overrides={"android": {"priority": "high"}, "data": {"deep": {"a": [1, "b"]}}}
    )
    assert outcome.external_id == "projects/p-1/messages/1"
    assert line.body() == {
        "message": {
            "token": "t",
            "notification": {"title": "Hi", "body": "there"},
            "data": {
                "n": "1",
                "s": "x",
                "knock_message_id": MESSAGE_ID,
                "deep.a.0": "1",
                "deep.a.1": "b",
            },
            "android": {"priority": "high"},
        }
    }
    assert line.seen.headers["authorization"] == f"Bearer {ACCESS}"


async def test_nested_data_is_flattened(line: FcmLine) -> None:
    """Members of objects and of lists get keys with dots, all else its text (Knock's example)."""
    await line.push(data={"foo": {"bar": [21, 13, 1], "baz": False}, "biz": "abc"})
    assert line.body()["message"]["data"] == {
        "foo.bar.0": "21",
        "foo.bar.1": "13",
        "foo.bar.2": "1",
        "foo.baz": "false",
        "biz": "abc",
        "knock_message_id": MESSAGE_ID,
    }


async def test_names_that_fcm_keeps_for_itself_are_left_out(line: FcmLine) -> None:
    """FCM would refuse the message. What an author writes in overrides is sent all the same."""
    taken = {"fromage": "x", "a": {"from": "y"}, "googled": "z", "gcmx": "v"}
    kept_back = {"from": "x", "message_type": "x", "google": {"x": 1}, "gcm": 1, "gcm.n": "x"}
    await line.push(data={**kept_back, **taken}, overrides={"data": {"google": {"own": 1}}})
    assert line.body()["message"]["data"] == {
        "fromage": "x",
        "a.from": "y",
        "googled": "z",
        "gcmx": "v",
        "google.own": "1",
        "knock_message_id": MESSAGE_ID,
    }


async def test_a_silent_one_has_no_notification(line: FcmLine) -> None:
    """It carries data only."""
    await line.push(silent=True)
    assert "notification" not in line.body()["message"]


async def test_a_token_is_asked_for_once(line: FcmLine) -> None:
    """By an assertion that the service account has signed; the next message has it already."""
    await line.push()
    await line.push()
    assert [seen.target for seen in line.server.seen] == [TOKEN_PATH, SEND, SEND]
    form = dict(pair.split("=") for pair in line.server.seen[0].body.decode().split("&"))
    head, claims, signature = form["assertion"].split(".")

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    key().public_key().verify(
        decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    said: JsonObject = json.loads(decoded(claims))
    assert said["iss"] == "a@p-1.example"
    assert said["aud"] == line.server.url + TOKEN_PATH
    assert said["exp"] - said["iat"] == 3600


INVALID = "INVALID_ARGUMENT"
NO_TOKEN = "The registration token is not a valid FCM registration token"


@pytest.mark.parametrize(
    "answer",
    [
        error(404, "UNREGISTERED"),
        error(403, "SENDER_ID_MISMATCH"),
        error(400, INVALID, NO_TOKEN),
        error(400, INVALID, "Request contains an invalid argument.", field="message.token"),
    ],
)
async def test_a_device_that_is_gone_bounces(line: FcmLine, answer: bytes) -> None:
    """With its token, which the recipient is rid of then."""
    line.answer(answer)
    with pytest.raises(Bounced) as caught:
        await line.push()
    assert caught.value.token == "t"


NO_TEXT = {
    "error": {
        "code": 400,
        "status": INVALID,
        "message": "Invalid value at 'message.data[0].value' (TYPE_STRING), 12",
        "details": [
            {"@type": BAD_REQUEST, "fieldViolations": [{"field": "message.data[0].value"}]},
        ],
    }
}
ODD = {
    "error": {
        "message": 7,
        "details": [
            {"@type": FCM_ERROR, "errorCode": INVALID},
            {"@type": FCM_ERROR, "errorCode": []},
            {"@type": BAD_REQUEST, "fieldViolations": 7},
            {"@type": BAD_REQUEST, "fieldViolations": ["message.token"]},
        ],
    }
}


@pytest.mark.parametrize(
    "answer",
    [
        error(400, INVALID, "Message is too large. Maximum size is 4096 bytes."),
        error(400, INVALID, "Request contains an invalid argument.", field="message.data"),
        error(400, INVALID),
        reply(400, json.dumps(NO_TEXT).encode()),
        reply(400, json.dumps(ODD).encode()),
    ],
)
async def test_a_wrong_message_is_no_bounce(line: FcmLine, answer: bytes) -> None:
    """FCM says the same of a message that it does not take; its device is there."""
    line.answer(answer)
    with pytest.raises(Refused):
        await line.push()


@pytest.mark.parametrize("answer", [error(429, "QUOTA_EXCEEDED"), error(503, "UNAVAILABLE")])
async def test_what_passes_is_retried(line: FcmLine, answer: bytes) -> None:
    """A quota, and an outage."""
    line.answer(answer)
    with pytest.raises(Retry):
        await line.push()


async def test_a_token_that_is_not_taken_is_thrown_away(line: FcmLine) -> None:
    """The next attempt asks for another one."""
    line.answer(reply(401, b"{}"))
    with pytest.raises(Retry):
        await line.push()
    line.answer(TAKEN)
    await line.push()
    assert [seen.target for seen in line.server.seen] == [TOKEN_PATH, SEND, TOKEN_PATH, SEND]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (reply(400, b'{"error": "invalid_grant"}'), Misconfigured),
        (reply(503, b"{}"), Retry),
        (reply(429, b"{}"), Retry),
    ],
)
async def test_a_service_account_that_is_not_taken(
    line: FcmLine, answer: bytes, failure: type[Exception]
) -> None:
    """An operator has to act, or Google is away; nothing is sent."""
    line.server.replies[TOKEN_PATH] = answer
    with pytest.raises(failure):
        await line.push()
    assert [seen.target for seen in line.server.seen] == [TOKEN_PATH]


async def test_a_message_without_a_device(line: FcmLine) -> None:
    """It cannot be sent."""
    with pytest.raises(Refused):
        await line.push(token="")
    assert line.server.seen == []


@pytest.mark.parametrize(
    "given",
    [
        "{}",
        "nonsense",
        '{"private_key": "x", "client_email": "y"}',
        '{"private_key": 5, "client_email": "y"}',
        "[1]",
    ],
)
def test_what_is_no_service_account(given: str) -> None:
    """It is refused as it is saved, and not quoted."""
    with pytest.raises(ValidationError) as refused:
        FcmSettings.model_validate({"project_id": "p", "service_account": given})
    assert "must be the JSON key of a service account" in str(refused.value)
