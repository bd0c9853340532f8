"""A cursor is written by ref, and read for ever."""

from __future__ import annotations

import pytest

from domain.workflows import Cursor

WRITTEN = {
    "": Cursor(""),
    "email_1": Cursor("email_1"),
    "email_1/2": Cursor("email_1", attempt=2),
    "batch_1/resume": Cursor("batch_1", resumes=True),
    "batch_1/resume/3": Cursor("batch_1", resumes=True, attempt=3),
}


@pytest.mark.parametrize(("text", "cursor"), WRITTEN.items())
def test_written_and_read(text: str, cursor: Cursor) -> None:
    """What is written is what is read; the empty text is the start."""
    assert str(cursor) == text
    assert Cursor.read(text) == cursor


@pytest.mark.parametrize("text", ["email_1/later", "email_1/", "email_1//x"])
def test_unknown_parts(text: str) -> None:
    """Parts that a newer version wrote are passed over: the step is arrived at."""
    assert Cursor.read(text) == Cursor("email_1")
