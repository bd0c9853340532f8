"""Other addresses in the links of HTML, Markdown and plain text."""

from __future__ import annotations

import pytest

from templating.markup.links import (
    add_pixel,
    track_html,
    track_markdown,
    track_text,
    untracked_links,
)


def mark(url: str) -> str:
    """Return an address that shows which link it is for."""
    return f"https://t/{url.removeprefix('https://')}"


@pytest.mark.parametrize(
    ("html", "tracked"),
    [
        ('<a href="https://x/1">x</a>', '<a href="https://t/x/1">x</a>'),
        ("<A class=b HREF=https://x/1>x</A>", '<A class=b href="https://t/x/1">x</A>'),
        ("<a href = 'https://x/1' id=i>x</a>", '<a href="https://t/x/1" id=i>x</a>'),
        (
            '<a href="https://x/?a=1&amp;b=2&copy=3">x</a>',
            '<a href="https://t/x/?a=1&amp;b=2&amp;copy=3">x</a>',
        ),
        ('<a href=" https://x/\n1 ">x</a>', '<a href="https://t/x/1">x</a>'),
        ('<a title="a > b" href="https://x">x</a>', '<a title="a > b" href="https://t/x">x</a>'),
        (
            '<!--[if mso]><a href="https://x">x</a><![endif]-->',
            '<!--[if mso]><a href="https://t/x">x</a><![endif]-->',
        ),
    ],
)
def test_anchors(html: str, tracked: str) -> None:
    """The address of an anchor is replaced, as a browser reads it; all else stays."""
    assert track_html(html, mark) == tracked


@pytest.mark.parametrize(
    "html",
    [
        '<a href="http://x">x</a>',
        '<a href="mailto:a@example.com">x</a>',
        '<a href="#top">x</a>',
        '<a href="/path">x</a>',
        '<a data-href="https://x">x</a>',
        '<abbr href="https://x">x</abbr>',
        '<link href="https://x"><img src="https://x">',
        "https://x",
        '<a href="https://x',
        '<a href="https://">x</a>',
    ],
)
def test_what_is_no_tracked_anchor(html: str) -> None:
    """Only `https` addresses of whole anchors are touched."""
    assert track_html(html, mark) == html


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ('<a href="https://x" data-knock-no-track>x</a>', '<a href="https://x">x</a>'),
        ('<a data-knock-no-track="" href="https://x">x</a>', '<a href="https://x">x</a>'),
        ("<a DATA-KNOCK-NO-TRACK=true href='https://x'>x</a>", "<a href='https://x'>x</a>"),
    ],
)
def test_anchors_that_are_not_tracked(html: str, kept: str) -> None:
    """An anchor that says so keeps its address, and loses the word."""
    assert track_html(html, mark) == kept
    assert [*untracked_links(html)] == ["https://x"]


@pytest.mark.parametrize(
    ("html", "where"),
    [
        ("<html><body><p>x</p></BODY ></html>", "<html><body><p>x</p>|</BODY ></html>"),
        ("<p>&lt;/body></p></body> </body>", "<p>&lt;/body></p></body> |</body>"),
        ("<html><p>x</p></html>", "<html><p>x</p>|</html>"),
        ("<p>x</p>", "<p>x</p>|"),
    ],
)
def test_a_pixel_ends_the_body(html: str, where: str) -> None:
    """An image of one transparent dot stands before the last end of the body."""
    before, after = where.split("|")
    made = add_pixel(html, "https://t/o")
    assert made.startswith(before + '<img src="https://t/o" width="1" height="1" alt=""')
    assert made.endswith(after)


@pytest.mark.parametrize(
    ("text", "tracked"),
    [
        ("Go to https://x/1.", "Go to https://t/x/1."),
        ("(see https://x/a_(b))", "(see https://t/x/a_(b))"),
        ("https://x/?a[]=1, now!", "https://t/x/?a[]=1, now!"),
        ("Reset: HTTPS://X", "Reset: https://t/HTTPS://X"),
        ("http://x and x.com", "http://x and x.com"),
        ("https://x/?a=1&amp;b=2", "https://t/x/?a=1&amp;b=2"),
    ],
)
def test_plain_text(text: str, tracked: str) -> None:
    """Addresses in running text are replaced without the punctuation around them."""
    assert track_text(text, mark) == tracked


@pytest.mark.parametrize(
    ("before", "url", "behind"),
    [
        ("详情请看", "https://x/1", "。谢谢"),
        ("\uff08", "https://x/1", "\uff09"),  # brackets
        ("「", "https://x/1", "」、"),
        ("“", "https://x/1", "”"),
        ("\u2018", "https://x/1", "\u2019"),  # single quotes
        ("«", "https://x/1", "»"),
        ("", "https://x/1", "… and so on"),
        ("", "https://x/über/寿司", " "),
    ],
)
def test_where_an_address_ends(before: str, url: str, behind: str) -> None:
    """Marks that no keyboard puts into an address are of the text around it."""
    seen = []

    def note(found: str) -> str:
        seen.append(found)
        return found

    text = before + url + behind
    assert track_text(text, note) == track_markdown(text, note) == text
    assert seen == [url, url]


@pytest.mark.parametrize(
    ("text", "tracked"),
    [
        ("[a](https://x/1)", "[a](https://t/x/1)"),
        ('[a](https://x/a_(b) "title")', '[a](https://t/x/a_(b) "title")'),
        ("[https://x](https://x)", "[https://x](https://t/x)"),
        ("[see https://y here](http://x)", "[see https://y here](http://x)"),
        ("[![alt](https://i/p.png)](https://x)", "[![alt](https://i/p.png)](https://t/x)"),
        ("https://x/1.", "[https://x/1](https://t/x/1)."),
        ("**https://x**", "**[https://x](https://t/x)**"),
        ("<https://x>", "[https://x](https://t/x)"),
        ("看“https://x/1”。", "看“[https://x/1](https://t/x/1)”。"),
        ("<https://x|shown>", "<https://t/x|shown>"),
        ("[r]\n\n[r]: https://x", "[r]\n\n[r]: https://t/x"),
        ('<a href="https://x">x</a>', '<a href="https://t/x">x</a>'),
        ("![alt](https://i/p.png)", "![alt](https://i/p.png)"),
        ("`https://x`", "`https://x`"),
        ("```\nhttps://x\n``` https://y", "```\nhttps://x\n``` [https://y](https://t/y)"),
        ("[a](mailto:a@example.com) http://x", "[a](mailto:a@example.com) http://x"),
    ],
)
def test_markdown(text: str, tracked: str) -> None:
    """Targets are replaced; an address that stands alone becomes a link that shows it."""
    assert track_markdown(text, mark) == tracked


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://x/?a=1&amp;b=2&copy=3)",
        "[r]\n\n[r]: https://x/?a=1&amp;b=2&copy=3",
        "<https://x/?a=1&amp;b=2&copy=3|shown>",
        "<https://x/?a=1&amp;b=2&copy=3>",
        "https://x/?a=1&amp;b=2&copy=3",
    ],
)
def test_a_link_of_markdown_is_read_as_it_is_shown(text: str) -> None:
    """Whoever follows it comes to what the reference stands for; one that stays is not touched."""
    seen = []

    def note(url: str) -> str:
        seen.append(url)
        return url

    assert track_markdown(text, note) == text
    assert seen == ["https://x/?a=1&b=2&copy=3"]


def test_addresses_alone_may_stay() -> None:
    """In texts that show what they hold only what is a link already is touched."""
    text = "https://x <https://y> <https://z|Z>"
    assert track_markdown(text, mark, bare=False) == "https://x <https://y> <https://t/z|Z>"


@pytest.mark.parametrize(
    "piece", ['<a "', "<a ", "<a x=", '="', "[a", "](", "`", "```", "![", "<https://", ")", "]]"]
)
@pytest.mark.parametrize("begin", ["<a ", "https://x", "["])
def test_hostile_texts_end(begin: str, piece: str) -> None:
    """A long text of unclosed beginnings is passed through; quadratic time would take minutes."""
    text = begin + piece * 60_000
    for passed in (track_html(text, mark), track_text(text, mark), track_markdown(text, mark)):
        assert len(passed) >= len(text)
