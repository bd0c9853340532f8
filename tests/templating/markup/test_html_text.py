"""The generated text part of an e-mail."""

from __future__ import annotations

import pytest

from templating.markup.html_text import html_to_text


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


NAMES = ("a", "amp", "copy", "copyright", "currency", "deg", "eth", "gt", "lt", "micro", "not",
         "notify", "order", "para", "parent", "part", "reg", "region", "sect", "section", "shy",
         "sum", "times", "timestamp", "uml", "yen")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("amount", [1, 40_000])
def test_addresses_stay_as_they_are(name: str, amount: int) -> None:
    """A parameter whose name begins like an entity is not one, in links and in text."""
    url = f"https://x.example/?a=1&{name}=2"
    text = html_to_text(f'<p><a href="{url}">Open</a> {url}</p>' + "<p>filling</p>" * amount)
    assert text.startswith(f"Open ({url}) {url}" if amount == 1 else f"Open  {url}")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<a href="https://x.example/?a=1&amp;section=2">x</a>',
            "x (https://x.example/?a=1&section=2)",
        ),
        (
            "&copy 2026 &copy; &reg, &nosuch; AT&T &#233;&#xe9; &amp;lt; & &",
            "© 2026 © ®, &nosuch; AT&T éé &lt; & &",
        ),
    ],
)
def test_entities(html: str, expected: str) -> None:
    """Entities are read, with and without their semicolon; what is none stays."""
    assert html_to_text(html) == expected


def test_hidden_parts_end_where_they_began() -> None:
    """What is hidden inside of what is hidden ends with it, and stray ends end nothing."""
    html = "<div hidden><p hidden>a</b><p>b</p></p></i>c</div>d<p>e"
    assert html_to_text(html) == "d\n\ne"


def test_odd_references_and_stray_ends_take_no_time() -> None:
    """Numbers too long to read stay; ten thousand hidden elements and stray ends are counted."""
    assert html_to_text("&#" + "1" * 5_000 + ";").startswith("&#111")
    assert html_to_text("<div hidden>" * 10_000 + "</p>" * 20_000 + "x") == ""


def test_large_documents_are_only_stripped() -> None:
    """A very large body still becomes text, without its structure."""
    text = html_to_text("<p>word &amp; word</p>" * 20_000)
    assert "<" not in text
    assert text.startswith("word & word")
