"""HTML to plain text: the generated text part of an e-mail, and the `strip_html` filter.

Python's HTML parser takes quadratic time over unclosed tags, so it is only shown closed ones.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from html.entities import html5
from html.parser import HTMLParser

# Larger documents are only stripped: the parser takes some microseconds per tag.
_MAX_PARSED = 256 * 1024
_HIDDEN_TAGS = ("script", "style", "head", "title", "template", "noscript")
_HIDDEN = re.compile(rf"<(?:(!--)|({'|'.join(_HIDDEN_TAGS)})\b)", re.IGNORECASE)
_CLOSERS = {"!--": re.compile("-->")} | {
    tag: re.compile(rf"</{tag}\b[^<>]*>", re.IGNORECASE) for tag in _HIDDEN_TAGS
}
# A "<" that does not begin a complete tag; quotes inside the tag have to be closed as well.
_STRAY = re.compile(r"<(?!/?[A-Za-z](?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*>)")
_TAG = re.compile(r"<[^<>]*>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*)(;?)(?=(=?))")
# Beyond Unicode, and perhaps beyond the integers that Python reads.
_HUGE_REFERENCE = re.compile(r"&(?=#(?:[0-9]{8}|[xX][0-9A-Fa-f]{7}))")
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PARAGRAPHS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "dl",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "ul",
    ]
)
_LINES = frozenset({"br", "caption", "dd", "div", "dt", "figcaption", "li", "tr"})
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)


def html_to_text(html: str) -> str:
    """Write an HTML fragment as readable text.

    Paragraphs and headings are set apart, list items get a bullet or number, links become
    `text (url)`, images their alternative text, table cells stand side by side; hidden elements,
    styles and scripts are dropped.
    """
    visible = close_references(_drop_hidden(html))
    if len(visible) > _MAX_PARSED:
        return _tidy(unescape(_TAG.sub(" ", visible)))
    writer = _TextWriter()
    writer.feed(_STRAY.sub("&lt;", visible))
    writer.close()
    return _tidy("".join(writer.parts))


def close_references(html: str) -> str:
    """Escape every ampersand that no browser takes for the beginning of a character."""
    return _HUGE_REFERENCE.sub("&amp;", _ENTITY.sub(_keep_ampersand, html))


def _keep_ampersand(match: re.Match[str]) -> str:
    """Escape an ampersand that begins no entity, as `&section=2` in the query of a link.

    An old entity such as `&copy` needs no semicolon; but where letters, digits or an equals sign
    follow, it is the name of a parameter that happens to begin with one.
    """
    name, end, follower = match[1], match[2], match[3]
    is_entity = f"{name};" in html5 if end else name in html5 and not follower
    return match[0] if is_entity else f"&amp;{match[0][1:]}"


def strip_tags(html: str) -> str:
    """Remove comments, scripts, styles and tags, and nothing else."""
    return _TAG.sub("", _drop_hidden(html))


def _drop_hidden(html: str) -> str:
    """Cut out comments and elements whose content is not for reading, in linear time."""
    kept: list[str] = []
    position = 0
    while match := _HIDDEN.search(html, position):
        kept.append(html[position : match.start()])
        closer = _CLOSERS[(match[1] or match[2]).lower()].search(html, match.end())
        if closer is None:
            return "".join(kept)
        position = closer.end()
    kept.append(html[position:])
    return "".join(kept)


def _tidy(text: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _TextWriter(HTMLParser):
    """Collects the text of visible elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._hidden: list[str] = []
        self._hidden_counts: Counter[str] = Counter()
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        values = {name: value or "" for name, value in attrs}
        if self._hidden or "hidden" in values or _INVISIBLE.search(values.get("style", "")):
            if tag not in _VOID:
                self._hidden.append(tag)
                self._hidden_counts[tag] += 1
            return
        if tag in _PARAGRAPHS and not (tag in {"ol", "ul"} and self._lists):
            self.parts.append("\n\n")
        elif tag == "br" or (tag in _LINES and self.parts and not self.parts[-1].endswith("\n")):
            self.parts.append("\n")
        if tag == "a":
            self._links.append((values.get("href", "").strip(), len(self.parts)))
        elif tag in {"ol", "ul"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self.parts.append(self._bullet())
        elif tag == "img":
            self._write(values.get("alt", ""))
        elif tag == "pre":
            self._preformatted += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat `<br/>` like `<br>`; other elements ignore the slash, as browsers do."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if self._hidden:
            # Counted, because a page may close what it never opened once for each of its tags.
            while self._hidden_counts[tag]:
                closed = self._hidden.pop()
                self._hidden_counts[closed] -= 1
                if closed == tag:
                    break
            return
        if tag == "a" and self._links:
            self._close_link()
        elif tag in {"ol", "ul"} and self._lists:
            self._lists.pop()
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1
        elif tag in {"td", "th"}:
            self.parts.append("  ")
        if tag in _PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag in _LINES:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Write text outside hidden elements."""
        if not self._hidden:
            self._write(data)

    def _write(self, text: str) -> None:
        if self._preformatted:
            self.parts.append(text)
            return
        text = _BLANKS.sub(" ", text)
        last = self.parts[-1][-1:] if self.parts else "\n"
        if last in {"\n", " "}:
            text = text.lstrip(" ")
        if text:
            self.parts.append(text)

    def _bullet(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        self._lists[-1] += 1
        return f"{self._lists[-1]}. "

    def _close_link(self) -> None:
        href, start = self._links.pop()
        label = "".join(self.parts[start:]).strip()
        address = href.removeprefix("mailto:")
        if address and not href.startswith("#") and address != label:
            self.parts.append(f" ({address})" if label else address)
