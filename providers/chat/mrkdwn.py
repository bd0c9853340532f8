"""Writes Markdown as Slack's own markup (Slack docs: "Formatting text for app surfaces")."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
# What stands around the text of an inline token, by the token's type without `_open`, `_close`.
_MARKS = {"strong": "*", "em": "_", "s": "~"}
# Blocks that say the same whatever is in them.
_FIXED = {"heading_open": "*", "heading_close": "*\n\n", "hr": "---\n\n"}


def to_mrkdwn(markdown: str) -> str:
    """Return text in Slack's markup; what Slack has nothing for stays as plain text."""
    writer = _Writer()
    for token in _PARSER.parse(markdown):
        writer.write(token)
    return "".join(writer.out).strip()


def escaped(text: str) -> str:
    """Escape the three characters that mean something to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Writer:
    """Writes the blocks of a document; lists know their depth and their numbers."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._lists: list[int | None] = []  # the next number of each open list, None for bullets
        self._quotes = 0

    def write(self, token: Token) -> None:
        """Write one block token."""
        kind = token.type
        if kind in _FIXED:
            self.out.append(_FIXED[kind])
        elif "list" in kind:
            self._list(token)
        elif kind.startswith("blockquote"):
            self._quotes += token.nesting
        elif kind == "inline":
            self._text(_inline(token.children or ()))
        elif kind == "paragraph_close":
            self.out.append("\n" if self._lists else "\n\n")
        elif kind in ("fence", "code_block"):
            self._text(f"```\n{escaped(token.content)}```")
            self.out.append("\n\n")

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
            return f"{indent}• "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _text(self, text: str) -> None:
        if self._quotes:
            text = "\n".join(f"> {line}" for line in text.split("\n"))
        self.out.append(text)


def _inline(tokens: Sequence[Token]) -> str:
    """Write what stands within a block."""
    out: list[str] = []
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        match token.type:
            case "text":
                out.append(escaped(token.content))
            case "code_inline":
                out.append(f"`{escaped(token.content)}`")
            case "softbreak" | "hardbreak":
                out.append("\n")
            case "link_open":
                out.append(f"<{_address(token.attrGet('href'))}|")
            case "link_close":
                out.append(">")
            case "image":
                out.append(f"<{_address(token.attrGet('src'))}|{escaped(token.content)}>")
            case _:
                out.append(_MARKS.get(name, ""))
    return "".join(out)


def _address(given: object) -> str:
    return escaped(str(given or "")).replace("|", "%7C")
