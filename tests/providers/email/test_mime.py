"""How a rendered e-mail is written: read back with the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import EmailContent
from providers.email.mime import build_mail, clean
from tests.providers.contract import MESSAGE_ID, NOW
from tests.providers.email.test_smtp import delivery

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)


def build(**changes: Any) -> tuple[bytes, Any]:
    """Write a message and parse it."""
    content = cast(EmailContent, delivery(0, **changes).content)
    data = build_mail(content, MESSAGE_ID, NOW).data
    return data, email.message_from_bytes(data, policy=email.policy.default)


@given(TEXT, TEXT)
def test_bodies_survive(text: str, html: str) -> None:
    """Whatever the bodies hold, they are read back as rendered, in lines of legal length."""
    data, message = build(text_body="t" + text, html_body="<p>" + html + ("x" * 2000) + "</p>")
    plain, rich = message.iter_parts()
    assert plain.get_content().rstrip("\r\n") == "t" + text
    assert rich.get_content().rstrip("\r\n") == "<p>" + html + ("x" * 2000) + "</p>"
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")


@given(TEXT, TEXT)
def test_subject_and_name_survive_and_inject_nothing(subject: str, name: str) -> None:
    """Any subject and display name is read back, and adds no header line."""
    quoted = name.replace("\\", "").replace('"', "").replace("<", "").replace(">", "")
    _, message = build(subject_line=subject, **{"from": f'"{quoted}" <a@acme.example>'})
    assert " ".join(message["Subject"].split()) == " ".join(clean(subject).split())
    assert message["From"].addresses[0].addr_spec == "a@acme.example"
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "X-Carillon-Message-Id"),
        *("MIME-Version", "Content-Type"),
    }


@given(st.text(max_size=80))
def test_line_ends_never_leave_their_header(text: str) -> None:
    """No text, control characters included, starts a header of its own."""
    _, message = build(subject_line=text, headers={"X-One": text})
    assert "X-One" in message
    assert len(message.keys()) == 9


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"html_body": ""}, "text/plain"), ({"text_body": ""}, "text/html")],
)
def test_single_body_is_no_multipart(changes: dict[str, str], kind: str) -> None:
    """A message with one body is that body."""
    _, message = build(**changes)
    assert message.get_content_type() == kind


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("a@b.example", "", "a@b.example"),
        ("Acme, Inc <a@b.example>", "Acme, Inc", "a@b.example"),
        ('"Say \\"hi\\"" <a@b.example>', 'Say "hi"', "a@b.example"),
        ("Größe <a@b.example>", "Größe", "a@b.example"),
    ],
)
def test_sender_is_one_mailbox(text: str, name: str, address: str) -> None:
    """Quoted or not, with commas or umlauts: the sender is one name and one address."""
    _, message = build(**{"from": text})
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, address)
