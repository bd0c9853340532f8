"""The generated text part of an e-mail."""

from __future__ import annotations

import pytest

from templating.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>Title</h1><p>One\n two</p><p>three</p>", "Title\n\nOne two\n\nthree"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("See <a href='https://x.example'>this</a>.", "See this (https://x.example)."),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
        ("<a href='mailto:a@b.example'>Write</a>", "Write (a@b.example)"),
        ("<a href='https://x.example'><img alt='Logo' src='x'></a>", "Logo (https://x.example)"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc"),
        ("<head><title>T</title></head><style>p{}</style><script>x</script>y", "y"),
        ("<div style='display: none'>pre <b>view</b></div>seen", "seen"),
        ("<p hidden>x<br>y</p>seen", "seen"),
        ("<!-- note -->a &amp; b &lt;c&gt;", "a & b <c>"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("İ<STYLE>x</STYLE>y", "İy"),
    ],
)
def test_conversion(html: str, expected: str) -> None:
    """Structure becomes lines, links keep their address, hidden parts disappear."""
    assert html_to_text(html) == expected


def test_large_documents_are_only_stripped() -> None:
    """A very large body still becomes text, without its structure."""
    text = html_to_text("<p>word &amp; word</p>" * 20_000)
    assert "<" not in text
    assert text.startswith("word & word")
