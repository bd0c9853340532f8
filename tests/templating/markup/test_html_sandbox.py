"""No document ends the process or holds it up, and ordinary ones are worked on here."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from commands.processes import is_alive
from templating.limits import LiquidError
from templating.markup import html_sandbox
from templating.markup.html_sandbox import clean_html, inline_css
from tests.support.waiting import eventually

STYLE = "<style>p{color:red}</style>"
REOPENED = "<p>" + "".join(f"<b a={n}>" for n in range(1_500)) + "</p>" + "<p>x</p>" * 2_000


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail that would need a child process."""

    def take() -> None:
        raise AssertionError("a child process was asked")

    monkeypatch.setattr(html_sandbox._children, "take", take)


@pytest.mark.usefixtures("no_child")
def test_ordinary_documents_are_worked_on_here() -> None:
    """A mail of a few hundred tags and a few dozen rules needs no other process."""
    rules = "".join(f".c{n}{{color:red}}" for n in range(40))
    html = inline_css(f"<style>{rules}</style>" + '<p class="c1">x</p>' * 100)
    assert html.count('style="color: red;"') == 100
    assert clean_html("<p>" + "<b>x</b>" * 200 + "</p>").count("<b>") == 200


def test_long_documents_are_inlined_too() -> None:
    """A long but harmless mail comes back from the child with its styles."""
    html = inline_css(STYLE + "<p>x</p>" * 3_000)
    assert html.count('<p style="color: red;">') == 3_000
    assert len(clean_html("<p>x</p>" * 3_000)) == 24_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<b>" * 11_000, id="deep formatting"),
        pytest.param("<table><tr><td>" * 3_000, id="deep tables"),
        pytest.param("<div>" * 200_000, id="quadratic depth"),
        pytest.param(REOPENED, id="reopened formatting"),
    ],
)
def test_mails_beyond_reason_keep_their_style_tags(body: str) -> None:
    """What overflows the library's stack, its time or its memory is sent as it was written."""
    assert inline_css(STYLE + body) == STYLE + body
    assert inline_css(STYLE + "<p>x</p>" * 600).count("style=") == 600


def test_too_many_selectors_are_not_tried() -> None:
    """Selectors are counted, not only rules: a rule may have a million of them."""
    html = f"<style>{','.join(['p'] * 100_000)}{{color:red}}</style>" + "<p>x</p>" * 200
    assert inline_css(html) == html


def test_feed_html_that_explodes_is_refused() -> None:
    """30 kB that HTML's rules make 20 MB of are no feed item."""
    with pytest.raises(LiquidError, match="HTML"):
        clean_html(REOPENED)
    assert len(clean_html("<b>" * 10_000)) == 70_000


@pytest.mark.parametrize("tags", ["<b>", "<table><tr><td>", "<svg>", "<ul><li>", "<b><p></b>"])
def test_what_is_worked_on_here_needs_little_stack(tags: str) -> None:
    """The deepest document that counts as harmless needs less than an eighth of a usual stack."""
    most = html_sandbox._HARMLESS_TAGS // tags.count("<")
    code = (
        "import sys, threading; threading.stack_size(1024 * 1024)\n"
        "from templating.markup.native_html import inline, clean\n"
        "html = sys.argv[1]\n"
        "thread = threading.Thread(target=lambda: (inline(html), clean(html)))\n"
        "thread.start(); thread.join()"
    )
    command = [sys.executable, "-c", code, STYLE + tags * most]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_child_that_died_is_replaced() -> None:
    """A child that something else killed while it was idle costs nothing."""
    long = STYLE + "<p>x</p>" * 600
    inline_css(long)
    for child in html_sandbox._children._idle:
        child._process.kill()
        child._process.wait()
    assert inline_css(long).count("style=") == 600


def test_a_child_ends_with_its_parent() -> None:
    """A worker that is killed leaves no child behind: its input ends."""
    code = (
        "import os, signal\n"
        "from templating.markup import html_sandbox\n"
        f"html_sandbox.inline_css({STYLE!r} + '<p>x</p>' * 600)\n"
        "print(html_sandbox._children._idle[0]._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    child = int(parent.stdout)
    eventually(lambda: not is_alive(child), "the child lives on")
