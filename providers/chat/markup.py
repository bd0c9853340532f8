"""Reads Markdown and writes it in a chat's own markup; what a chat has nothing for stays text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a chat writes what Markdown has.

    Attributes:
        marks: what stands around a text, by what it is: `strong`, `em`, `s`.
        plain: writes text so that nothing in it is markup; told whether it begins a line.
        link: writes a link, of its text, which is written already, and its address.
        code: writes code within a line; told whether it begins one.
        fence: writes lines of code.
        bullet: what stands before an entry of a list without numbers.
        line_break: between lines of one paragraph that the author has parted.
        rule: a line across.
        quote: what stands before a quoted line.
    """

    marks: Mapping[str, str]
    plain: Callable[[str, bool], str]
    link: Callable[[str, str], str]
    code: Callable[[str, bool], str]
    fence: Callable[[str], str]
    bullet: str
    line_break: str
    rule: str
    quote: str


def written(markdown: str, dialect: Dialect) -> str:
    """Return Markdown in the markup of a chat."""
    writer = _Writer(dialect)
    for token in _PARSER.parse(markdown):
        writer.write(token)
    return "".join(writer.out).strip()


class _Writer:
    """Writes the blocks of a document; lists know their depth and their numbers."""

    def __init__(self, dialect: Dialect) -> None:
        self.out: list[str] = []
        self._dialect = dialect
        self._lists: list[int | None] = []  # the next number of each open list, None for bullets
        self._quotes = 0
        self._is_heading = False

    def write(self, token: Token) -> None:
        """Write one block token."""
        kind = token.type
        if kind.startswith("heading"):
            self._is_heading = token.nesting > 0
            self.out.append(self._dialect.marks["strong"] + ("" if self._is_heading else "\n\n"))
        elif "list" in kind:
            self._list(token)
        elif kind.startswith("blockquote"):
            self._quotes += token.nesting
        elif kind == "inline":
            self._text(_inline(token.children or (), self._dialect, is_heading=self._is_heading))
        elif kind == "paragraph_close":
            self.out.append("\n" if self._lists else "\n\n")
        elif kind in ("fence", "code_block"):
            self._text(self._dialect.fence(token.content))
            self.out.append("\n\n")
        elif kind == "hr":
            self.out.append(f"{self._dialect.rule}\n\n")

    def _list(self, token: Token) -> None:
        if token.type == "list_item_open":
            self.out.append(self._bullet())
        elif token.type == "ordered_list_open":
            self._lists.append(int(token.attrGet("start") or 1))
        elif token.type == "bullet_list_open":
            self._lists.append(None)
        elif token.type != "list_item_close":
            self._lists.pop()
            if not self._lists:
                self.out.append("\n")

    def _bullet(self) -> str:
        indent = "    " * (len(self._lists) - 1)
        number = self._lists[-1]
        if number is None:
            return f"{indent}{self._dialect.bullet}"
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _text(self, text: str) -> None:
        if self._quotes:
            text = "\n".join(f"{self._dialect.quote}{line}" for line in text.split("\n"))
        self.out.append(text)


def _inline(tokens: Sequence[Token], dialect: Dialect, *, is_heading: bool) -> str:
    """Write what stands within a block."""
    out: list[str] = []
    around: list[tuple[list[str], str]] = []  # what stands before each open link, and its address
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        begins_line = not around and (not out or out[-1].endswith("\n"))
        match token.type:
            case "text":
                out.append(dialect.plain(token.content, begins_line))
            case "code_inline":
                out.append(dialect.code(token.content, begins_line))
            case "softbreak":
                out.append("\n")
            case "hardbreak":
                out.append(dialect.line_break)
            case "link_open":
                around.append((out, str(token.attrGet("href") or "")))
                out = []
            case "link_close":
                text, (out, address) = "".join(out), around.pop()
                out.append(dialect.link(text, address))
            case "image":
                text = dialect.plain(token.content, False)
                out.append(dialect.link(text, str(token.attrGet("src") or "")))
            case _:
                # A heading is strong as a whole.
                mark = dialect.marks.get(name, "")
                out.append("" if is_heading and name == "strong" else mark)
    return "".join(out)
