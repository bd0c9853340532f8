"""The vendors of e-mail with an HTTP API, against servers that answer like them."""

from __future__ import annotations

import email
import email.policy
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain.deliveries.delivery import (
    Bounced,
    DeliveryFailure,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
)
from domain.messages.attachments import Attachment
from providers.email.mailgun import Mailgun
from providers.email.postmark import Postmark
from providers.email.resend import Resend
from providers.email.sendgrid import SendGrid
from providers.email.ses import Ses
from tests.providers.contract import MESSAGE_ID
from tests.providers.rest import EMAIL, Line, RestContract, Vendor, talking_to
from tests.providers.servers import reply

KEY = "key-very-secret"
SENDER, TO = '"Acme, Inc" <hello@acme.example>', '"Ada" <ada@example.com>'
RESEND = Vendor(Resend, "/emails", reply(200, b'{"id": "r-1"}'), {"api_key": KEY}, EMAIL, [KEY])
POSTMARK = Vendor(
    Postmark,
    "/email",
    reply(200, b'{"MessageID": "p-1", "ErrorCode": 0}'),
    {"api_key": KEY},
    EMAIL,
    [KEY],
)
SENDGRID = Vendor(
    SendGrid, "/v3/mail/send", reply(202, x_message_id="s-1"), {"api_key": KEY}, EMAIL, [KEY]
)
MAILGUN = Vendor(
    Mailgun,
    "/v3/mg.acme.example/messages",
    reply(200, b'{"id": "<m-1@mg>", "message": "Queued"}'),
    {"api_key": KEY, "domain": "mg.acme.example"},
    EMAIL,
    [KEY],
)
SES = Vendor(
    Ses,
    "/v2/email/outbound-emails",
    reply(200, b'{"MessageId": "a-1"}'),
    {"region": "eu-west-1", "access_key_id": "AKID", "secret_access_key": KEY},
    EMAIL,
    [KEY],
)
IDS = {"resend": "r-1", "postmark": "p-1", "sendgrid": "s-1", "mailgun": "m-1@mg", "aws_ses": "a-1"}
VENDORS = [RESEND, POSTMARK, SENDGRID, MAILGUN, SES]
COPIES = {
    "cc": "Bob <bob@example.com>, eve@example.com",
    "bcc": "audit@example.com",
    "reply_to": "desk@acme.example",
}


class TestResend(RestContract):
    """The contract."""

    vendor = RESEND


class TestPostmark(RestContract):
    """The contract."""

    vendor = POSTMARK


class TestSendGrid(RestContract):
    """The contract."""

    vendor = SENDGRID


class TestMailgun(RestContract):
    """The contract."""

    vendor = MAILGUN


class TestSes(RestContract):
    """The contract."""

    vendor = SES


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.provider.id)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """Run each vendor."""
    async with talking_to(request.param) as running:
        yield running


async def test_the_vendors_id_is_kept(line: Line) -> None:
    """So that events of the vendor find the message."""
    assert (await line.send()).external_id == IDS[line.provider.id]


@pytest.mark.parametrize("code", [408, 425, 429, 500, 503])
async def test_what_passes_is_retried(line: Line, code: int) -> None:
    """With the vendor's wish when to come back."""
    line.answer(reply(code, b"{}", retry_after="7"))
    with pytest.raises(Retry) as caught:
        await line.send()
    assert caught.value.after == 7.0


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
async def test_what_stays_is_refused(line: Line, code: int) -> None:
    """The same request would get the same answer."""
    line.answer(reply(code, b"{}"))
    with pytest.raises(Refused):
        await line.send()


@pytest.mark.parametrize("to", ["", "nobody", "a@example.com, b@example.com"])
async def test_a_broken_address_bounces_unsent(line: Line, to: str) -> None:
    """Nobody is asked to send to what is no address, or to two."""
    with pytest.raises(Bounced):
        await line.send(to=to)
    assert line.server.seen == []


async def test_a_sender_is_needed(line: Line) -> None:
    """A channel without a from address cannot work."""
    with pytest.raises(Misconfigured):
        await line.send(**{"from": ""})


async def test_the_server_is_named_by_settings(line: Line) -> None:
    """Deliveries to one server hang together."""
    server = line.provider.server(line.vendor.delivery(line.server.url))  # type: ignore[attr-defined]
    assert server == f"127.0.0.1:{line.server.port}"


async def test_a_broken_server_is_the_owners_to_mend(line: Line) -> None:
    """One that was stored as the check was weaker has a name, and no message waits for it."""
    delivery = line.vendor.delivery("https://[::1")
    assert str(line.provider.server(delivery)).startswith(line.provider.id)  # type: ignore[attr-defined]
    with pytest.raises(Misconfigured):
        await line.provider.send(delivery)


async def test_headers_go_along() -> None:
    """Each vendor gets them in its own form, and once; those to unsubscribe are not the author's.

    With the strategy `replace` they stay.
    """
    url = "<https://acme.example/u>"
    laid = {"__strategy__": "replace", "headers": {"X-A": "1"}}
    changes: dict[str, Any] = {"headers": {"X-A": "1", "List-Unsubscribe": url}, "overrides": laid}
    listed = [{"Name": "X-A", "Value": "1"}, {"Name": "List-Unsubscribe", "Value": url}]
    assert (await _sent(RESEND, **changes)).body()["headers"] == changes["headers"]
    assert (await _sent(SENDGRID, **changes)).body()["headers"] == changes["headers"]
    asked = (await _sent(POSTMARK, **changes)).body()
    assert asked["Headers"] == listed
    assert "headers" not in asked
    form = (await _sent(MAILGUN, **changes)).form()
    assert form["h:List-Unsubscribe"] == [url]
    assert "headers" not in form
    simple = (await _sent(SES, **changes)).body()["Content"]["Simple"]
    assert simple["Headers"] == listed


async def _sent(vendor: Vendor, settings: dict[str, Any] | None = None, **changes: Any) -> Line:
    async with talking_to(vendor) as line:
        await line.send_with(settings or {}, **changes)
        return line


async def test_resend_is_asked() -> None:
    """Its request, and the key that keeps an e-mail from being sent twice."""
    line = await _sent(RESEND, **COPIES, overrides={"tags": [{"name": "a", "value": "b"}]})
    assert line.body() == {
        "from": SENDER,
        "to": [TO],
        "subject": "Hello",
        "html": "<p>Hëllo</p>",
        "text": "Hëllo",
        "cc": ['"Bob" <bob@example.com>', "eve@example.com"],
        "bcc": ["audit@example.com"],
        "reply_to": ["desk@acme.example"],
        "tags": [{"name": "a", "value": "b"}],
    }
    assert line.seen.headers["idempotency-key"] == MESSAGE_ID
    assert line.seen.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("name", "failure"),
    [("concurrent_idempotent_requests", Retry), ("invalid_idempotent_request", Refused)],
)
async def test_resend_knows_the_key(name: str, failure: type[DeliveryFailure]) -> None:
    """An attempt beside another one comes back later."""
    async with talking_to(RESEND) as line:
        line.answer(reply(409, json.dumps({"name": name}).encode()))
        with pytest.raises(failure):
            await line.send()


async def test_postmark_is_asked() -> None:
    """Its request, with the names that Knock's events are found by."""
    tracking = {"open_tracking": True, "link_tracking": False}
    line = await _sent(POSTMARK, tracking, **COPIES, overrides={"MessageStream": "broadcasts"})
    assert line.body() == {
        "From": SENDER,
        "To": TO,
        "Subject": "Hello",
        "HtmlBody": "<p>Hëllo</p>",
        "TextBody": "Hëllo",
        "Metadata": {"knock_message_id": MESSAGE_ID, "knock_recipient_id": "ada@example.com"},
        "Tag": "welcome",
        "Cc": '"Bob" <bob@example.com>, eve@example.com',
        "Bcc": "audit@example.com",
        "ReplyTo": "desk@acme.example",
        "TrackOpens": True,
        "TrackLinks": "None",
        "MessageStream": "broadcasts",
    }
    assert line.seen.headers["x-postmark-server-token"] == KEY


@pytest.mark.parametrize(
    ("code", "words", "raised"),
    [
        (406, "inactive", Bounced),
        (300, "Invalid 'To' address: 'ada@example'.", Bounced),
        (300, "Invalid email request", Bounced),
        (300, "Invalid 'From' address: 'hello'.", Refused),
        (300, "Provide either email TextBody or HtmlBody or both.", Refused),
        (400, "The sender signature is not confirmed.", Refused),
    ],
)
async def test_postmark_knows_bad_recipients(
    code: int, words: str, raised: type[DeliveryFailure]
) -> None:
    """Errors 406 and 300: the address has bounced before, or is none. All else is ours."""
    async with talking_to(POSTMARK) as line:
        answer = json.dumps({"ErrorCode": code, "Message": words})
        line.answer(reply(422, answer.encode()))
        with pytest.raises(raised):
            await line.send()


async def test_sendgrid_is_asked() -> None:
    """Its request; an address that is named twice stands in it once."""
    copies = {**COPIES, "bcc": "ADA@example.com, audit@example.com, bob@example.com"}
    line = await _sent(SENDGRID, {"link_tracking": True}, **copies, overrides={"ip_pool_name": "x"})
    assert line.body() == {
        "personalizations": [
            {
                "to": [{"email": "ada@example.com", "name": "Ada"}],
                "cc": [{"email": "bob@example.com", "name": "Bob"}, {"email": "eve@example.com"}],
                "bcc": [{"email": "audit@example.com"}],
            }
        ],
        "from": {"email": "hello@acme.example", "name": "Acme, Inc"},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "Hëllo"},
            {"type": "text/html", "value": "<p>Hëllo</p>"},
        ],
        "custom_args": {"knock_message_id": MESSAGE_ID, "knock_recipient_id": "ada@example.com"},
        "reply_to_list": [{"email": "desk@acme.example"}],
        "categories": ["welcome"],
        "tracking_settings": {"click_tracking": {"enable": True}},
        "ip_pool_name": "x",
    }


async def test_sendgrid_takes_no_empty_part() -> None:
    """A message without text has its HTML only."""
    line = await _sent(SENDGRID, text_body="")
    assert [part["type"] for part in line.body()["content"]] == ["text/html"]


async def test_mailgun_is_asked() -> None:
    """Its form, and the login."""
    tracking = {"open_tracking": True, "link_tracking": False}
    line = await _sent(
        MAILGUN, tracking, **COPIES, overrides={"o:tag": ["a", "b"], "o:testmode": True}
    )
    assert line.form() == {
        "from": [SENDER],
        "to": [TO],
        "subject": ["Hello"],
        "html": ["<p>Hëllo</p>"],
        "text": ["Hëllo"],
        "v:knock_message_id": [MESSAGE_ID],
        "v:knock_recipient_id": ["ada@example.com"],
        "o:tag": ["a", "b"],
        "cc": ['"Bob" <bob@example.com>, eve@example.com'],
        "bcc": ["audit@example.com"],
        "h:Reply-To": ["desk@acme.example"],
        "o:tracking-opens": ["yes"],
        "o:tracking-clicks": ["no"],
        "o:testmode": ["yes"],
    }
    assert line.seen.headers["authorization"].startswith("Basic ")


def test_mailgun_has_two_regions() -> None:
    """The region decides the server unless one is named."""
    provider = Mailgun.__new__(Mailgun)
    delivery = MAILGUN.delivery("https://x")
    settings = Mailgun.Settings.model_validate({**MAILGUN.settings, "region": "eu"})
    request = provider.build_request(delivery, settings)  # type: ignore[arg-type]
    assert request.url.host == "api.eu.mailgun.net"


async def test_ses_is_asked() -> None:
    """Its request, signed; a name that is not ASCII is an encoded word."""
    sender = '"Ümläut" <hello@acme.example>'
    line = await _sent(
        SES,
        {"configuration_set": "events", "session_token": "tok-secret"},
        **{**COPIES, "from": sender},
        headers={"X-A": "1"},
        overrides={"headers": {"X-A": "1"}, "FeedbackForwardingEmailAddress": "f@acme.example"},
    )
    body = line.body()
    assert body["FromEmailAddress"] == "=?utf-8?b?w5xtbMOkdXQ=?= <hello@acme.example>"
    assert body["Destination"] == {
        "ToAddresses": ["Ada <ada@example.com>"],
        "CcAddresses": ["Bob <bob@example.com>", "eve@example.com"],
        "BccAddresses": ["audit@example.com"],
    }
    assert body["Content"]["Simple"]["Body"]["Html"] == {"Data": "<p>Hëllo</p>", "Charset": "UTF-8"}
    assert body["Content"]["Simple"]["Headers"] == [{"Name": "X-A", "Value": "1"}]
    assert body["EmailTags"] == [
        {"Name": "knock_message_id", "Value": MESSAGE_ID},
        {"Name": "knock_workflow", "Value": "welcome"},
        {"Name": "knock_recipient_id", "Value": "adaexamplecom"},
    ]
    assert body["ReplyToAddresses"] == ["desk@acme.example"]
    assert body["ConfigurationSetName"] == "events"
    assert body["FeedbackForwardingEmailAddress"] == "f@acme.example"
    assert "headers" not in body
    headers = line.seen.headers
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKID/20260301/eu-west-1/ses/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
    )
    assert headers["x-amz-security-token"] == "tok-secret"


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("ThrottlingException", Retry),
        ("TooManyRequestsException:http://x", Retry),
        ("MessageRejected", Refused),
    ],
)
async def test_ses_says_the_kind_of_an_error(kind: str, failure: type[DeliveryFailure]) -> None:
    """Throttling passes, also with a code that else would stay."""
    async with talking_to(SES) as line:
        line.answer(reply(400, b"{}", **{"x-amzn-errortype": kind}))
        with pytest.raises(failure):
            await line.send()


def test_ses_has_a_server_in_each_region() -> None:
    """Regions do not share their limits."""
    provider = Ses.__new__(Ses)
    delivery = SES.delivery("")
    assert provider.server(delivery) == "aws_ses/eu-west-1"


LOGO = Attachment(name="logo.png", content_type="image/png", content=b"\x89PNG", content_id="logo")
INVITE = Attachment(
    name="invite.ics",
    content_type="text/calendar; method=REQUEST",
    content=b"BEGIN:VCALENDAR",
    disposition="inline",
)
INVOICE = Attachment(name="Nº 1.pdf", content_type="application/pdf", content=b"%PDF secret")
FILES = (LOGO, INVITE, INVOICE)


async def send_files(vendor: Vendor, *files: Attachment) -> tuple[Line, Outcome]:
    """Send files with an e-mail."""
    async with talking_to(vendor) as line:
        delivery = vendor.delivery(line.server.url)
        return line, await line.provider.send(replace(delivery, attachments=files))


@pytest.mark.parametrize(
    ("vendor", "place", "names", "more"),
    [
        (
            POSTMARK,
            ["Attachments"],
            ("Name", "ContentType", "Content"),
            [{"ContentID": "cid:logo"}, {"ContentID": "cid:invite.ics"}, {}],
        ),
        (
            RESEND,
            ["attachments"],
            ("filename", "content_type", "content"),
            [{"content_id": "logo"}, {}, {}],
        ),
        (
            SENDGRID,
            ["attachments"],
            ("filename", "type", "content"),
            [
                {"content_id": "logo", "disposition": "inline"},
                {"disposition": "inline"},
                {"disposition": "attachment"},
            ],
        ),
        (
            SES,
            ["Content", "Simple", "Attachments"],
            ("FileName", "ContentType", "RawContent"),
            [
                {
                    "ContentId": "logo",
                    "ContentDisposition": "INLINE",
                    "ContentTransferEncoding": "BASE64",
                },
                {"ContentDisposition": "INLINE", "ContentTransferEncoding": "BASE64"},
                {"ContentDisposition": "ATTACHMENT", "ContentTransferEncoding": "BASE64"},
            ],
        ),
    ],
    ids=["postmark", "resend", "sendgrid", "aws_ses"],
)
async def test_files_go_along(
    vendor: Vendor, place: list[str], names: tuple[str, ...], more: list[Any]
) -> None:
    """Each vendor gets name, type and base64 in its own words, and which are within the mail."""
    line, _ = await send_files(vendor, *FILES)
    body = line.body()
    for name in place:
        body = body[name]
    expected = [
        dict(zip(names, (file.name, file.content_type, file.base64), strict=True)) | extra
        for file, extra in zip(FILES, more, strict=True)
    ]
    assert body == expected
    assert b64decode(body[2][names[2]]) == b"%PDF secret"


async def test_mailgun_gets_files_as_parts_of_its_form() -> None:
    """Beside all the other fields; one within the mail is named by its id."""
    line, _ = await send_files(MAILGUN, *FILES)
    head = f"Content-Type: {line.seen.headers['content-type']}\r\n\r\n".encode()
    form: Any = email.message_from_bytes(head + line.seen.body, policy=email.policy.HTTP)
    parts = {
        (part.get_param("name", header="content-disposition"), part.get_filename()): (
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in form.iter_parts()
    }
    assert parts["inline", "logo"] == ("image/png", b"\x89PNG")
    assert parts["inline", "invite.ics"] == ("text/calendar", b"BEGIN:VCALENDAR")
    assert parts["attachment", "Nº 1.pdf"] == ("application/pdf", b"%PDF secret")
    assert parts["subject", None][1] == b"Hello"
    assert parts["v:knock_message_id", None][1] == MESSAGE_ID.encode()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.provider.id)
async def test_no_log_has_what_is_in_a_file(vendor: Vendor) -> None:
    """Its name and how long it is stand there."""
    _, outcome = await send_files(vendor, INVOICE)
    assert outcome.exchange is not None
    logged = str(outcome.exchange.request)
    assert "[11 bytes]" in logged
    assert "1.pdf" in logged
    for content in ("%PDF", INVOICE.base64):
        assert content not in logged


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.provider.id)
async def test_a_mail_that_is_too_large_is_refused_unsent(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both sizes, and without a call that would be refused: base64 makes four of three."""
    monkeypatch.setattr(vendor.provider, "most_bytes", 20 + len("<p>Hëllo</p>Hëllo") + 2)
    await send_files(vendor, replace(INVOICE, content=bytes(15)))
    with pytest.raises(Refused, match=r"43 bytes.* accepts at most 39"):
        await send_files(vendor, replace(INVOICE, content=bytes(16)))
