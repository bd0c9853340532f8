"""MJML becomes HTML; what is HTML already, in components and between them, stays as it is.

The compiler reads a document as XML. But texts, buttons and tables hold HTML, and HTML may be
anything, the more so when values are part of it: `I <3 you`, `<p>one<p>two`. So all that is not
MJML is put aside meanwhile, and only components are compiled.

Source: Knock docs, "MJML support"; MJML's documentation, "Ending tags".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from html import escape, unescape
from secrets import token_hex

from templating.limits import EMAIL_LIMITS, LiquidError, Position
from templating.markup.html_sandbox import RefusedMjml, compile_mjml

# What these hold is no MJML.
ENDING_TAGS = frozenset(
    {
        "mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-preview",
        "mj-raw", "mj-social-element", "mj-style", "mj-table", "mj-text", "mj-title", "mjml-raw",
    }
)  # fmt: skip
_OTHER_TAGS = frozenset(
    {
        "mj-accordion", "mj-accordion-element", "mj-all", "mj-attributes", "mj-body",
        "mj-breakpoint", "mj-carousel", "mj-carousel-image", "mj-class", "mj-column", "mj-divider",
        "mj-font", "mj-group", "mj-head", "mj-hero", "mj-html-attribute", "mj-html-attributes",
        "mj-image", "mj-include", "mj-navbar", "mj-section", "mj-selector", "mj-social",
        "mj-spacer", "mj-wrapper", "mjml",
    }
)  # fmt: skip
# Between whose components HTML may stand.
_HOLDERS = frozenset({"mj-body", "mj-column", "mj-group", "mj-hero", "mj-section", "mj-wrapper"})
_NAMES = "|".join(sorted(ENDING_TAGS | _OTHER_TAGS))
# No quote goes past the next component, so that each tag is looked at once.
_ATTRIBUTES = (
    r"(?:[^<>\"'/=]++|/(?!>)|=\s*+(?:\"(?:[^\"<]++|<(?!/?mj))*+\"|'(?:[^'<]++|<(?!/?mj))*+'))*+"
)
TAG = re.compile(
    r"(?P<comment><!--)"
    rf"|<(?P<closing>/?)(?P<name>{_NAMES})(?![\w-])(?P<attributes>{_ATTRIBUTES})(?P<is_empty>/?)>"
    rf"|(?P<broken></?(?:{_NAMES})(?![\w-]))"
)
_ENDS = {name: re.compile(rf"</{name}\s*>") for name in ENDING_TAGS}
_INLINE = re.compile(r"(?<!\s)\s+inline=([\"'])inline\1", re.IGNORECASE)
# A column is a table. Its rows set no size of letters, and what surrounds it sets it to nothing.
_ROW = '<tr><td style="font-size: 13px; line-height: 1.5; text-align: left;">{}</td></tr>'
_ROWS = ("column", "hero")
_STANDS_AS_IT_IS = re.compile(r"\s*(?:<!--|</|<tr\b)", re.IGNORECASE)
_CONTAINER = re.compile(
    r"<(/?)(a|article|center|div|section|span|table|tbody|td|tr)\b", re.IGNORECASE
)


class MjmlError(LiquidError):
    """A document that is not MJML."""


class OpenTags:
    """The components that are open at a place of a source."""

    def __init__(self) -> None:
        self._stack: list[tuple[str, int]] = []
        # Counted, because a source may close what it never opened once for each of its tags.
        self._counts: Counter[str] = Counter()
        self._has_stray = False
        self._ended_early: tuple[str, int] | None = None

    def open(self, name: str, offset: int = 0) -> None:
        """Open a component that begins at an offset."""
        self._stack.append((name, offset))
        self._counts[name] += 1

    def close(self, name: str) -> None:
        """Close a component with all in it; one that is not open is passed over."""
        self._has_stray = self._has_stray or not self._counts[name]
        while self._counts[name]:
            closed = self._stack.pop()
            self._counts[closed[0]] -= 1
            if closed[0] == name:
                break
            self._ended_early = self._ended_early or closed

    @property
    def last(self) -> str:
        """Return the innermost; without one, nothing."""
        return self._stack[-1][0] if self._stack else ""

    @property
    def unclosed(self) -> tuple[str, int] | None:
        """Return name and place of one that its own end is missing of, so far."""
        return self._ended_early or (self._stack[-1] if self._stack else None)

    @property
    def is_balanced(self) -> bool:
        """Tell whether all that was opened was closed, and nothing else."""
        return not self._has_stray and self.unclosed is None


class _Components:
    """A document without what is not MJML, each piece of which a word stands for.

    Attributes:
        source: the components.
        open: those that are not closed.
        broken: where the first tag is that cannot be read, if there is one.
    """

    def __init__(self, document: str) -> None:
        self.open = OpenTags()
        self.broken: int | None = None
        self._document = document
        # Words that nothing in the document is taken for: no value can foresee them, and all are
        # put back, so that the same document becomes the same HTML.
        self._mark = f"zq{token_hex(8)}q"
        self._aside: list[str] = []
        self._parts: list[str] = []
        self._size = 0
        # Where kept pieces begin, here and in the document.
        self._begins: list[int] = []
        self._began: list[int] = []
        self._read()
        self.source = "".join(self._parts)

    def restored(self, html: str) -> str:
        """Put back what was put aside."""
        word = re.compile(rf"{self._mark}(\d+)qz")
        return word.sub(lambda found: self._aside[int(found[1])], html)

    def offset(self, offset: int) -> int:
        """Return where in the document a place of the components is."""
        index = bisect_right(self._begins, offset) - 1
        if index < 0:
            return 0
        return min(self._began[index] + offset - self._begins[index], len(self._document))

    def _read(self) -> None:
        document, position, run = self._document, 0, 0
        last_comment = document.rfind("-->")
        unclosed: set[str] = set()
        while piece := TAG.search(document, position):
            position = piece.end()
            if piece["comment"]:
                if position <= last_comment:
                    position = document.index("-->", position) + 3
                    if self.open.last not in _HOLDERS:  # the compiler knows none in most of them
                        self._between(run, piece.start())
                        run = position
                continue
            self._between(run, piece.start())
            run = position
            self._keep(_tag(piece), piece.start())
            name = piece["name"]
            if name is None:
                self.broken = piece.start() if self.broken is None else self.broken
            elif piece["closing"]:
                self.open.close(name)
            elif not piece["is_empty"]:
                is_text = name in ENDING_TAGS and name not in unclosed
                end = _ENDS[name].search(document, position) if is_text else None
                if end is not None:
                    self._inside(name, position, end.start())
                    self._keep(end[0].replace("mjml-raw", "mj-raw"), end.start())
                    run = position = end.end()
                else:
                    unclosed.add(name)
                    self.open.open(name, piece.start())
        self._between(run, len(document))

    def _keep(self, text: str, began: int) -> None:
        self._begins.append(self._size)
        self._began.append(began)
        self._write(text)

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)

    def _put_aside(self, text: str) -> None:
        self._write(f"{self._mark}{len(self._aside)}qz")
        self._aside.append(text)

    def _inside(self, name: str, first: int, end: int) -> None:
        text = self._document[first:end]
        if not text.strip():
            self._write(text)
            return
        # A title is an attribute of the body, too.
        self._put_aside(escape(unescape(text)) if name == "mj-title" else text)

    def _between(self, first: int, end: int) -> None:
        text, parent = self._document[first:end], self.open.last
        if not text.strip():
            # The compiler takes a blank for text, and refuses it in most components.
            self._keep("\n" if text else "", first)
            return
        if parent not in _HOLDERS:
            self._keep(text, first)
            return
        if parent.endswith(_ROWS) and _is_whole(text):
            text = _ROW.format(text)
        self._write("<mj-raw>")
        self._put_aside(text)
        self._write("</mj-raw>")


def _tag(piece: re.Match[str]) -> str:
    """Write a tag as the compiler knows it."""
    if piece["name"] == "mjml-raw":
        return piece[0].replace("mjml-raw", "mj-raw", 1)
    # It would drop these styles; all styles are inlined at the end.
    return _INLINE.sub("", piece[0], count=1) if piece["name"] == "mj-style" else piece[0]


def _is_whole(html: str) -> bool:
    """Tell whether HTML closes what it opens, and is not made to be a row of a table itself."""
    if _STANDS_AS_IT_IS.match(html):
        return False
    open_tags: Counter[str] = Counter()
    for closing, name in _CONTAINER.findall(html):
        open_tags[name.lower()] += -1 if closing else 1
    return not any(open_tags.values())


def mjml_to_html(document: str) -> str:
    """Compile a document. Raises MjmlError, with the place, or LiquidError when it is too long."""
    components = _Components(document)
    try:
        html = components.restored(compile_mjml(components.source))
    except RefusedMjml as refused:
        raise _refusal(document, components, refused) from refused
    if len(html) > EMAIL_LIMITS.output:
        raise LiquidError("The MJML becomes too long.")
    return html


def _refusal(document: str, components: _Components, refused: RefusedMjml) -> MjmlError:
    """Say what is wrong, and where as far as that is known."""
    reason, offset = refused.reason, None
    if components.broken is not None:
        reason, offset = "the attributes of this tag cannot be read", components.broken
    elif refused.offset is not None:
        offset = components.offset(refused.offset)
        shown = re.match(r"</?[\w-]+|\S{1,32}", document[offset : offset + 64])
        reason += f" {shown[0]!r}" if shown else ""
    elif components.open.unclosed is not None:
        name, offset = components.open.unclosed
        reason = f"<{name}> is not closed"
    at = None if offset is None else Position.of(document, offset)
    return MjmlError(f"The MJML cannot be compiled: {reason}.", at)
