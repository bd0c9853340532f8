"""Amazon SNS, against a server that answers like it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.deliveries.delivery import Bounced, Misconfigured, Refused, Retry
from providers.aws import AwsSettings
from providers.push.sns import Sns
from tests.providers.contract import MESSAGE_ID
from tests.providers.rest import PUSH, Line, RestContract, Vendor, talking_to
from tests.providers.servers import reply

ARN = "arn:aws:sns:eu-west-1:1:endpoint/APNS/app/1"
TAKEN = reply(
    200,
    b"<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>",
)
SETTINGS = {
    "region": "eu-west-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI",
    "session_token": "session-secret",
}
SECRETS = ["wJalrXUtnFEMI", "session-secret"]
VENDOR = Vendor(Sns, "/", TAKEN, SETTINGS, {**PUSH, "token": ARN}, SECRETS)


def refusal(status: int, code: str) -> bytes:
    """Answer an error as SNS does."""
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>"
    return reply(status, body.encode())


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Run SNS on loopback."""
    async with talking_to(VENDOR) as line:
        yield line


def message(line: Line) -> dict[str, Any]:
    """Return what each platform was sent."""
    platforms: dict[str, str] = json.loads(line.form()["Message"][0])
    return {
        name: value if name == "default" else json.loads(value) for name, value in platforms.items()
    }


class TestSns(RestContract):
    """The contract."""

    vendor = Vendor(Sns, "", TAKEN, SETTINGS, {**PUSH, "token": ARN}, SECRETS)


async def test_an_endpoint_is_sent_to(line: Line) -> None:
    """SNS is told what Apple and Google each get, and takes that of the endpoint."""
    outcome = await line.send()
    assert outcome.external_id == "m-1"
    form = {name: values[0] for name, values in line.form().items() if name != "Message"}
    assert form == {
        "Action": "Publish",
        "Version": "2010-03-31",
        "TargetArn": ARN,
        "MessageStructure": "json",
    }
    apple = {
        "aps": {"alert": {"title": "Hi", "body": "there"}},
        "n": 1,
        "s": "x",
        "none": None,
        "knock_message_id": MESSAGE_ID,
    }
    google = {
        "notification": {"title": "Hi", "body": "there"},
        "data": {"n": "1", "s": "x", "knock_message_id": MESSAGE_ID},
    }
    assert message(line) == {
        "default": "there",
        "APNS": apple,
        "APNS_SANDBOX": apple,
        "GCM": {"fcmV1Message": {"message": google}},
    }
    signed = line.seen.headers["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-west-1/sns/")


async def test_overrides(line: Line) -> None:
    """They are laid over what a platform gets, and give attributes for headers of APNs."""
    topic = {
        "Name": "AWS.SNS.MOBILE.APNS.TOPIC",
        "Value": {"DataType": "String", "StringValue": "com.example.App"},
    }
    await line.send(
        overrides={
            "Message": {"APNS": {"aps": {"badge": 9}}},
            "MessageAttributes": {"entry": [topic]},
        }
    )
    assert message(line)["APNS"]["aps"] == {"alert": {"title": "Hi", "body": "there"}, "badge": 9}
    assert "badge" not in message(line)["APNS_SANDBOX"]["aps"]
    form = line.form()
    assert form["MessageAttributes.entry.1.Name"] == ["AWS.SNS.MOBILE.APNS.TOPIC"]
    assert form["MessageAttributes.entry.1.Value.DataType"] == ["String"]
    assert form["MessageAttributes.entry.1.Value.StringValue"] == ["com.example.App"]


async def test_overrides_in_the_place_of_ours(line: Line) -> None:
    """A platform that they leave out gets the text, which SNS demands."""
    await line.send(overrides={"__strategy__": "replace", "Message": {"GCM": {"a": 1}}})
    assert message(line) == {"default": "there", "GCM": {"a": 1}}


async def test_a_silent_one_wakes_the_app(line: Line) -> None:
    """It shows nothing, and Apple is told that it works in the background."""
    await line.send(silent=True, body="", title="")
    sent = message(line)
    assert sent["APNS"]["aps"] == {"content-available": 1}
    assert "notification" not in sent["GCM"]["fcmV1Message"]["message"]
    form = line.form()
    named = {
        form[f"MessageAttributes.entry.{number}.Name"][0].rpartition(".")[2]: form[
            f"MessageAttributes.entry.{number}.Value.StringValue"
        ][0]
        for number in (1, 2)
    }
    assert named == {"PUSH_TYPE": "background", "PRIORITY": "5"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "EndpointDisabled"),
        (404, "NotFound"),
        (
            400,
            "InvalidParameter</Code><Message>No endpoint found for the target arn</Message><Code>",
        ),
    ],
)
async def test_endpoints_that_are_gone(line: Line, status: int, code: str) -> None:
    """They bounce with their ARN, so that it is forgotten."""
    line.answer(refusal(status, code))
    with pytest.raises(Bounced) as caught:
        await line.send()
    assert caught.value.token == ARN


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "Throttling", Retry),
        (429, "Throttled", Retry),
        (500, "InternalFailure", Retry),
        (400, "PlatformApplicationDisabled", Misconfigured),
        (400, "InvalidParameter", Refused),
        (403, "SignatureDoesNotMatch", Refused),
    ],
)
async def test_requests_that_are_refused(
    line: Line, status: int, code: str, kind: type[Exception]
) -> None:
    """The code says whether it is worth another attempt, and whose task it is."""
    line.answer(refusal(status, code))
    with pytest.raises(kind):
        await line.send()


def test_the_region_says_the_server() -> None:
    """Each is limited for itself."""
    delivery = VENDOR.delivery("")
    delivery.settings["base_url"] = None
    provider = Sns.__new__(Sns)
    assert provider.server(delivery) == "push_aws_sns/eu-west-1"
    assert AwsSettings.model_validate(delivery.settings).region == "eu-west-1"
