"""Vendors that are asked what became of a message: how each is asked, and what its answers say."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from domain.deliveries.checks import Finding
from domain.deliveries.delivery import DeliveryFailure, Misconfigured, Refused, Retry
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from providers.base import is_asked
from providers.email.mailgun import Mailgun
from providers.email.postmark import Postmark
from providers.email.resend import Resend
from providers.email.sendgrid import SendGrid
from providers.email.ses import Ses
from providers.registry import PROVIDERS, load_provider, validate_settings
from providers.sms.messagebird import MessageBird
from providers.sms.twilio import Twilio
from tests.providers.contract import assert_exchange, open_context
from tests.providers.rest import EMAIL, HOSTILE, SMS, Vendor
from tests.providers.servers import HttpServer, reply, serving

DELIVERED, BOUNCED = DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED
UNDELIVERED = DeliveryStatus.UNDELIVERED
KEY = "key-very-secret"
ADA = "ada@example.com"


def basic(user: str) -> str:
    """Write a login."""
    return f"Basic {base64.b64encode(f'{user}:{KEY}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A vendor, where it is asked for a name, and by which header it knows who asks."""

    vendor: Vendor
    path: str
    query: dict[str, list[str]]
    header: tuple[str, str]
    name: str = "x/1"


def _asked(
    provider: Any,
    settings: JsonObject,
    path: str,
    header: tuple[str, str],
    *,
    content: JsonObject = EMAIL,
    **query: str,
) -> Asked:
    wanted = {"check_delivery_status": True, **settings}
    vendor = Vendor(provider, path, b"", wanted, content, [KEY])
    asked = {name.replace("_", "-"): [value] for name, value in query.items()}
    return Asked(vendor, path, asked, header)


MAILGUN = _asked(
    Mailgun,
    {"api_key": KEY, "domain": "mg.acme.example"},
    "/v3/mg.acme.example/events",
    ("authorization", basic("api")),
    message_id="x/1",
    limit="100",
)
POSTMARK = _asked(
    Postmark,
    {"api_key": KEY},
    "/messages/outbound/x%2F1/details",
    ("x-postmark-server-token", KEY),
)
RESEND = _asked(Resend, {"api_key": KEY}, "/emails/x%2F1", ("authorization", f"Bearer {KEY}"))
TWILIO = _asked(
    Twilio,
    {"account_id": "AC1", "auth_token": KEY, "from_number": "+15550100"},
    "/2010-04-01/Accounts/AC1/Messages/x%2F1.json",
    ("authorization", basic("AC1")),
    content=SMS,
)
MESSAGEBIRD = _asked(
    MessageBird,
    {"api_key": KEY, "from_number": "Acme"},
    "/messages/x%2F1",
    ("authorization", f"AccessKey {KEY}"),
    content=SMS,
)
SENDGRID = replace(
    _asked(SendGrid, {"api_key": KEY}, "/v3/messages", ("authorization", f"Bearer {KEY}")),
    name="abc",
)
ASKED = [MAILGUN, POSTMARK, RESEND, TWILIO, MESSAGEBIRD]
ALL = [*ASKED, SENDGRID]


@dataclass
class Line:
    """A provider and the server that it asks."""

    provider: Any
    server: HttpServer
    asked: Asked

    async def ask(self, answer: Any, *, name: str | None = None, **content: Any) -> Finding:
        """Ask, and have it answered; keywords replace parts of the message's content."""
        body = answer if isinstance(answer, bytes) else reply(200, json.dumps(answer).encode())
        self.server.replies[self.asked.path] = body
        delivery = self.asked.vendor.delivery(self.server.url, **content)
        finding: Finding = await self.provider.check_status(delivery, name or self.asked.name)
        return finding


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    """Run a server."""
    async with serving(HttpServer({})) as running:
        yield running


@pytest.fixture
async def line(server: HttpServer, request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """Bring the vendor that a test names."""
    async with open_context() as context:
        yield Line(request.param.vendor.provider(context), server, request.param)


def each(vendors: list[Asked]) -> Any:
    """Run a test for each of some vendors."""
    return pytest.mark.parametrize(
        "line", vendors, indirect=True, ids=lambda asked: asked.vendor.provider.id
    )


@each(ASKED)
async def test_a_vendor_is_asked_by_its_own_name(line: Line) -> None:
    """With the login of the channel, which no log shows."""
    finding = await line.ask({})
    (seen,) = line.server.seen
    path, _, query = seen.target.partition("?")
    assert (seen.method, path, parse_qs(query)) == ("GET", line.asked.path, line.asked.query)
    name, value = line.asked.header
    assert seen.headers[name] == value
    assert finding.status is None
    assert finding.exchange is not None
    assert_exchange(finding.exchange)
    assert KEY not in json.dumps(finding.exchange.request)


@each(ALL)
async def test_odd_answers_decide_nothing(line: Line) -> None:
    """Whatever a vendor answers, nothing else is raised than a failure to deliver."""
    odd: list[Any] = [
        *HOSTILE,
        {"items": 5, "MessageEvents": [None, 5], "messages": {}, "recipients": []},
        {"items": [[], {"event": 1}], "messages": [{"status": 3}], "last_event": [], "status": 1},
    ]
    for answer in odd:
        with suppress(DeliveryFailure):
            assert (await line.ask(answer)).status is None


@each(ALL)
@pytest.mark.parametrize(("code", "failure"), [(404, Refused), (401, Refused), (503, Retry)])
async def test_a_vendor_that_does_not_say(line: Line, code: int, failure: type[Exception]) -> None:
    """Its answer is logged; 429 says when to come back."""
    with pytest.raises(failure):
        await line.ask(reply(code, b"{}"))
    with pytest.raises(Retry) as caught:
        await line.ask(reply(429, b"{}", retry_after="7"))
    assert caught.value.after == 7.0
    assert caught.value.exchange is not None


def of_mailgun(kind: str, box: str = ADA, **more: Any) -> JsonObject:
    """Write an event of Mailgun's."""
    return {"event": kind, "recipient": box, **more}


def of_postmark(kind: str, box: str = ADA, **details: str) -> JsonObject:
    """Write an event of Postmark's."""
    return {"Type": kind, "Recipient": box, "Details": details}


def of_messagebird(status: str, **more: Any) -> JsonObject:
    """Write a message of MessageBird's."""
    return {"recipients": {"items": [{"status": status, **more}]}}


NO_SUCH = {"delivery-status": {"description": "no such mailbox"}}


@pytest.mark.parametrize(
    ("line", "answer", "expected"),
    [
        (MAILGUN, {"items": [of_mailgun("accepted")]}, None),
        (MAILGUN, {"items": [of_mailgun("accepted"), of_mailgun("delivered")]}, DELIVERED),
        (MAILGUN, {"items": [of_mailgun("failed", severity="temporary")]}, None),
        (
            MAILGUN,
            {"items": [of_mailgun("delivered"), of_mailgun("failed", severity="permanent")]},
            BOUNCED,
        ),
        (MAILGUN, {"items": [of_mailgun("rejected", reject={"reason": "no"})]}, UNDELIVERED),
        (MAILGUN, {"items": [of_mailgun("delivered", "boss@example.com")]}, None),
        (POSTMARK, {"MessageEvents": [of_postmark("Transient")]}, None),
        (POSTMARK, {"MessageEvents": [of_postmark("Delivered")]}, DELIVERED),
        (POSTMARK, {"MessageEvents": [of_postmark("Opened")]}, DELIVERED),
        (POSTMARK, {"MessageEvents": [of_postmark("Bounced", Summary="gone")]}, BOUNCED),
        (POSTMARK, {"MessageEvents": [of_postmark("Bounced", "Boss@Example.com")]}, None),
        (RESEND, {"last_event": "sent"}, None),
        (RESEND, {"last_event": "delivery_delayed"}, None),
        (RESEND, {"last_event": "delivered"}, DELIVERED),
        (RESEND, {"last_event": "clicked"}, DELIVERED),
        (RESEND, {"last_event": "complained"}, DELIVERED),
        (RESEND, {"last_event": "bounced"}, BOUNCED),
        (RESEND, {"last_event": "suppressed"}, BOUNCED),
        (RESEND, {"last_event": "failed"}, UNDELIVERED),
        (TWILIO, {"status": "sent", "error_code": None}, None),
        (TWILIO, {"status": "delivered", "error_code": None}, DELIVERED),
        (TWILIO, {"status": "undelivered", "error_code": 30005}, BOUNCED),
        (TWILIO, {"status": "undelivered", "error_code": 30003}, UNDELIVERED),
        (TWILIO, {"status": "failed", "error_code": 30001}, UNDELIVERED),
        (TWILIO, {"status": "failed", "error_code": None}, BOUNCED),
        (MESSAGEBIRD, of_messagebird("sent"), None),
        (MESSAGEBIRD, of_messagebird("buffered"), None),
        (MESSAGEBIRD, of_messagebird("delivered"), DELIVERED),
        (MESSAGEBIRD, of_messagebird("delivery_failed", statusErrorCode=5), UNDELIVERED),
        (MESSAGEBIRD, of_messagebird("expired"), UNDELIVERED),
    ],
    indirect=["line"],
)
async def test_what_answers_say(
    line: Line, answer: JsonObject, expected: DeliveryStatus | None
) -> None:
    """What is for good, and nothing of a copy."""
    copies = {"cc": "The Boss <boss@example.com>"} if line.asked.vendor.content is EMAIL else {}
    finding = await line.ask(answer, **copies)
    assert finding.status is expected


@pytest.mark.parametrize(
    ("line", "answer", "words"),
    [
        (
            MAILGUN,
            {"items": [of_mailgun("failed", severity="permanent", **NO_SUCH)]},
            "no such mailbox",
        ),
        (POSTMARK, {"MessageEvents": [of_postmark("Bounced", Summary="gone")]}, "gone"),
        (RESEND, {"last_event": "bounced"}, "Resend says: bounced."),
        (
            TWILIO,
            {"status": "undelivered", "error_code": 30003},
            "Twilio says: undelivered, error 30003.",
        ),
        (
            MESSAGEBIRD,
            of_messagebird("delivery_failed", statusReason="unknown subscriber"),
            "MessageBird says: delivery_failed (unknown subscriber).",
        ),
    ],
    indirect=["line"],
)
async def test_a_failure_has_the_vendors_words(line: Line, answer: JsonObject, words: str) -> None:
    """They are told with the event."""
    assert (await line.ask(answer)).details == words


@each([SENDGRID])
async def test_sendgrid_is_asked_why(line: Line) -> None:
    """Its list of e-mails says only that one was not delivered; a copy is nobody's concern."""
    mail = {"to_email": ADA, "status": "not_delivered", "msg_id": "abc.filter-1"}
    copied = {"to_email": "boss@example.com", "status": "not_delivered", "msg_id": "abc.filter-2"}
    event = {"event_name": "bounced", "bounce_type": "hard", "reason": "550 no such user"}
    detail = "/v3/messages/abc.filter-1"
    answers: list[tuple[list[JsonObject], DeliveryStatus, str | None]] = [
        ([event], BOUNCED, "550 no such user"),
        ([{"event_name": "processed"}, {"event_name": "dropped"}], BOUNCED, None),
        ([{**event, "bounce_type": "blocked"}], UNDELIVERED, None),
        ([{"event_name": "deferred"}], UNDELIVERED, None),
    ]
    for events, status, words in answers:
        line.server.replies[detail] = reply(200, json.dumps({"events": events}).encode())
        finding = await line.ask({"messages": [copied, mail]}, cc="boss@example.com")
        assert (finding.status, finding.details) == (status, words)
        assert finding.exchange is not None
        assert finding.exchange.request["path"] == detail
    assert 'query=msg_id LIKE "abc%"' in unquote(line.server.seen[0].target).replace("+", " ")
    delivered = {**mail, "status": "delivered"}
    assert (await line.ask({"messages": [delivered]})).status is DELIVERED
    assert (await line.ask({"messages": [copied]}, cc="boss@example.com")).status is None
    line.server.replies[detail] = reply(429, b"{}", retry_after="10")
    with pytest.raises(Retry):
        await line.ask({"messages": [mail]})


@each([SENDGRID])
async def test_a_name_is_no_query(line: Line) -> None:
    """SendGrid's names are of letters and digits; another one would ask for other e-mails."""
    with pytest.raises(Refused):
        await line.ask({}, name='x%" OR status="delivered')
    assert line.server.seen == []


@each(ALL)
async def test_a_channel_says_whether_it_asks(line: Line) -> None:
    """It does not unless it says so."""
    delivery = line.asked.vendor.delivery(line.server.url)
    assert is_asked(line.provider, delivery)
    for value in (False, None, "", " ", ...):
        setting = {} if value is ... else {"check_delivery_status": value}
        quiet = {name: delivery.settings[name] for name in delivery.settings}
        del quiet["check_delivery_status"]
        assert not is_asked(line.provider, replace(delivery, settings={**quiet, **setting}))
    with pytest.raises(Misconfigured):
        is_asked(
            line.provider,
            replace(delivery, settings={**delivery.settings, "check_delivery_status": "x"}),
        )


async def test_who_cannot_be_asked_is_not() -> None:
    """Not even where a channel was set up for it by another version."""
    async with open_context() as context:
        vendor = Vendor(Ses, "", b"", {"check_delivery_status": True}, EMAIL, [])
        assert not is_asked(Ses(context), vendor.delivery("https://x"))


@pytest.mark.parametrize("provider_id", PROVIDERS)
def test_the_setting_is_taken_where_it_works(provider_id: str) -> None:
    """Elsewhere it is an error, because somebody would rely on it; what is off does no harm."""
    place = "provider_settings.check_delivery_status"

    def faults(value: Any) -> list[str]:
        found = validate_settings(provider_id, {"check_delivery_status": value})
        return [error.field for error in found if error.field == place]

    works = hasattr(load_provider(provider_id), "check_status")
    assert (faults(True), faults(False)) == ([] if works else [place], [])
    assert (faults(None), faults("")) == ([], [])
    assert faults("perhaps") == [place]
    assert faults("{{ vars.asks }}") == ([] if works else [place])


def test_which_vendors_can_be_asked() -> None:
    """Those whose API says it, and no others."""
    asked = {name for name in PROVIDERS if hasattr(load_provider(name), "check_status")}
    assert asked == {"mailgun", "postmark", "resend", "sendgrid", "messagebird", "twilio"}
