"""MJML around the compiler: where a body stands, and that no source takes long to look through."""

from __future__ import annotations

from contextlib import suppress
from time import thread_time
from typing import Any

import pytest

from templating.limits import LiquidError
from templating.liquid.partials import _without_styles
from templating.messages import mjml
from templating.messages.blocks import Body
from templating.messages.email import _with_styles
from tests.support.tracing import untraced

BODY = Body("<mj-text>x</mj-text>", [(1, "html_body")])


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("<mj-body>", "<mj-section"),
        ("<mj-body><mj-section>", "<mj-column"),
        ("<mj-body><mj-section><mj-column>", "<mj-text"),
        ("<mj-body><mj-section><mj-column></mj-column>", "<mj-column"),
        ("<mj-body><mj-section><mj-column></mj-section>", "<mj-section"),
        ('<mj-body><mj-section a="{% if n < 2 %}"><mj-image />', "<mj-column"),
        ("<mj-body></mj-text><mj-section></mj-hero>", "<mj-column"),
        ("<MJ-Body><MJ-Section></MJ-Section>", "<mj-section"),
    ],
)
def test_what_is_missing_around_a_body(before: str, first: str) -> None:
    """A body gets the section and column that are not open where it stands."""
    assert mjml.fitted(BODY, before).source.startswith(first)


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ('<mj-text align="left">a</mj-text>', '<div align="left">a</div>'),
        ('<mj-spacer height="1px" />a', '<div height="1px" ></div>a'),
        ("<mj-style>.a { }</mj-style >a<mj-preview>b</mj-preview>", "a"),
        ("<mj-style>.a > b { } <b></mj-styles></mj-style>a", "a"),
        ("a <mj-text", "a <mj-text"),
    ],
)
def test_what_is_read_of_components(fragment: str, shown: str) -> None:
    """Components become elements of HTML; what is not for reading is dropped."""
    assert mjml.readable(fragment) == shown


@pytest.mark.parametrize("quote", ['"', "'"])
def test_inline_styles(quote: str) -> None:
    """That styles are inlined is said once for all of them: the compiler's own word is dropped."""
    style = f"<mj-style  inline={quote}inline{quote} a>p {{ color: red; }}</mj-style>"
    made = mjml.to_html(f"<mjml><mj-head>{style}</mj-head><mj-body></mj-body></mjml>")
    assert "p { color: red; }" in made


@untraced
@pytest.mark.parametrize(
    ("work", "source"),
    [
        (mjml.readable, "<mj-a " * 80_000),
        (mjml.readable, "<mj" + "-a" * 200_000),
        (mjml.readable, "<mj-style>" * 50_000),
        (mjml.readable, "<mj-style><mj-head>" * 25_000),
        (mjml.to_html, "<mj-style " * 50_000),
        (mjml.to_html, "<mj-style" + " " * 200_000 + ">"),
        (mjml.base_styles, "<mj-head " * 50_000),
        (mjml.whole_document, "<mjml " * 80_000),
        (lambda source: mjml.fitted(BODY, source), "<mj-a>" * 40_000 + "</mj-b>" * 40_000),
        (lambda source: mjml.fitted(BODY, source), "<mj-a>" * 40_000 + "</mj-a>" * 40_000),
        (lambda source: _with_styles("", source), "<head " * 80_000),
        (_without_styles, "<style " * 70_000),
        (_without_styles, "<style>" * 70_000),
    ],
)
def test_documents_are_read_in_linear_time(work: Any, source: str) -> None:
    """However many tags are not closed, each is looked at once."""
    start = thread_time()
    with suppress(LiquidError):
        work(source)
    assert thread_time() - start < 5
