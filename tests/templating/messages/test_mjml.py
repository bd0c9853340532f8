"""MJML around the compiler: where a body stands, and that no source takes long to look through."""

from __future__ import annotations

from contextlib import suppress
from time import thread_time
from typing import Any

import pytest

from domain.content.partial import Partial, PartialType
from templating.limits import LiquidError
from templating.liquid.partials import _without_styles
from templating.markup.mjml_compiler import mjml_to_html
from templating.messages import mjml
from templating.messages.blocks import Body
from templating.messages.email import _with_styles
from templating.messages.mjml_check import check_mjml
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
    ("source", "first"),
    [
        ("<mj-section></mj-section>", "<mj-section></mj-section>"),
        ("{% if a %}<mj-wrapper>{% endif %}", "{% if a %}"),
        ("<mj-hero></mj-hero><mj-text></mj-text>", "<mj-hero>"),
        ("<mj-raw>a</mj-raw>", "<mj-raw>"),
        ("<p>a</p>", "<p>"),
        ("<!-- a --><mj-column></mj-column>", '<mj-section padding="0">\n<!-- a -->'),
        ("<p>a</p><mj-text>a</mj-text>", '<mj-section padding="0">\n<mj-column>\n<p>'),
    ],
)
def test_a_body_may_bring_its_own_sections(source: str, first: str) -> None:
    """The first component tells what is missing: a section is nested into nothing."""
    body = Body(source, [(1, "html_body")], is_written=True)
    assert mjml.fitted(body, "<mjml><mj-body>").source.startswith(first)


def _fitted_to(source: str, partials: dict[str, str]) -> str:
    """Return what becomes of a body which may render some partials."""
    known = {key: Partial(PartialType.TEXT, content) for key, content in partials.items()}
    body = Body(source, [(1, "html_body")], is_written=True)
    return mjml.fitted(body, "<mjml><mj-body>", known).source


@pytest.mark.parametrize(
    ("partials", "first"),
    [
        ({"a": "<mj-text>a</mj-text>"}, '<mj-section padding="0">\n<mj-column>\n{% render'),
        ({"a": "{% render 'b' %}", "b": "<mj-column />"}, '<mj-section padding="0">\n{% render'),
        ({"a": "<mj-section></mj-section>"}, "{% render"),
        ({"a": "<p>a</p>", "b": "<mj-text>a</mj-text>"}, "{% render"),
        ({"a": "{% render 'a' %}"}, "{% render"),
        ({}, "{% render"),
    ],
)
def test_a_partial_may_bring_the_first_component(partials: dict[str, str], first: str) -> None:
    """It tells what is missing around the body that renders it."""
    assert _fitted_to("{% render 'a', b: 'c' %}", partials).startswith(first)


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


@untraced
@pytest.mark.parametrize(
    ("work", "source"),
    [
        (mjml.readable, "<mj-a " * 80_000),
        (mjml.readable, "<mj" + "-a" * 200_000),
        (mjml.readable, "<mj-style>" * 50_000),
        (mjml.readable, "<mj-style><mj-head>" * 25_000),
        (mjml_to_html, "<mj-style " * 50_000),
        (mjml_to_html, "<mj-style" + " " * 200_000 + ">"),
        (mjml_to_html, '<mj-image a="' * 40_000),
        (mjml_to_html, "<mjml><mj-body>" + "<mj-text>" * 50_000),
        (mjml_to_html, "<mjml><mj-body>" + "<!--" * 100_000),
        (mjml_to_html, "<mjml><mj-body>" + "<!-- -->" * 50_000),
        (mjml_to_html, "<mjml><mj-body><mj-column>" + "<div>" * 80_000),
        (mjml_to_html, "<mjml><mj-body>zqMjml" + "Q" * 400_000),
        (check_mjml, "{% if a %}<mj-text>" * 25_000),
        (check_mjml, "{% raw %}" + "{{" * 30_000),
        (check_mjml, "{{ {% {%- a " * 20_000),
        (check_mjml, "{% render 'a' %}<!--" * 20_000),
        (check_mjml, "{% if a %}" * 5_000 + "<mj-text>a</mj-text>{{ b }}" * 5_000),
        (mjml.base_styles, "<mj-head " * 50_000),
        (mjml.whole_document, "<mjml " * 80_000),
        (lambda source: mjml.fitted(BODY, source), "<mj-a>" * 40_000 + "</mj-b>" * 40_000),
        (lambda source: mjml.fitted(BODY, source), "<mj-a>" * 40_000 + "</mj-a>" * 40_000),
        (lambda source: _fitted_to(source, {"a": source}), "{% render 'a' %}" * 20_000),
        (lambda source: _fitted_to(source, {}), "{% render '" * 20_000),
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
