"""How a rendered e-mail is written: read back with the standard library's parser."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channels.email import EmailContent
from providers.email.mime import build_mail, clean
from tests.providers.contract import MESSAGE_ID, NOW
from tests.providers.email.mails import delivery

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


def header_lines(data: bytes) -> list[bytes]:
    """Return the lines of the header."""
    return data.partition(b"\r\n\r\n")[0].split(b"\r\n")


WORD = re.compile(rb"=\?[^?]+\?[bq]\?[^?]*\?=")
LONG = st.text(st.sampled_from('ab ü😀,"<'), min_size=60, max_size=1_500)


@given(LONG, LONG)
def test_header_lines_are_within_their_limits(subject: str, name: str) -> None:
    """RFC 5322: 998 at most. RFC 2047: a line with encoded words has 76, a word 75."""
    quoted = name.replace('"', "").replace("<", "")
    data, message = build(
        subject_line=subject,
        cc=f'"{quoted}" <c@d.example>, b@c.example, "{quoted}" <e@f.example>',
        headers={"X-" + "n" * 70: subject, "X-Short": subject},
        **{"from": f'"{quoted}" <a@acme.example>'},
    )
    for line in header_lines(data):
        assert len(line) <= (76 if WORD.search(line) else 998)
        assert line.strip(), "an empty line ends the header"
        assert all(len(word) <= 75 for word in WORD.findall(line))
    assert "".join(message["Subject"].split()) == "".join(clean(subject).split())
    assert [str(box.addr_spec) for box in message["Cc"].addresses] == [
        *("c@d.example", "b@c.example", "e@f.example")
    ]


@pytest.mark.parametrize("text", ["x" * 1_200, "ü" * 1_200, "x" * 989, "x" * 990, "=?" * 600])
def test_text_without_a_blank_arrives_whole(text: str) -> None:
    """A subject or a name that cannot be folded is read back as it was."""
    data, message = build(subject_line=text, **{"from": f"{text} <a@acme.example>"})
    assert max(map(len, header_lines(data))) <= 998
    assert message["Subject"] == text
    # By the older reader: the newer one puts blanks between the words of a name (Python 3.11).
    raw = email.message_from_bytes(data)["From"]
    name = str(make_header(decode_header(raw))).removesuffix("<a@acme.example>")
    assert name.strip().strip('"') == text


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b.example,,c@d.example;", ["a@b.example", "c@d.example"]),
        (",", []),
        ('"Doe, Jane" <j@d.example>, "x; \\", y" <x@y.example>', ["j@d.example", "x@y.example"]),
        ('"open, <j@d.example>, x@y.example', ["j@d.example", "x@y.example"]),
        ("Łucja <l@d.example>", ["l@d.example"]),
    ],
)
def test_lists_are_cut_outside_quotes(text: str, addresses: list[str]) -> None:
    """Commas and semicolons separate; empty entries and broken ones cost the others nothing."""
    _, message = build(cc=text)
    found = message["Cc"].addresses if message["Cc"] else ()
    assert [box.addr_spec for box in found] == addresses
