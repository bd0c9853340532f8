"""Files in a mail: read back with the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channels.email import EmailContent
from domain.messages.attachments import Attachment
from providers.email.addresses import clean
from providers.email.mime import build_mail
from tests.providers.contract import MESSAGE_ID, NOW
from tests.providers.email.mails import delivery

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=255)


def build(*files: Attachment, **changes: Any) -> tuple[bytes, Any]:
    """Write a mail with files and parse it."""
    content = cast(EmailContent, delivery(0, **changes).content)
    data = build_mail(content, MESSAGE_ID, NOW, files).data
    return data, email.message_from_bytes(data, policy=email.policy.default)


def file(name: str = "a.bin", content: bytes = b"bytes", **changes: Any) -> Attachment:
    """Make a file."""
    kind = {"content_type": "application/octet-stream", **changes}
    return Attachment(name=name, content=content, **kind)


@given(NAMES, st.binary(max_size=500))
def test_name_and_bytes_survive(name: str, content: bytes) -> None:
    """Whatever they are, in lines of legal length; and no name adds a header."""
    data, message = build(file(name, content))
    (part,) = message.iter_attachments()
    assert part.get_content() == content
    assert (part.get_filename() or "") == clean(name)
    assert set(part.keys()) == {
        *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    }
    assert data.isascii()
    _, _, own = data.partition(b"Content-Type: application/octet-stream\r\n")
    assert max(map(len, own.split(b"\r\n"))) <= 78
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_what_is_named_by_the_html_is_related_to_it() -> None:
    """A picture of the mail is beside its HTML; an invitation is shown, an invoice attached."""
    logo = file("logo.png", content_type="image/png", content_id="logo")
    kind = "text/calendar; charset=utf-8; method=REQUEST"
    invite = file("invite.ics", b"BEGIN", content_type=kind, disposition="inline")
    kept = file("kept.png", content_type="image/png", content_id="x", disposition="attachment")
    _, message = build(logo, invite, kept)
    assert message.get_content_type() == "multipart/mixed"
    related, *others = message.iter_parts()
    assert related.get_content_type() == "multipart/related"
    bodies, picture = related.iter_parts()
    assert bodies.get_content_type() == "multipart/alternative"
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<logo>", "inline")
    assert [part.get_content_disposition() for part in others] == ["inline", "attachment"]
    assert others[0]["Content-Type"].params["method"] == "REQUEST"
    assert [body.get_content().strip() for body in bodies.iter_parts()] == ["Hello", "<p>Hello</p>"]


def test_a_mail_without_files_is_as_before() -> None:
    """Nothing stands around its bodies."""
    _, message = build()
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("kind", ["message/rfc822", "Multipart/Mixed; boundary=x"])
def test_what_may_not_be_encoded_is_bytes(kind: str) -> None:
    """A part of such a type in base64 is read by nobody."""
    _, message = build(file(content_type=kind))
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_content() == b"bytes"
