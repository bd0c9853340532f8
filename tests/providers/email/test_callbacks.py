"""What vendors of e-mail tell afterwards: read as they write it, and believed when it is theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.deliveries.reports import Callback, NotGenuine, StatusReport, final_reports
from domain.messages.statuses import DeliveryStatus
from providers.email.mailgun import Mailgun
from providers.email.postmark import Postmark
from providers.email.resend import Resend
from providers.email.sendgrid import SendGrid
from tests.providers.contract import MESSAGE_ID, NOW, open_context

DELIVERED, BOUNCED = DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED
UNDELIVERED = DeliveryStatus.UNDELIVERED
AT = str(int(NOW.timestamp()))
_KEY = ec.generate_private_key(ec.SECP256R1())
_PUBLIC = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_SVIX = base64.b64encode(b"a key of svix 24 bytes..").decode()

Read = Callable[..., Awaitable[list[StatusReport]]]


@pytest.fixture
async def read() -> AsyncIterator[Read]:
    """Let a vendor read a body."""
    async with open_context() as context:

        async def read_by(
            vendor: Any, body: Any, key: str | None = None, **headers: str
        ) -> list[StatusReport]:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            callback = Callback(raw, named)
            provider = vendor(context) if isinstance(vendor, type) else vendor
            found: list[StatusReport] = await provider.read_callback(callback, key)
            return found

        yield read_by


def of_mailgun(
    event: str, severity: str | None = None, *, key: str = "", at: str = AT, token: str = "token"
) -> dict[str, Any]:
    """Write an event as Mailgun does."""
    signature = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": at, "token": token, "signature": signature},
        "event-data": {
            "event": event,
            **({"severity": severity} if severity else {}),
            "user-variables": {"knock_message_id": MESSAGE_ID},
            "message": {"headers": {"message-id": "m-1@mg"}},
            "delivery-status": {"description": "No such mailbox"},
        },
    }


def of_postmark(kind: str, **more: Any) -> dict[str, Any]:
    """Write an event as Postmark does."""
    named = {"Metadata": {"knock_message_id": MESSAGE_ID}, "MessageID": "p-1"}
    return {"RecordType": kind, **named, **more}


def of_resend(kind: str, tags: Any = None) -> dict[str, Any]:
    """Write an event as Resend does."""
    tags = {"knock_message_id": MESSAGE_ID} if tags is None else tags
    bounce = {"bounce": {"message": "No such mailbox"}} if kind == "email.bounced" else {}
    return {"type": kind, "data": {"email_id": "r-1", "tags": tags, **bounce}}


def of_sendgrid(kind: str, **more: Any) -> dict[str, Any]:
    """Write an event as SendGrid does."""
    named = {"knock_message_id": MESSAGE_ID, "sg_message_id": "s-1.filter001.1.2-3"}
    return {"event": kind, **named, **more}


def report(status: Any, external_id: str, details: str | None = None) -> StatusReport:
    """Write what is expected."""
    return StatusReport(MESSAGE_ID, status, external_id, details)


@pytest.mark.parametrize(
    ("vendor", "body", "expected"),
    [
        (Postmark, of_postmark("Delivery"), [report(DELIVERED, "p-1")]),
        (
            Postmark,
            of_postmark("Bounce", Type="HardBounce", Description="Unknown"),
            [report(BOUNCED, "p-1", "Unknown")],
        ),
        (Postmark, of_postmark("Bounce", Type="Transient"), []),
        (Postmark, of_postmark("Open"), []),
        (SendGrid, [of_sendgrid("delivered")], [report(DELIVERED, "s-1")]),
        (
            SendGrid,
            [of_sendgrid("processed"), of_sendgrid("bounce", type="bounce", reason="550 no")],
            [report(BOUNCED, "s-1", "550 no")],
        ),
        (SendGrid, [of_sendgrid("bounce", type="blocked")], []),
        (SendGrid, [of_sendgrid("dropped", reason="Bounced")], [report(BOUNCED, "s-1", "Bounced")]),
        (SendGrid, [of_sendgrid("open"), 5, None, {"event": "delivered"}], []),
        (Mailgun, of_mailgun("delivered"), [report(DELIVERED, "m-1@mg", "No such mailbox")]),
        (
            Mailgun,
            of_mailgun("failed", "permanent"),
            [report(BOUNCED, "m-1@mg", "No such mailbox")],
        ),
        (Mailgun, of_mailgun("failed", "temporary"), []),
        (Resend, of_resend("email.delivered"), [report(DELIVERED, "r-1")]),
        (Resend, of_resend("email.bounced"), [report(BOUNCED, "r-1", "No such mailbox")]),
        (
            Resend,
            of_resend("email.bounced", [{"name": "a"}, {"name": "knock_message_id", "value": "x"}]),
            [StatusReport("x", BOUNCED, "r-1", "No such mailbox")],
        ),
        (Resend, of_resend("email.delivered", [7]), []),
        (Resend, of_resend("email.opened"), []),
    ],
)
async def test_what_events_say(
    read: Read, vendor: Any, body: Any, expected: list[StatusReport]
) -> None:
    """Deliveries and lasting failures; of everything else nothing."""
    assert await read(vendor, body) == expected


@pytest.mark.parametrize("vendor", [Postmark, SendGrid, Mailgun, Resend])
@pytest.mark.parametrize("body", [b"", b"5", b"no json", b"\xff", b'"text"', b"[" * 9_000])
async def test_what_is_no_event(read: Read, vendor: Any, body: bytes) -> None:
    """A body that is none is refused; an odd one holds no report."""
    with pytest.raises(ValueError, match="must be an event"):
        await read(vendor, body)
    for odd in ({}, [], [[]], {"data": 1, "event-data": [], "Metadata": "x", "event": {}}):
        assert await read(vendor, odd) == []


async def test_postmark_has_a_password(read: Read) -> None:
    """It is part of the address that Postmark was given."""
    body, login = of_postmark("Delivery"), base64.b64encode(b"carillon:s3cret").decode()
    assert len(await read(Postmark, body, "s3cret", authorization=f"Basic {login}")) == 1
    for wrong in ("", f"Bearer {login}", "Basic %", f"Basic {login[:-4]}"):
        with pytest.raises(NotGenuine):
            await read(Postmark, body, "s3cret", authorization=wrong)


async def test_sendgrid_signs(read: Read) -> None:
    """With the key whose public half the channel has, over time and body."""
    raw = json.dumps([of_sendgrid("delivered")]).encode()
    key = base64.b64encode(_PUBLIC).decode()
    signed = _KEY.sign(AT.encode() + raw, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x_twilio_email_event_webhook_timestamp": AT,
        "x_twilio_email_event_webhook_signature": base64.b64encode(signed).decode(),
    }
    assert len(await read(SendGrid, raw, key, **headers)) == 1
    for body, public, given in (
        (raw + b" ", key, headers),
        (raw, key, {}),
        (raw, "no key", headers),
        (raw, base64.b64encode(b"no key").decode(), headers),
        (raw, key, {**headers, "x_twilio_email_event_webhook_timestamp": "1"}),
    ):
        with pytest.raises(NotGenuine):
            await read(SendGrid, body, public, **given)


async def test_mailgun_signs(read: Read) -> None:
    """With the account's signing key, over time and token."""
    assert len(await read(Mailgun, of_mailgun("delivered", key="k3y"), "k3y")) == 1
    for body in (of_mailgun("delivered", key="other"), {"signature": "x"}, {}):
        with pytest.raises(NotGenuine):
            await read(Mailgun, body, "k3y")


async def test_signature_of_mailgun_ends(read: Read) -> None:
    """It is good for as long as Mailgun may come back with a callback, and no longer."""

    def made(hours: float) -> str:
        return str(int((NOW - timedelta(hours=hours)).timestamp()))

    for at in (made(8.5), made(-8.5)):
        assert len(await read(Mailgun, of_mailgun("delivered", key="k3y", at=at), "k3y")) == 1
    for at in (made(9.5), made(-9.5), "", "soon", "9" * 400):
        with pytest.raises(NotGenuine):
            await read(Mailgun, of_mailgun("delivered", key="k3y", at=at), "k3y")


async def test_signature_of_mailgun_tells_one_thing(read: Read) -> None:
    """It is not of the body: what was told with it first may be repeated, nothing else told."""
    async with open_context() as context:
        mailgun = Mailgun(context)
        told = of_mailgun("delivered", key="k3y")
        assert await read(mailgun, told, "k3y") == await read(mailgun, told, "k3y")
        for forged in (
            of_mailgun("failed", "permanent", key="k3y"),
            of_mailgun("opened", key="k3y"),
            {**told, "event-data": {**told["event-data"], "recipient": "b@x.example"}},
        ):
            with pytest.raises(NotGenuine):
                await read(mailgun, forged, "k3y")
        other = of_mailgun("failed", "permanent", key="k3y", token="t-2")
        assert [each.status for each in await read(mailgun, other, "k3y")] == [BOUNCED]


async def test_signatures_of_mailgun_are_forgotten(read: Read) -> None:
    """A process remembers a bounded number of them."""
    async with open_context() as context:
        mailgun = Mailgun(context)
        events = [of_mailgun("opened", key="k3y", token=str(number)) for number in range(20_100)]
        await read(mailgun, events, "k3y")
        assert len(mailgun._told) == 20_000


async def test_resend_signs(read: Read) -> None:
    """As Svix does, and not long ago."""
    raw, key = json.dumps(of_resend("email.delivered")).encode(), f"whsec_{_SVIX}"

    def headers(at: str) -> dict[str, str]:
        text = f"id.{at}.".encode() + raw
        made = hmac.new(base64.b64decode(_SVIX), text, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(made).decode()}"
        return {"svix_id": "id", "svix_timestamp": at, "svix_signature": signature}

    assert len(await read(Resend, raw, key, **headers(AT))) == 1
    for body, given in ((raw + b" ", headers(AT)), (raw, headers("1")), (raw, {})):
        with pytest.raises(NotGenuine):
            await read(Resend, body, key, **given)


def test_of_several_reports_a_bounce_counts() -> None:
    """Whatever their order."""
    one = uuid4()
    told = [report(DELIVERED, "x"), report(BOUNCED, "x"), report(UNDELIVERED, "x")]
    for order in permutations(told):
        assert final_reports(dict.fromkeys(order, one)) == {one: told[1]}
    failed_first = {told[2]: one, told[0]: one}
    assert final_reports(failed_first) == {one: told[0]}


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        (Postmark, of_postmark("Delivery", Recipient="a@x.example")),
        (Postmark, of_postmark("Bounce", Type="HardBounce", Email="a@x.example")),
        (SendGrid, [of_sendgrid("delivered", email="a@x.example")]),
        (
            Mailgun,
            {"event-data": of_mailgun("delivered")["event-data"] | {"recipient": "a@x.example"}},
        ),
    ],
)
async def test_whose_mailbox_it_is_about(read: Read, vendor: Any, body: Any) -> None:
    """An e-mail with copies has events for each mailbox."""
    (found,) = await read(vendor, body)
    assert found.address == "a@x.example"
