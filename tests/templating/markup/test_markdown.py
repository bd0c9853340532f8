"""Markdown of feed items: the dialect, and that nothing in it can run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templating.markup.html_sandbox import clean_html
from templating.markup.markdown import _PARSER, markdown_to_safe_html, safe_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**b** ~~s~~", "<p><strong>b</strong> <s>s</s></p>\n"),
        ("see https://a.example/x?y=1.", '<p>see <a href="https://a.example/x?y=1" '
         'rel="noopener noreferrer">https://a.example/x?y=1</a>.</p>\n'),
        ("[https://a.example](https://b.example)", '<p><a href="https://b.example" '
         'rel="noopener noreferrer">https://a.example</a></p>\n'),
        ("`https://a.example`", "<p><code>https://a.example</code></p>\n"),
        ('<span class="x" style="color: red; position: fixed">y</span>',
         '<p><span class="x" style="color:red">y</span></p>\n'),
    ],
)  # fmt: skip
def test_dialect(text: str, expected: str) -> None:
    """CommonMark with strikethrough and bare links; harmless HTML, classes and styles stay."""
    assert markdown_to_safe_html(text) == expected


def test_tables() -> None:
    """A table becomes a table."""
    assert "<td>1</td>" in markdown_to_safe_html("|a|b|\n|-|-|\n|1|2|\n")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "<iframe src='https://evil.example'></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<div style='background-image: url(javascript:alert(1))'>x</div>",
        "![x](data:text/html;base64,PHNjcmlwdD4=)",
        "<form action='https://evil.example'><button>x</button></form>",
        "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    ],
)
def test_nothing_can_run(text: str) -> None:
    """Scripts, handlers, frames, forms and dangerous addresses do not survive as markup."""
    html = markdown_to_safe_html(text).lower()
    for forbidden in ("<script", "<iframe", "<form", "<svg", "<math", 'href="java', 'src="data'):
        assert forbidden not in html
    assert "onerror=" not in html or "<img" not in html
    assert "url(" not in html


@given(st.text(alphabet="abZ é1.,;'?()-+= \n\t\u00a0%/$@{}^", max_size=40))
def test_plain_text_takes_the_short_way_unnoticed(text: str) -> None:
    """Skipping the parser for plain words never changes the result."""
    assert markdown_to_safe_html(text) == clean_html(_PARSER.render(text))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (" https://a.example/b ", "https://a.example/b"),
        ("/relative?x=1", "/relative?x=1"),
        ("myapp://open/1", "myapp://open/1"),
        ("JavaScript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("\x01javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("http://[broken", ""),
        ("\u00a0javascript:alert(1)", ""),
        ("\u2003 JAVASCRIPT\t:alert(1)", ""),
        ("javascript://%0aalert(1)", ""),
        ("blob:https://a.example/1", ""),
        ("view-source://a.example", ""),
        ("unknown:alert(1)", ""),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("TEL:+123", "TEL:+123"),
        ("#part", "#part"),
        ("2026:x", "2026:x"),
    ],
)
def test_link_targets(url: str, expected: str) -> None:
    """A link may go anywhere but not run a script, however the scheme is disguised."""
    assert safe_url(url) == expected
