"""The parts of the demo that need no stack; `tests/e2e` plays the whole."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands import demo
from commands.demo.mail import find_mail, mails_to, text_of
from commands.demo.screen import Screen, clock_time
from commands.demo.stage import DemoFailed, until
from commands.dev.client import write_dev_stack
from commands.dev.home import open_home
from runtime.settings import Settings
from tests.support.dev_stack import described_stack

MAIL = (
    b"X-Envelope-To: ada@example.com, eve@example.com\r\nMessage-ID: <%d@x>\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe %d\r\n"
)


class Terminal(io.StringIO):
    """Something that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize(("out", "emphasised"), [(io.StringIO(), False), (Terminal(), True)])
def test_emphasis_is_for_terminals(out: io.StringIO, emphasised: bool) -> None:
    """Escape sequences go to a terminal and never into a pipe or a file."""
    screen = Screen(out)
    screen.title("1. Scene")
    screen.fact("name", "value")
    assert ("\x1b[1m1. Scene\x1b[0m" in out.getvalue()) is emphasised
    assert ("\x1b" in out.getvalue()) is emphasised
    assert "  name               value\n" in out.getvalue()


def test_quotes_are_folded(tmp_path: Path) -> None:
    """A quoted text keeps its lines and is folded where it is too long for a terminal."""
    out = io.StringIO()
    Screen(out).quote("one\n\n" + "word " * 40)
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["  │ one", "  │"]
    assert max(map(len, lines)) <= 96
    assert sum(line.count("word") for line in lines) == 40


def test_clock_time_has_milliseconds() -> None:
    """Times of day are cut to milliseconds."""
    assert clock_time(datetime(2026, 1, 2, 3, 4, 5, 6_999, UTC)) == "03:04:05.006"


def test_mail_is_found_by_its_id(tmp_path: Path) -> None:
    """A message is found by Message-ID, and counted for everybody of its envelope."""
    for number in (1, 2):
        (tmp_path / f"{number}.eml").write_bytes(MAIL % (number, number))
    found = find_mail(tmp_path, "<2@x>")
    assert found is not None
    assert text_of(found).strip() == "Grüße 2"
    assert find_mail(tmp_path, "<3@x>") is None
    assert mails_to(tmp_path, "eve@example.com") == 2
    assert mails_to(tmp_path, "bob@example.com") == 0


async def test_waiting_ends_with_a_sentence() -> None:
    """What does not come in time is a failure that says what was waited for."""
    answers = iter([None, None, "here"])

    async def look() -> str | None:
        return next(answers, None)

    assert await until(look, what="It did not come") == "here"
    with pytest.raises(DemoFailed, match=r"^It did not come within 0\.01 s\.$"):
        await until(look, what="It did not come", seconds=0.01)


def test_missing_sdk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the SDK is not installed, as in the image, the demo says what to install."""
    monkeypatch.setitem(sys.modules, "knockapi", None)
    assert demo.main(Settings(), demo.PARSER.parse_args([])) == 1
    assert "carillon[embedded]" in capsys.readouterr().err


async def test_a_stack_that_starts_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A demo that is called too early plays on the stack that starts, once that is ready."""
    assert await demo.find_stack(tmp_path) is None
    with open_home(tmp_path):
        finding = asyncio.create_task(demo.find_stack(tmp_path))
        told = ""
        while not told and not finding.done():
            await asyncio.sleep(0.01)
            told = capsys.readouterr().out
        assert told == "A stack is starting; waiting for it …\n"
        write_dev_stack(tmp_path, described_stack(tmp_path))
        assert await finding == described_stack(tmp_path)
