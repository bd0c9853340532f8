"""What Amazon SES tells through SNS: believed when SNS has signed it, and read in both forms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.deliveries.reports import Callback, NotGenuine, NotNow, StatusReport
from domain.messages.statuses import DeliveryStatus
from providers.email.ses import Ses
from providers.sns_notifications import _HOST
from tests.providers.contract import MESSAGE_ID, NOW, open_context
from tests.providers.servers import HttpServer, reply, serving
from tests.support.sns import (
    CERTIFICATE_PATH,
    CONFIRM_PATH,
    CONFIRM_QUERY,
    HOST,
    TOPIC,
    NearAmazon,
    Sns,
)

_SNS = Sns()
_DELIVERY = {
    "eventType": "Delivery",
    "mail": {"messageId": "e-1", "tags": {"knock_message_id": [MESSAGE_ID]}},
    "delivery": {"recipients": ["ada@example.com"]},
}
DELIVERED = StatusReport(MESSAGE_ID, DeliveryStatus.DELIVERED, "e-1", None, "ada@example.com")


@dataclass
class Line:
    """A provider, and the server that stands for SNS."""

    ses: Ses
    server: HttpServer

    async def read(self, body: Any, topic: str | None = None) -> list[StatusReport]:
        """Read a request of SNS."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ses.read_callback(Callback(raw, {}), topic)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Run SNS on this machine."""
    async with serving(HttpServer({})) as server:
        _SNS.serve(server, NOW)
        client = httpx.AsyncClient(transport=NearAmazon(server))
        async with open_context(client=client) as context:
            yield Line(Ses(context), server)


@pytest.mark.parametrize("version", ["1", "2"])
async def test_both_signatures_are_believed(line: Line, version: str) -> None:
    """With and without a subject; the certificate is asked for once."""
    for more in ({}, {"Subject": "Amazon SES Email Event Notification"}):
        assert await line.read(_SNS.notify(_DELIVERY, version, **more)) == [DELIVERED]
    assert [seen.target for seen in line.server.seen] == [CERTIFICATE_PATH]


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"Timestamp": "2026-03-01T12:00:00.001Z"},
        {"Subject": "not signed"},
        {"Signature": "%"},
        {"Signature": ""},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"Type": "Else"},
        {"TopicArn": None},
        {"SigningCertURL": None},
    ],
)
async def test_what_sns_has_not_signed_is_not_believed(line: Line, change: dict[str, Any]) -> None:
    """Whatever of it is changed or missing."""
    with pytest.raises(NotGenuine):
        await line.read({**_SNS.notify(_DELIVERY), **change})


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}{CERTIFICATE_PATH}",
        f"https://{HOST}:444{CERTIFICATE_PATH}",
        f"https://evil@{HOST}{CERTIFICATE_PATH}",
        f"https://{HOST}.evil.example{CERTIFICATE_PATH}",
        f"https://evil.example/{HOST}{CERTIFICATE_PATH}",
        f"https://sns.a.b.amazonaws.com{CERTIFICATE_PATH}",
        f"https://bucket.s3.amazonaws.com{CERTIFICATE_PATH}",
        f"https://sns.s3-us-west-2.amazonaws.com{CERTIFICATE_PATH}",
        f"https://sns.s3.amazonaws.com{CERTIFICATE_PATH}",
        f"https://{HOST}{CERTIFICATE_PATH}?x=y",
        f"https://{HOST}{CERTIFICATE_PATH}?",
        f"https://{HOST}{CERTIFICATE_PATH}#x",
        f"https://{HOST}/?Action=ListTopics&Version=2010-03-31",
        f"https://{HOST}/a{CERTIFICATE_PATH}",
        f"https://{HOST}//SimpleNotificationService-a%2Fb.pem",
        "https://[",
        "",
    ],
)
async def test_nobody_else_is_asked(line: Line, url: str) -> None:
    """Neither for a certificate nor to confirm a subscription."""
    with pytest.raises(NotGenuine):
        await line.read(_SNS.notify(_DELIVERY, SigningCertURL=url))
    assert line.server.seen == []
    with pytest.raises(NotGenuine):
        await line.read(_SNS.ask(SubscribeURL=url))
    assert [seen.target for seen in line.server.seen] == [CERTIFICATE_PATH]


@pytest.mark.parametrize(
    "region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "mx-central-1", "cn-north-1"]
)
def test_every_region_has_its_server(region: str) -> None:
    """Those in China have an end of their own."""
    end = ".cn" if region.startswith("cn-") else ""
    assert _HOST.fullmatch(f"sns.{region}.amazonaws.com{end}")


@pytest.mark.parametrize(
    "query",
    [
        f"Action=Unsubscribe&TopicArn={TOPIC}&Token=t",
        f"Action=ConfirmSubscription&TopicArn={TOPIC}-other&Token=t",
        f"Action=ConfirmSubscription&TopicArn={TOPIC}&Token=other",
        f"Action=ConfirmSubscription&Action=Unsubscribe&TopicArn={TOPIC}&Token=t",
        "Action=ConfirmSubscription&Token=t",
    ],
)
async def test_nothing_else_is_done_than_to_confirm(line: Line, query: str) -> None:
    """The topic that asks, by the token that it was asked with."""
    with pytest.raises(NotGenuine):
        await line.read(_SNS.ask(SubscribeURL=f"https://{HOST}{CONFIRM_PATH}?{query}"))
    assert [seen.target for seen in line.server.seen] == [CERTIFICATE_PATH]


async def test_a_certificate_is_not_looked_for_in_other_words(line: Line) -> None:
    """SNS also answers with words of whoever asks it: an error quotes what is wrong."""
    certificate = line.server.replies[CERTIFICATE_PATH].partition(b"\r\n\r\n")[2]
    quoted = b"<ErrorResponse><Message>" + certificate + b"</Message></ErrorResponse>"
    line.server.replies[CERTIFICATE_PATH] = reply(200, quoted)
    with pytest.raises(NotGenuine):
        await line.read(_SNS.notify(_DELIVERY))


@pytest.mark.parametrize("certificate", [b"", b"no certificate", None])
async def test_what_is_no_certificate(line: Line, certificate: bytes | None) -> None:
    """Nor one of another key, nor one whose days are over; a good one may follow."""
    day = timedelta(days=1)
    over = _SNS.certificate(NOW - 2 * day, NOW - day)
    others = [reply(200, over), reply(200, Sns().certificate(NOW - day, NOW + day))]
    for answer in (reply(200, certificate) if certificate is not None else reply(404), *others):
        line.server.replies[CERTIFICATE_PATH] = answer
        line.ses = Ses(line.ses._context)
        with pytest.raises(NotGenuine):
            await line.read(_SNS.notify(_DELIVERY))


async def test_a_certificate_is_asked_for_again_after_a_while(line: Line) -> None:
    """So that one which SNS has replaced is not believed for ever."""
    now = NOW
    line.ses = Ses(replace(line.ses._context, clock=lambda: now))
    for _ in range(2):
        await line.read(_SNS.notify(_DELIVERY))
    now = NOW + timedelta(hours=13)
    await line.read(_SNS.notify(_DELIVERY))
    assert len(line.server.seen) == 2


async def test_sns_that_is_away_is_to_come_back(line: Line) -> None:
    """It sends the same again for a while."""
    line.server.replies[CERTIFICATE_PATH] = reply(503)
    with pytest.raises(NotNow):
        await line.read(_SNS.notify(_DELIVERY))
    _SNS.serve(line.server, NOW)
    line.server.replies[CONFIRM_PATH] = reply(500)
    with pytest.raises(NotNow):
        await line.read(_SNS.ask())


async def test_a_subscription_is_confirmed(line: Line) -> None:
    """As often as SNS asks; the address that it gives is only read with its signature."""
    for _ in range(2):
        assert await line.read(_SNS.ask()) == []
    confirmed = f"{CONFIRM_PATH}?{CONFIRM_QUERY}"
    assert [seen.target for seen in line.server.seen] == [CERTIFICATE_PATH, confirmed, confirmed]
    with pytest.raises(NotGenuine):
        await line.read({**_SNS.ask(), "SubscribeURL": f"https://{HOST}/?Action=Else"})
    assert len(line.server.seen) == 3


async def test_a_topic_may_be_the_only_one(line: Line) -> None:
    """Anybody has topics of SNS, and could subscribe an address that leaked."""
    assert await line.read(_SNS.notify(_DELIVERY), TOPIC) == [DELIVERED]
    for body in (_SNS.notify(_DELIVERY), _SNS.ask()):
        with pytest.raises(NotGenuine):
            await line.read(body, f"{TOPIC}-other")
    assert [seen.target for seen in line.server.seen] == [CERTIFICATE_PATH]


@pytest.mark.parametrize("body", [b"", b"5", b"[]", b"no json", b"\xff"])
async def test_what_is_no_request_of_sns(line: Line, body: bytes) -> None:
    """A raw event of SES is one without proof."""
    with pytest.raises(ValueError, match="not an SNS event"):
        await line.read(body)
    with pytest.raises(NotGenuine):
        await line.read(_DELIVERY)


def told(kind: str, **more: Any) -> dict[str, Any]:
    """Write feedback of an identity, which has no tags."""
    return {"notificationType": kind, "mail": {"messageId": "e-1"}, **more}


def bounce(kind: str, subtype: str, **of_mailbox: str) -> dict[str, Any]:
    """Write a bounce."""
    boxes = [{"emailAddress": "ada@example.com", **of_mailbox}]
    of_bounce = {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": boxes}
    return told("Bounce", bounce=of_bounce)


def report(status: DeliveryStatus, details: str | None, address: str | None) -> StatusReport:
    """Write what is expected: named by SES's name alone."""
    return StatusReport(None, status, "e-1", details, address)  # type: ignore[arg-type]


ADA = "ada@example.com"
COMPLAINED = {"complainedRecipients": [{"emailAddress": ADA}]}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            told("Delivery", delivery={"recipients": [ADA, "bob@example.com"]}),
            [
                report(DeliveryStatus.DELIVERED, None, ADA),
                report(DeliveryStatus.DELIVERED, None, "bob@example.com"),
            ],
        ),
        (
            bounce("Permanent", "General", diagnosticCode="550 no such user"),
            [report(DeliveryStatus.BOUNCED, "550 no such user", ADA)],
        ),
        (
            bounce("Permanent", "OnAccountSuppressionList"),
            [report(DeliveryStatus.BOUNCED, "Amazon SES says: OnAccountSuppressionList.", ADA)],
        ),
        (
            bounce("Undetermined", "Undetermined"),
            [report(DeliveryStatus.BOUNCED, "Amazon SES says: Undetermined.", ADA)],
        ),
        (bounce("Transient", "General"), []),
        (
            bounce("Transient", "MailboxFull", diagnosticCode="452 full"),
            [report(DeliveryStatus.UNDELIVERED, "452 full", ADA)],
        ),
        (told("Complaint", complaint=COMPLAINED), [report(DeliveryStatus.DELIVERED, None, ADA)]),
        (
            told(
                "Complaint",
                complaint={**COMPLAINED, "complaintSubType": "OnAccountSuppressionList"},
            ),
            [
                report(
                    DeliveryStatus.BOUNCED,
                    "The address is on the account's suppression list.",
                    ADA,
                )
            ],
        ),
        (
            {**told(""), "eventType": "Reject", "reject": {"reason": "Bad content"}},
            [report(DeliveryStatus.UNDELIVERED, "Bad content", None)],
        ),
        ({**told(""), "eventType": "Send", "send": {}}, []),
        ({**told(""), "eventType": "DeliveryDelay"}, []),
        ("Successfully validated SNS topic for Amazon SES event publishing.", []),
        ({}, []),
        ([], []),
        (told("Delivery", delivery=[], mail=[]), []),
        (told("Bounce", bounce={"bouncedRecipients": "x"}), []),
    ],
)
async def test_what_events_say(line: Line, event: Any, expected: list[StatusReport]) -> None:
    """Of each mailbox what is for good; a complaint is of an e-mail that has arrived."""
    assert await line.read(_SNS.notify(event)) == expected


async def test_a_report_says_when_its_mail_was_sent(line: Line) -> None:
    """So that a name which nobody knows yet can be told from one that is not ours."""
    event = told("Reject", reject={"reason": "Bad content"})
    event["mail"]["timestamp"] = "2026-03-01T12:00:00.000Z"
    (found,) = await line.read(_SNS.notify(event))
    assert found.sent_at == NOW
