"""The vendors of text messages, against servers that answer like them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.deliveries.delivery import Bounced, DeliveryFailure, Misconfigured, Refused, Retry
from providers.sms.messagebird import MessageBird
from providers.sms.twilio import Twilio
from providers.sms.vonage import Vonage
from tests.providers.contract import MESSAGE_ID
from tests.providers.rest import SMS, Line, RestContract, Vendor, talking_to
from tests.providers.servers import reply

KEY = "key-very-secret"
TWILIO = Vendor(
    Twilio,
    "/2010-04-01/Accounts/AC1/Messages.json",
    reply(201, b'{"sid": "SM1", "status": "queued"}'),
    {"account_id": "AC1", "auth_token": KEY, "from_number": "+15550100"},
    SMS,
    [KEY],
)
VONAGE = Vendor(
    Vonage,
    "/sms/json",
    reply(200, b'{"messages": [{"status": "0", "message-id": "V1"}]}'),
    {"api_key": "k", "api_secret": KEY, "from_number": "Acme"},
    SMS,
    [KEY],
)
MESSAGEBIRD = Vendor(
    MessageBird,
    "/messages",
    reply(201, b'{"id": "B1"}'),
    {"api_key": KEY, "from_number": "Acme"},
    SMS,
    [KEY],
)
VENDORS = [TWILIO, VONAGE, MESSAGEBIRD]
IDS = {"twilio": "SM1", "vonage": "V1", "messagebird": "B1"}


class TestTwilio(RestContract):
    """The contract."""

    vendor = TWILIO


class TestVonage(RestContract):
    """The contract."""

    vendor = VONAGE


class TestMessageBird(RestContract):
    """The contract."""

    vendor = MESSAGEBIRD


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.provider.id)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """Run each vendor."""
    async with talking_to(request.param) as running:
        yield running


async def test_the_vendors_id_is_kept(line: Line) -> None:
    """So that events of the vendor find the message."""
    assert (await line.send()).external_id == IDS[line.provider.id]


@pytest.mark.parametrize("code", [408, 429, 500, 503])
async def test_what_passes_is_retried(line: Line, code: int) -> None:
    """With the vendor's wish when to come back."""
    line.answer(reply(code, b"{}", retry_after="7"))
    with pytest.raises(Retry) as caught:
        await line.send()
    assert caught.value.after == 7.0


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
async def test_what_stays_is_refused(line: Line, code: int) -> None:
    """The same request would get the same answer."""
    line.answer(reply(code, b"{}"))
    with pytest.raises(Refused):
        await line.send()


@pytest.mark.parametrize("to", ["", "call me", "+", "+49 30 abc", "+\u0661\u0662\u0663"])
async def test_what_is_no_number_bounces_unsent(line: Line, to: str) -> None:
    """Nobody is asked to send there."""
    with pytest.raises(Bounced):
        await line.send(to=to)
    assert line.server.seen == []


async def test_twilio_is_asked() -> None:
    """Its form; a messaging service stands in a field of its own."""
    async with talking_to(TWILIO) as line:
        await line.send(overrides={"StatusCallback": "https://x", "__strategy__": "merge"})
        assert line.form() == {
            "To": ["+15550100001"],
            "From": ["+15550100"],
            "Body": ["Hi"],
            "StatusCallback": ["https://x"],
        }
        await line.send_with({"from_number": "MG123"})
        assert line.form()["MessagingServiceSid"] == ["MG123"]
        assert "From" not in line.form()


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (21211, Bounced),
        (21614, Bounced),
        (21610, Bounced),
        (20429, Retry),
        (21408, Refused),
        (20003, Refused),
    ],
)
async def test_twilio_says_a_code(code: int, failure: type[DeliveryFailure]) -> None:
    """Some are about the number, one about the rate; the rest stays."""
    async with talking_to(TWILIO) as line:
        line.answer(reply(400, b'{"code": %d}' % code))
        with pytest.raises(failure):
            await line.send()


async def test_vonage_is_asked() -> None:
    """Its request; a text beyond the basic alphabet goes as Unicode."""
    async with talking_to(VONAGE) as line:
        await line.send(overrides={"ttl": 5})
        assert line.body() == {
            "api_key": "k",
            "api_secret": KEY,
            "from": "Acme",
            "to": "15550100001",
            "text": "Hi",
            "client-ref": MESSAGE_ID,
            "ttl": 5,
        }
        await line.send(body="Привет")
        assert line.body()["type"] == "unicode"
        await line.send(body="1 € für Ärger")
        assert "type" not in line.body()


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("1", Retry),
        ("5", Retry),
        ("7", Bounced),
        ("4", Misconfigured),
        ("6", Refused),
        ("99", Refused),
    ],
)
async def test_vonage_says_a_status(status: str, failure: type[DeliveryFailure]) -> None:
    """It answers 200 whatever became of the message."""
    async with talking_to(VONAGE) as line:
        line.answer(reply(200, b'{"messages": [{"status": "%b"}]}' % status.encode()))
        with pytest.raises(failure):
            await line.send()


async def test_messagebird_is_asked() -> None:
    """Its request."""
    async with talking_to(MESSAGEBIRD) as line:
        await line.send(overrides={"datacoding": "unicode"})
        assert line.body() == {
            "originator": "Acme",
            "recipients": ["+15550100001"],
            "body": "Hi",
            "reference": MESSAGE_ID,
            "datacoding": "unicode",
        }


async def test_messagebird_names_the_parameter() -> None:
    """What is wrong with the recipient is a bounce."""
    vendor = replace(MESSAGEBIRD)
    async with talking_to(vendor) as line:
        line.answer(reply(422, b'{"errors": [{"code": 9, "parameter": "recipients"}]}'))
        with pytest.raises(Bounced):
            await line.send()
        line.answer(reply(422, b'{"errors": [{"code": 9, "parameter": "originator"}]}'))
        with pytest.raises(Refused):
            await line.send()
