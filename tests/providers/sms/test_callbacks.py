"""What Twilio tells afterwards: asked for with each message, signed, and read as it writes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from domain.deliveries.reports import Callback, NotGenuine, StatusReport
from domain.messages.statuses import DeliveryStatus
from providers.sms.twilio import Twilio
from tests.providers.contract import MESSAGE_ID, open_context
from tests.providers.rest import SMS, Vendor, talking_to
from tests.providers.servers import reply

TOKEN = "a-token-of-twilio"
ADDRESS = "https://notify.acme.example/v1/integrations/callbacks/abc"
URL = f"{ADDRESS}?message={MESSAGE_ID}"
VENDOR = Vendor(
    Twilio,
    "/2010-04-01/Accounts/AC1/Messages.json",
    reply(201, b'{"sid": "SM1"}'),
    {"account_id": "AC1", "auth_token": TOKEN, "from_number": "+15550100"},
    SMS,
    [TOKEN],
)


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    """Make the provider."""
    async with open_context() as context:
        yield Twilio(context)


def told(*, url: str = URL, key: str = TOKEN, **fields: str) -> Callback:
    """Write a status callback as Twilio does, signed."""
    form = {"MessageSid": "SM1", "To": "+1 555", "Body": "a&b=ü", "Empty": "", **fields}
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    made = hmac.new(key.encode(), signed.encode(), hashlib.sha1).digest()
    signature = base64.b64encode(made).decode()
    return Callback(urlencode(form).encode(), {"x-twilio-signature": signature}, url)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MessageStatus": "delivered"}, (DeliveryStatus.DELIVERED, None)),
        ({"MessageStatus": "read"}, (DeliveryStatus.DELIVERED, None)),
        (
            {"MessageStatus": "undelivered", "ErrorCode": "30005"},
            (DeliveryStatus.BOUNCED, "Twilio says: undelivered, error 30005."),
        ),
        (
            {"MessageStatus": "failed", "ErrorCode": "21610"},
            (DeliveryStatus.BOUNCED, "Twilio says: failed, error 21610."),
        ),
        (
            {"MessageStatus": "undelivered", "ErrorCode": "30007"},
            (DeliveryStatus.UNDELIVERED, "Twilio says: undelivered, error 30007."),
        ),
        ({"MessageStatus": "failed"}, (DeliveryStatus.BOUNCED, "Twilio says: failed.")),
        (
            {"MessageStatus": "undelivered"},
            (DeliveryStatus.UNDELIVERED, "Twilio says: undelivered."),
        ),
        ({"MessageStatus": "sent"}, None),
        ({"MessageStatus": "queued", "ErrorCode": "30005"}, None),
        ({}, None),
    ],
)
async def test_what_statuses_say(twilio: Twilio, fields: dict[str, str], expected: Any) -> None:
    """A number that nobody can be reached by has bounced; any other failure is Twilio's."""
    wanted = []
    if expected is not None:
        status, details = expected
        wanted = [StatusReport(MESSAGE_ID, status, "SM1", details)]
    assert await twilio.read_callback(told(**fields), TOKEN) == wanted


@pytest.mark.parametrize(
    ("ours", "signed"),
    [(":8443", ""), ("", ":443"), (":8443", ":8443"), (":443", "")],
)
async def test_twilio_signs_with_a_port_or_without(twilio: Twilio, ours: str, signed: str) -> None:
    """Either is our address; another port is not."""
    host = "notify.acme.example"
    assert host in URL
    callback = told(MessageStatus="delivered", url=URL.replace(host, host + signed))
    here = replace(callback, url=URL.replace(host, host + ours))
    assert len(await twilio.read_callback(here, TOKEN)) == 1
    elsewhere = told(MessageStatus="delivered", url=URL.replace(host, f"{host}:9443"))
    with pytest.raises(NotGenuine):
        await twilio.read_callback(replace(elsewhere, url=here.url), TOKEN)


async def test_twilio_signs_address_and_form(twilio: Twilio) -> None:
    """With the token of the account; without one nothing is believed."""
    good = told(MessageStatus="delivered")
    assert len(await twilio.read_callback(good, TOKEN)) == 1
    for callback, key in (
        (replace(good, headers={}), TOKEN),
        (replace(good, headers={"x-twilio-signature": "é"}), TOKEN),
        (replace(good, url=URL.replace("1", "2")), TOKEN),
        (replace(good, raw=good.raw + b"&More=1"), TOKEN),
        (good, "another"),
        (good, None),
        (told(MessageStatus="delivered", key=""), None),
    ):
        with pytest.raises(NotGenuine):
            await twilio.read_callback(callback, key)


async def test_what_names_no_message_says_nothing(twilio: Twilio) -> None:
    """As of a service whose address an operator has set by hand."""
    callback = told(url=ADDRESS, MessageStatus="delivered")
    assert await twilio.read_callback(callback, TOKEN) == []


@pytest.mark.parametrize("body", [b"no form", b'{"MessageStatus": "delivered"}', b"\xff=1"])
async def test_what_is_no_form(twilio: Twilio, body: bytes) -> None:
    """It is refused before its signature is looked at."""
    with pytest.raises(ValueError, match="a Twilio event"):
        await twilio.read_callback(Callback(body, {}, URL), TOKEN)


async def test_twilio_is_given_an_address() -> None:
    """It names the message; overrides may give another one."""
    async with talking_to(VENDOR) as line:
        delivery = replace(VENDOR.delivery(line.server.url), callback_url=ADDRESS)
        await line.provider.send(delivery)
        assert line.form()["StatusCallback"] == [URL]
        overrides = {"StatusCallback": "https://acme.example/own"}
        await line.provider.send(
            replace(delivery, content={**delivery.content, "overrides": overrides})
        )
        assert line.form()["StatusCallback"] == ["https://acme.example/own"]
        await line.provider.send(replace(delivery, callback_url=None))
        assert "StatusCallback" not in line.form()
