"""Markdown to HTML: sanitised for feed items, as written for e-mails.

Source: Knock docs, "In-app feed" and "Template editor". Dialect: CommonMark with tables,
strikethrough and bare links.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from templating.limits import LiquidError
from templating.markup.emphasis import emphasise_beside_liquid
from templating.markup.html_sandbox import clean_html

# The parser is plain Python and cannot be interrupted; these keep its worst case under a second.
_MAX_MARKDOWN = 32 * 1024
_MAX_BRACKETS = 4_000
_MAX_CELLS = 10_000

# One line of words without anything that Markdown or HTML could give a meaning to.
_PLAIN = re.compile(r"[^\W\d_][^\x00-\x1f\x7f-\xa0*_`\[\]<>&\\!~|#:\"]*(?<!\s)")
_URL = re.compile(r"\bhttps?://[^\s<>\"'`]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}*_~"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(//)?", re.IGNORECASE)
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "sms", "tel"})
# Beside those, `name://` opens an app; except these, which a browser opens itself.
_BROWSER_SCHEMES = frozenset(
    [
        "about",
        "blob",
        "chrome",
        "data",
        "file",
        "filesystem",
        "jar",
        "javascript",
        "livescript",
        "mocha",
        "vbscript",
        "view-source",
    ]
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]+")


def _linkify(state: StateCore) -> None:
    """Turn bare web addresses in running text into links."""
    for block in state.tokens:
        if block.type != "inline" or not block.children or "://" not in block.content:
            continue
        children: list[Token] = []
        depth = 0
        for token in block.children:
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "text" and not depth:
                children.extend(_split_links(token))
            else:
                children.append(token)
        block.children = children


def _split_links(token: Token) -> list[Token]:
    result: list[Token] = []
    position = 0
    for match in _URL.finditer(token.content):
        url = match[0].rstrip(_TRAILING)
        result.append(_text(token.content[position : match.start()]))
        opening = Token("link_open", "a", 1, attrs={"href": url}, markup="autolink")
        result.extend((opening, _text(url), Token("link_close", "a", -1, markup="autolink")))
        position = match.start() + len(url)
    result.append(_text(token.content[position:]))
    return [part for part in result if part.type != "text" or part.content]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _build_parser(*rules: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", *rules])
    parser.core.ruler.push("bare_links", _linkify)
    emphasise_beside_liquid(parser)
    return parser


_PARSER = _build_parser("table")
_TABLELESS_PARSER = _build_parser()


def markdown_to_html(text: str) -> str:
    """Convert Markdown to HTML without sanitising; raw HTML passes through.

    Raises LiquidError when the text is longer than a message can reasonably be.
    """
    if _PLAIN.fullmatch(text):
        return f"<p>{text}</p>\n"
    if len(text) > _MAX_MARKDOWN:
        raise LiquidError(f"Markdown may have at most {_MAX_MARKDOWN // 1024} kB.")
    if text.count("[") > _MAX_BRACKETS:
        raise LiquidError(f"Markdown may have at most {_MAX_BRACKETS} opening brackets.")
    lines = text.split("\n")
    # The table rule fills every row up to the width of the widest one.
    cells = max(line.count("|") for line in lines) * len(lines)
    parser = _PARSER if 0 < cells <= _MAX_CELLS else _TABLELESS_PARSER
    rendered: str = parser.render(text)
    return rendered


def markdown_to_safe_html(text: str) -> str:
    """Convert Markdown to HTML that may be put into a page: no scripts, handlers or odd schemes."""
    html = markdown_to_html(text)
    return html if _PLAIN.fullmatch(text) else clean_html(html)


def safe_url(url: str) -> str:
    """Return a rendered link target without blanks around it, or "" when it is not safe to follow.

    Safe are relative links, web addresses, `mailto:`, `sms:`, `tel:`, and links into an app such
    as `myapp://orders/1`.
    """
    url = url.strip()
    # Browsers ignore control characters inside of a scheme.
    match = _SCHEME.match(_CONTROL.sub("", url))
    try:
        urlsplit(url)
    except ValueError:
        return ""
    if match is None or match[1].lower() in _SAFE_SCHEMES:
        return url
    return url if match[2] and match[1].lower() not in _BROWSER_SCHEMES else ""
