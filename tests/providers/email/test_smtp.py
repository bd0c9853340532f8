"""The SMTP provider against real SMTP servers on loopback."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from domain.deliveries.delivery import (
    Bounced,
    DeliveryFailure,
    Misconfigured,
    Refused,
    Retry,
)
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from outbound.egress import EgressPolicy
from outbound.redaction import REDACTED
from providers.email.smtp import Smtp, SmtpSettings
from tests.providers.contract import MESSAGE_ID, ProviderContract, Rig, open_context
from tests.providers.email.mails import delivery
from tests.providers.servers import Sink, accept_login, certificate, smtp_sink, talking

PASSWORD = "sm/tp:p@ss wörd"  # needs quoting in a URL


@pytest.fixture
async def provider() -> AsyncIterator[Smtp]:
    """Bring the provider; its connections are closed at the end."""
    async with open_context(timeout=2.0) as context:
        smtp = Smtp(context)
        yield smtp
        await smtp.aclose()


def parsed(sink: Sink) -> EmailMessage:
    """Parse the last message that the sink got."""
    raw = sink.envelopes[-1].original_content
    assert raw is not None
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


class TestContract(ProviderContract):
    """The contract of all providers, with a server that wants a login."""

    @pytest.fixture
    async def rig(self, provider: Smtp) -> AsyncIterator[Rig]:
        """Bring a server that knows one account and refuses one sender."""
        sink = Sink(
            **{
                "no@example.com": f"554 5.7.1 go away {PASSWORD}",
                "odd@example.com": "550 \x00\x1b\x07" + "x" * 3_000,
            }
        )
        options = {
            "authenticator": accept_login("user", PASSWORD),
            "auth_require_tls": False,
            "auth_required": True,
        }
        async with smtp_sink(sink, **options) as port:
            taken = delivery(port, settings={"username": "user", "password": PASSWORD})
            failing = delivery(port, settings=taken.settings, to="no@example.com")
            odd = delivery(port, settings=taken.settings, to="odd@example.com")
            wrong = {"host": "x", "port": "SSL"}
            yield Rig(provider, taken, failing, wrong, [PASSWORD], hostile=[odd])


async def test_message_arrives_with_both_bodies(provider: Smtp) -> None:
    """The server gets multipart/alternative, text first, with names and texts of any language."""
    sink = Sink()
    content = {
        "from": '"Jörg, Größe" <hello@straße.example>',
        "to": '"Ada Lovelace" <ada@example.com>',
        "cc": "bob@example.com, Łucja <lucja@example.com>",
        "bcc": "secret@example.com",
        "reply_to": "help@acme.example",
        "subject_line": "Grüße — 你好 " * 12,
        "text_body": "Héllo\n.\n..dots",
        "html_body": "<p>Héllo 👋</p>",
    }
    async with smtp_sink(sink) as port:
        outcome = await provider.send(delivery(port, **content))
    message, envelope = parsed(sink), sink.envelopes[0]
    assert envelope.mail_from == "hello@xn--strae-oqa.example"
    assert envelope.rcpt_tos == [
        "ada@example.com",
        "bob@example.com",
        "lucja@example.com",
        "secret@example.com",
    ]
    assert message["From"] == '"Jörg, Größe" <hello@xn--strae-oqa.example>'
    assert message["Cc"] == "bob@example.com, Łucja <lucja@example.com>"
    assert message["Bcc"] is None
    assert message["Reply-To"] == "help@acme.example"
    assert message["Subject"] == content["subject_line"].strip()
    assert message["Message-ID"] == outcome.external_id
    assert outcome.external_id == f"<{MESSAGE_ID}@xn--strae-oqa.example>"
    assert message["X-Carillon-Message-Id"] == MESSAGE_ID
    assert message["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert message.get_content_type() == "multipart/alternative"
    bodies = [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()]
    assert bodies == ["Héllo\n.\n..dots", "<p>Héllo 👋</p>"]


async def test_extra_headers_replace_nothing_and_inject_nothing(provider: Smtp) -> None:
    """Custom headers are added; structural ones and line ends are not let through."""
    link = "<https://acme.example/u/" + "a1b2" * 60 + ">"
    headers = {
        "List-Unsubscribe": link,
        "X-Campaign": "a\r\nBcc: victim@example.com",
        "From": "evil@example.com",
        "content-type": "text/evil",
        "Bad Name": "x",
    }
    sink = Sink()
    async with smtp_sink(sink) as port:
        await provider.send(
            delivery(port, headers=headers, subject_line="Hi\r\nX-Injected: yes\r\n\r\nbody")
        )
    message, raw = parsed(sink), sink.envelopes[0].original_content
    assert raw is not None
    assert link.encode() in raw
    assert message["X-Campaign"] == "a Bcc: victim@example.com"
    assert message["From"] == '"Acme, Inc" <hello@acme.example>'
    assert message.get_content_type() == "multipart/alternative"
    assert message["X-Injected"] is None
    assert message["Bad Name"] is None
    assert message["Subject"] == "Hi X-Injected: yes body"


async def test_address_beyond_ascii_needs_smtputf8(provider: Smtp) -> None:
    """A non-ASCII mailbox is sent with SMTPUTF8, and refused by a server without it."""
    sink = Sink()
    async with smtp_sink(sink) as port:
        await provider.send(delivery(port, to="Üser <ünï@example.com>"))
    assert sink.envelopes[0].rcpt_tos == ["ünï@example.com"]
    assert parsed(sink)["To"] == "Üser <ünï@example.com>"
    async with smtp_sink(Sink(), enable_SMTPUTF8=False) as port:
        with pytest.raises(Refused):
            await provider.send(delivery(port, to="ünï@example.com"))


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"to": "nobody"}, Bounced),
        ({"to": ""}, Bounced),
        ({"to": "a@b@c"}, Bounced),
        ({"to": "nobody\r\nBcc: eve@example.com"}, Bounced),
        ({"to": "friends: eve@example.com;"}, Bounced),
        ({"from": "Acme"}, Misconfigured),
    ],
)
async def test_impossible_addresses_never_reach_the_server(
    provider: Smtp, changes: JsonObject, failure: type[DeliveryFailure]
) -> None:
    """A recipient's bad address bounces, a sender's is an operator's task."""
    sink = Sink()
    async with smtp_sink(sink) as port:
        with pytest.raises(DeliveryFailure) as caught:
            await provider.send(delivery(port, **changes))
    assert type(caught.value) is failure
    assert sink.sessions == []


@pytest.mark.parametrize(
    ("command", "answer", "failure"),
    [
        ("RCPT", "450 4.2.1 mailbox busy", Retry),
        ("RCPT", "550 no such user", Bounced),
        ("RCPT", "550 5.1.1 no such user", Bounced),
        ("RCPT", "551 not here", Bounced),
        ("RCPT", "553 bad name", Bounced),
        ("RCPT", "554 5.1.10 null MX", Bounced),
        ("RCPT", "550 5.7.1 relaying denied", Refused),
        ("RCPT", "552 5.2.2 mailbox full", Refused),
        ("MAIL", "451 try later", Retry),
        ("MAIL", "550 sender refused", Refused),
        ("DATA", "452 disk full", Retry),
        ("DATA", "554 5.6.0 looks like spam", Refused),
    ],
)
async def test_replies_are_judged(
    provider: Smtp, command: str, answer: str, failure: type[DeliveryFailure]
) -> None:
    """4xx is retried; 5xx is refused, or bounced when it is about the recipient's address."""
    sink = Sink(**{command: answer})
    async with smtp_sink(sink) as port:
        with pytest.raises(DeliveryFailure) as caught:
            await provider.send(delivery(port))
    assert type(caught.value) is failure
    assert answer in caught.value.reason
    assert caught.value.exchange is not None
    assert caught.value.exchange.response is not None
    assert caught.value.exchange.response["status"] == int(answer[:3])
    assert sink.envelopes == []


async def test_refused_copy_does_not_hold_the_message_back(provider: Smtp) -> None:
    """A refused cc is noted in the log and the recipient still gets the message, once."""
    sink = Sink(**{"cc@example.com": "550 5.1.1 unknown"})
    async with smtp_sink(sink) as port:
        outcome = await provider.send(delivery(port, cc="cc@example.com, dd@example.com"))
    assert sink.envelopes[0].rcpt_tos == ["ada@example.com", "dd@example.com"]
    assert outcome.exchange is not None
    assert outcome.exchange.response is not None
    refused = outcome.exchange.response["body"]["refused_recipients"]
    assert refused == {"cc@example.com": "550 5.1.1 unknown"}


async def test_wrong_password_is_an_operators_task(provider: Smtp) -> None:
    """535 means that the channel's credentials are wrong."""
    options = {"authenticator": accept_login("user", "right"), "auth_require_tls": False}
    async with smtp_sink(Sink(), **options) as port:
        with pytest.raises(Misconfigured, match="credentials"):
            await provider.send(
                delivery(port, settings={"username": "user", "password": "wrong-one"})
            )


async def test_missing_starttls_is_an_operators_task(provider: Smtp) -> None:
    """Asking for STARTTLS where there is none sends nothing in the clear."""
    sink = Sink()
    async with smtp_sink(sink) as port:
        with pytest.raises(Misconfigured):
            await provider.send(delivery(port, settings={"security": "starttls"}))
    assert sink.envelopes == []


async def test_starttls_and_tls_check_the_certificate(tmp_path: Path) -> None:
    """Both kinds of TLS work with a trusted certificate, and stop at an unknown one."""
    server_tls, trusting = certificate(tmp_path, "localhost")
    sink = Sink()
    settings = {"host": "localhost", "security": "starttls"}
    async with open_context() as context, smtp_sink(sink, tls_context=server_tls) as port:
        smtp = Smtp(replace(context, tls=lambda: trusting))
        await smtp.send(delivery(port, settings=settings))
        await smtp.aclose()
        assert sink.sessions[-1].ssl is not None
        with pytest.raises(Retry):
            await Smtp(context).send(delivery(port, settings=settings))
    assert len(sink.envelopes) == 1


async def test_server_that_is_away_is_retried(provider: Smtp) -> None:
    """A closed port, a greeting that never comes and one that refuses service."""

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 too busy\r\n")
        await writer.drain()

    with pytest.raises(Retry):
        await provider.send(delivery(1))
    for talk in (silence, busy):
        async with talking(talk) as port:
            with pytest.raises(Retry):
                await provider.send(delivery(port))


@pytest.mark.parametrize("hangs", [True, False])
async def test_server_lost_in_the_middle_of_data_is_retried_by_the_caller(
    provider: Smtp, *, hangs: bool
) -> None:
    """After DATA nobody knows what became of the message: no second try within one attempt."""
    taken: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                taken.append(await reader.readuntil(b"\r\n.\r\n"))
                if not hangs:
                    return
            elif not hangs or not taken:
                writer.write(b"250 ok\r\n")

    async with talking(talk) as port:
        with pytest.raises(Retry) as caught:
            await provider.send(delivery(port))
    assert len(taken) == 1
    assert caught.value.exchange is not None
    assert caught.value.exchange.response is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"url": "smtp://127.0.0.1:1025"}, ("127.0.0.1", 1025, "none", None, None)),
        ({"url": "smtps://mx.example"}, ("mx.example", 465, "tls", None, None)),
        (
            {"url": "smtp://us%40er:p%2Fw@mx.example"},
            ("mx.example", 587, "starttls", "us@er", "p/w"),
        ),
        ({"url": "smtp://u:p@localhost:1025"}, ("localhost", 1025, "none", "u", "p")),
        ({"host": "mx.example", "port": 465}, ("mx.example", 465, "tls", None, None)),
        ({"host": "mx.example", "port": "587"}, ("mx.example", 587, "starttls", None, None)),
        (
            {"host": "mx.example", "username": "u", "password": "p", "security": "none"},
            ("mx.example", 25, "none", "u", "p"),
        ),
        (
            {"url": "smtp://u:p@mx.example:25", "host": "b.example"},
            ("b.example", 25, "starttls", "u", "p"),
        ),
    ],
)
def test_settings_name_the_server(settings: JsonObject, expected: tuple[Any, ...]) -> None:
    """URL and single fields say where to connect; credentials get TLS unless told otherwise."""
    found = SmtpSettings.model_validate(settings).endpoint()
    assert (found.host, found.port, found.security, found.username, found.password) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": ""},
        {"url": "http://x"},
        {"url": "smtp://"},
        {"url": "smtp://h:99999"},
        {"host": "x", "port": 0},
        {"host": "x", "security": "ssl"},
        {"host": "x", "helo_name": "a b"},
        {"host": "x" * 70 + ".example"},
        {"host": "x\r\nMAIL FROM"},
    ],
)
async def test_settings_that_cannot_work_are_refused(provider: Smtp, settings: JsonObject) -> None:
    """What cannot work is the operator's task, and no InvalidParams of an API call."""
    broken = replace(delivery(1), settings=settings)
    with pytest.raises(Misconfigured) as caught:
        await provider.send(broken)
    assert not isinstance(caught.value, InvalidParams)


async def test_private_mail_servers_are_not_dialled() -> None:
    """Without the setting a mail server on a private network is not dialled."""
    sink = Sink()
    async with smtp_sink(sink) as port, open_context(policy=EgressPolicy()) as context:
        with pytest.raises(Misconfigured, match="private or loopback") as caught:
            await Smtp(context).send(delivery(port))
    assert sink.sessions == []
    assert caught.value.exchange is not None


async def test_trusted_mail_servers_may_be_private() -> None:
    """A relay that the operator vouches for by name is dialled wherever it lives."""
    sink = Sink()
    policy = EgressPolicy(trusted_hosts=frozenset({"localhost"}))
    async with smtp_sink(sink) as port, open_context(policy=policy) as context:
        smtp = Smtp(context)
        await smtp.send(delivery(port, settings={"host": "LocalHost"}))
        with pytest.raises(Misconfigured):
            await smtp.send(delivery(port))
        await smtp.aclose()
    assert len(sink.envelopes) == 1


@pytest.mark.parametrize(
    ("banner", "failure", "told"),
    [
        (b"SSH-2.0-OpenSSH_9.6 internal\r\n", Retry, "did not answer like a mail server."),
        (b"-ERR internal\r\n", Retry, "did not answer like a mail server."),
        (b"200 internal\r\n", Retry, "did not answer like a mail server."),
        (b"999 internal\r\n", Retry, "did not answer like a mail server."),
        (b"554 5.7.1 internal\r\n", Refused, "greeted us with 554."),
        (b"421 internal\r\n", Retry, "greeted us with 421."),
    ],
)
async def test_what_a_stranger_says_is_not_passed_on(
    provider: Smtp, banner: bytes, failure: type[DeliveryFailure], told: str
) -> None:
    """A channel cannot be used to read the banners of other servers."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await writer.drain()
        await reader.read(100)

    async with talking(speak) as port:
        with pytest.raises(failure) as caught:
            await provider.send(delivery(port))
    assert caught.value.reason.endswith(told)
    assert caught.value.exchange is not None
    assert "internal" not in caught.value.reason + str(caught.value.exchange)


async def test_the_words_of_a_mail_server_are_one_short_line(provider: Smtp) -> None:
    """A refusal is told in one printable line of bounded length."""
    sink = Sink(RCPT="550 \x1b[31m" + "x" * 2_000)
    async with smtp_sink(sink) as port:
        with pytest.raises(Bounced) as caught:
            await provider.send(delivery(port))
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) < 600


@pytest.mark.parametrize(
    "to",
    [
        "Eve <eve@evil.example>, b@c.example",
        "a@b.example, c@d.example",
        "a@b.example,,c@d.example",
        '"x, y" <a@b.example>, c@d.example',
    ],
)
async def test_one_recipient_is_one_address(provider: Smtp, to: str) -> None:
    """Knock: `to` takes one address; a recipient whose e-mail holds two is bounced."""
    sink = Sink()
    async with smtp_sink(sink) as port:
        with pytest.raises(Bounced):
            await provider.send(delivery(port, to=to))
    assert sink.sessions == []


async def test_header_that_names_a_secret_is_blanked_in_the_log(provider: Smtp) -> None:
    """A header from `json_overrides` is judged by its name, as one of an HTTP request is."""
    headers = {"X-Relay-Token": "tok-12345", "X-Campaign": "spring"}
    async with smtp_sink(Sink()) as port:
        outcome = await provider.send(delivery(port, headers=headers))
    assert outcome.exchange is not None
    logged = outcome.exchange.request["headers"]
    assert (logged["X-Relay-Token"], logged["X-Campaign"]) == (REDACTED, "spring")


async def test_broken_copies_are_left_out_and_noted(provider: Smtp) -> None:
    """One bad address among cc, bcc or reply-to costs nobody else the mail."""
    sink = Sink()
    content = {
        "cc": "fine@example.com,, broken, two@@signs",
        "bcc": "friends: eve@example.com;, hidden@example.com",
        "reply_to": "nobody",
    }
    async with smtp_sink(sink) as port:
        outcome = await provider.send(delivery(port, **content))
    assert sink.envelopes[0].rcpt_tos == [
        *("ada@example.com", "fine@example.com", "hidden@example.com"),
    ]
    assert parsed(sink)["Reply-To"] is None
    assert outcome.exchange is not None
    assert outcome.exchange.request["body"]["left_out"] == {
        "cc": ["broken", "two@@signs"],
        "bcc": ["friends: eve@example.com"],
        "reply_to": ["nobody"],
    }


async def test_a_mail_that_the_server_finds_too_large_is_refused(provider: Smtp) -> None:
    """It would be too large the next time as well; the server's own words say so."""
    file = Attachment(name="a.bin", content_type="application/x-bin", content=bytes(5_000))
    async with smtp_sink(Sink(), data_size_limit=4_000) as port:
        with pytest.raises(Refused, match="552"):
            await provider.send(replace(delivery(port), attachments=(file,)))
