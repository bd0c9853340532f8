"""Attachments of an e-mail, found in data: what counts as one, and what is wrong with others."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from typing import Any

import pytest

from domain.messages.attachments import Attachment
from templating.limits import LiquidError
from templating.messages.attachments import read_attachments

PDF = {"name": "a.pdf", "content_type": "application/pdf", "content": "JVBERg=="}
READ = Attachment(name="a.pdf", content_type="application/pdf", content=b"%PDF")


def fault_of(data: Any, **settings: Any) -> str:
    """Return what is said of data that cannot be sent."""
    with pytest.raises(LiquidError) as caught:
        read_attachments({"settings": settings}, data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "data", "expected"),
    [
        (None, {"attachments": [PDF, PDF]}, [READ, READ]),
        ({}, {"attachments": PDF}, [READ]),
        ({"attachment_key": "files[0].all"}, {"files": [{"all": [PDF]}]}, [READ]),
        ({"attachment_key": "data.file"}, {"file": PDF}, [READ]),
        ({"attachment_key": "attachments"}, {"attachments": "two"}, []),
        ({"attachment_key": "attachments"}, {"attachments": ["https://a.example/1"]}, []),
        ({"attachment_key": "attachments"}, {"attachments": None}, []),
        ({"attachment_key": None}, {}, []),
    ],
)
def test_where_attachments_are(settings: Any, data: Any, expected: list[Attachment]) -> None:
    """They are one object or a list of them, at a path into the data; other data is none."""
    assert read_attachments({"settings": settings}, data) == expected


def test_all_that_an_attachment_says_is_read() -> None:
    """Base64 may have lines; a name is one line; an id may stand in brackets."""
    content = bytes(range(256))
    given = {
        "name": "Rechnung\r\nX: 1.ics",
        "content_type": ' text/calendar; charset="utf-8"; method=REQUEST ',
        "content": encodebytes(content).decode(),
        "content_id": "<invite-1>",
        "disposition": "Inline",
    }
    (read,) = read_attachments({}, {"attachments": given})
    assert read == Attachment(
        name="Rechnung X: 1.ics",
        content_type='text/calendar; charset="utf-8"; method=REQUEST',
        content=content,
        content_id="invite-1",
        disposition="inline",
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": None}, "data.attachments[1].name is required"),
        ({"name": " "}, "data.attachments[1].name is required"),
        ({"name": "x" * 256}, "data.attachments[1].name has more than 255 characters"),
        ({"content": 5}, "data.attachments[1].content is required"),
        ({"content": "no base64!"}, "data.attachments[1].content: is not base64"),
        ({"content": "data:text/plain;base64,QQ=="}, "data.attachments[1].content: is not base64"),
        ({"content_type": ""}, "data.attachments[1].content_type is required"),
        ({"content_type": "pdf"}, "data.attachments[1].content_type is not a MIME type"),
        ({"content_type": "a/b\r\nBcc: x"}, "data.attachments[1].content_type is not a MIME type"),
        ({"content_id": "a b"}, "data.attachments[1].content_id is not a Content-ID"),
        ({"content_id": {"a": 1}}, "data.attachments[1].content_id is not a Content-ID"),
        ({"disposition": "beside"}, "data.attachments[1].disposition is neither"),
        ({"disposition": ["inline"]}, "data.attachments[1].disposition is neither"),
    ],
)
def test_a_malformed_attachment_is_named(changes: Any, fault: str) -> None:
    """An e-mail that lacks its invoice is worse than none, so it is refused, at its place."""
    assert fault_of({"attachments": [PDF, {**PDF, **changes}]}).startswith(fault)


def test_every_fault_is_told() -> None:
    """Not the first one alone; what is no member of an attachment is left alone."""
    said = fault_of({"file": {"url": "https://a.example"}}, attachment_key="file")
    assert said.count("is required") == 3
    assert "data.file.name" in said


def test_there_are_a_hundred_at_most() -> None:
    """More would be a mail that nobody opens."""
    assert len(read_attachments({}, {"attachments": [PDF] * 100})) == 100
    assert "at most 100 attachments" in fault_of({"attachments": [PDF] * 101})


def test_a_message_keeps_no_bytes() -> None:
    """What its content says leads to them, and is enough to put the file together again."""
    file = Attachment(name="a.png", content_type="image/png", content=b"secret", content_id="logo")
    kept = file.reference()
    assert (kept["size"], len(kept["digest"])) == (6, 64)
    assert "secret" not in str(kept)
    assert b64encode(b"secret").decode() not in str(kept)
    assert Attachment.of(kept, b"secret") == file
