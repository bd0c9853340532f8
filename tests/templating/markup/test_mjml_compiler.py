"""MJML around HTML: what is no MJML comes out as it went in, and what is broken is told."""

from __future__ import annotations

import re

import pytest

from templating.limits import LiquidError, Position
from templating.markup.mjml_compiler import mjml_to_html

# What values may be, and what authors of HTML leave open.
ODD = (
    "I <3 you",
    "a < b && b > c",
    "<ann@example.com>",
    "<b>bold",
    "<img src=x>",
    "<p>one<p>two",
    "<!-- c",
    "a & b&nbsp;",
    "zqMjml0qz",
)


def _document(body: str) -> str:
    return f"<mjml><mj-body>{body}</mj-body></mjml>"


def _column(content: str) -> str:
    return _document(f"<mj-section><mj-column>{content}</mj-column></mj-section>")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "component",
    [
        "<mj-text>{}</mj-text>",
        '<mj-button href="https://x.example">{}</mj-button>',
        "<mj-raw>{}</mj-raw>",
        "<mjml-raw>{}</mjml-raw>",
        "<mj-table>{}</mj-table>",
        "<mj-accordion><mj-accordion-element><mj-accordion-title>{}</mj-accordion-title>"
        "</mj-accordion-element></mj-accordion>",
        "<mj-accordion><mj-accordion-element><mj-accordion-text>{}</mj-accordion-text>"
        "</mj-accordion-element></mj-accordion>",
        "<mj-navbar><mj-navbar-link>{}</mj-navbar-link></mj-navbar>",
        "<mj-social><mj-social-element>{}</mj-social-element></mj-social>",
        "<p>{}</p>",
    ],
)
def test_html_is_what_it_was(component: str, odd: str) -> None:
    """Whatever a component of text holds, and what stands between components, is not read."""
    html = mjml_to_html(_column(component.format(odd) + "<mj-text>next</mj-text>"))
    assert odd in html
    assert ">next<" in html
    assert "<mj" not in html


def test_a_document_becomes_the_same_each_time() -> None:
    """None of the words that stand for what is put aside is left."""
    document = _column("<mj-text>a</mj-text><p>b</p>")
    assert mjml_to_html(document) == mjml_to_html(document)


def test_a_title_is_text() -> None:
    """It is an attribute, too, where quotes and tags would end what they must not."""
    head = '<mj-head><mj-title>a <b> "c" &amp; d</mj-title></mj-head>'
    html = mjml_to_html(f"<mjml>{head}<mj-body></mj-body></mjml>")
    shown = "a &lt;b&gt; &quot;c&quot; &amp; d"
    assert f"<title>{shown}</title>" in html
    assert f'aria-label="{shown}"' in html


@pytest.mark.parametrize(
    "html", ["<p>a</p>", "a", "<!-- a -->", "<!--[if mso]><i>a</i><![endif]-->"]
)
def test_html_beside_columns_takes_none_of_their_room(html: str) -> None:
    """Two columns are half of a section each, whatever else stands in it."""
    made = mjml_to_html(
        _document(f"<mj-section>{html}{'<mj-column></mj-column>' * 2}</mj-section>")
    )
    assert set(re.findall(r"mj-column-per-[\d-]+", made)) == {"mj-column-per-50"}
    assert html in made


@pytest.mark.parametrize(
    ("html", "is_row"),
    [
        ("<p>a</p>", True),
        ("a", True),
        ("<tr><td>a</td></tr>", False),
        ("<div><p>a</p>", False),
        ("<!-- a -->", False),
    ],
)
def test_html_in_a_column_is_a_row(html: str, is_row: bool) -> None:
    """A column is a table: what is no row of one would be moved out of it by any reader."""
    made = mjml_to_html(_column(f"{html}<mj-text>next</mj-text>"))
    assert (
        re.search(r"<td [^>]*>" + re.escape(html) + "</td></tr><tr>", made) is not None
        or not is_row
    )
    assert html in made


def test_comments_and_blanks_between_any_components() -> None:
    """The compiler knows neither everywhere; nothing is lost without them."""
    head = "<mj-head> <!-- a --> <mj-attributes> <!-- <mj-text> --> <mj-all /> </mj-attributes> "
    accordion = (
        "<mj-accordion> <!-- b --> <mj-accordion-element> <!-- c --> </mj-accordion-element>"
    )
    document = _column(f"{accordion} </mj-accordion>").replace("<mjml>", f"<mjml>{head}</mj-head>")
    assert "<body" in mjml_to_html(document)


@pytest.mark.parametrize("quote", ['"', "'"])
def test_inline_styles(quote: str) -> None:
    """That styles are inlined is said once for all of them: the compiler's own word is dropped."""
    style = f"<mj-style  inline={quote}inline{quote} a>p > a {{ color: red; }}</mj-style>"
    made = mjml_to_html(f"<mjml><mj-head>{style}</mj-head><mj-body></mj-body></mjml>")
    assert "p > a { color: red; }" in made


@pytest.mark.parametrize(
    ("document", "at", "reason"),
    [
        ("<mjml>\n <mj-bod></mj-bod></mjml>", (2, 2), "unexpected element '<mj-bod'"),
        ("<mjml-raw></mjml-raw>", (1, 1), "unexpected"),
        (_document("<mj-text>é < ü</mj-text>\n<mj-section>"), (2, 1), "<mj-section> is not closed"),
        (_document("\n\n  <mj-text>a"), (3, 3), "<mj-text> is not closed"),
        (_document("<mj-text>a < b</mj-text><mj-social><p></mj-social>"), (1, 51), "'<p'"),
        (_document("\n<mj-image src=a />"), (2, 1), "attributes"),
        # More tags than are worked on in this process.
        (_document("<mj-spacer />\n" * 600 + "<mj-social><p></mj-social>"), (601, 12), "'<p'"),
        ("", None, "unable to find mjml element"),
    ],
)
def test_a_refusal_names_reason_and_place(
    document: str, at: tuple[int, int] | None, reason: str
) -> None:
    """The place is that in the document, whatever of it was put aside."""
    with pytest.raises(LiquidError, match="MJML cannot be compiled") as refused:
        mjml_to_html(document)
    assert reason in refused.value.message
    assert refused.value.at == (None if at is None else Position(*at))
