"""Markdown with Liquid in it becomes HTML with the same Liquid in it.

Knock turns the Markdown of an e-mail into HTML before Liquid runs, so what a value holds is never
Markdown. Tags and outputs are put aside meanwhile. Those in the middle of a line are words to the
parser. A tag that spans lines stands between blocks: otherwise `{% if %}` would open inside a
paragraph and `{% endif %}` inside the quote behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from templating.markup.markdown import markdown_to_html

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_VERBATIM = re.compile(r"\{%-?\s*(raw|comment|t)\b.*?\{%-?\s*end\1\s*-?%\}", re.DOTALL)
_NAME = re.compile(r"\{%-?\s*(\w+)")
_OPENS = frozenset({"if", "unless", "for", "case", "tablerow", "capture"})
_CONTINUES = frozenset({"else", "elsif", "when"})
# Words that no author writes; letters and digits alone survive in a link's address too.
_WORD = re.compile(r"zqLiq(\d+)qz")
_LINE = re.compile(r"<!--zqLiq(\d+)qz-->\n?")


@dataclass
class _Aside:
    """What was put aside, and which blocks are open.

    Attributes:
        sources: the Liquid, by number.
        open: for each open tag, whether it stands between blocks.
    """

    sources: list[str] = field(default_factory=list)
    open: list[bool] = field(default_factory=list)

    def word(self, source: str) -> str:
        """Put a source aside that is part of a line."""
        self.sources.append(source)
        return f"zqLiq{len(self.sources) - 1}qz"

    def line(self, source: str) -> str:
        """Put a source aside that stands between blocks: a comment, which the parser keeps."""
        return f"\n<!--{self.word(source)}-->\n"


@lru_cache(maxsize=512)
def liquid_markdown_to_html(source: str) -> str:
    """Convert Markdown to HTML around its Liquid.

    Raises LiquidError when the text is longer than a message can reasonably be.
    """
    aside = _Aside()
    text = _VERBATIM.sub(lambda found: aside.word(found[0]), source)
    text = _put_aside(text, aside)
    html = markdown_to_html(text)
    html = _LINE.sub(lambda found: aside.sources[int(found[1])] + "\n", html)
    return _WORD.sub(lambda found: aside.sources[int(found[1])], html)


def _put_aside(text: str, aside: _Aside) -> str:
    parts: list[str] = []
    position = 0
    for found in _LIQUID.finditer(text):
        parts.append(text[position : found.start()])
        position = found.end()
        name = _NAME.match(found[0])
        word = name[1] if name else ""
        if word in _OPENS:
            aside.open.append(_spans_lines(text, found))
            between = aside.open[-1]
        elif word in _CONTINUES:
            between = bool(aside.open) and aside.open[-1]
        elif word.startswith("end") and aside.open:
            between = aside.open.pop()
        else:
            between = bool(word) and _is_alone(text, found)
        parts.append(aside.line(found[0]) if between else aside.word(found[0]))
    parts.append(text[position:])
    return "".join(parts)


def _spans_lines(text: str, found: re.Match[str]) -> bool:
    """Tell whether a tag is the first of its line and is not closed on it."""
    start = text.rfind("\n", 0, found.start()) + 1
    if _LIQUID.sub("", text[start : found.start()]).strip():
        return False
    depth = 0
    for tag in _LIQUID.finditer(text, found.start()):
        name = _NAME.match(tag[0])
        if name and name[1] in _OPENS:
            depth += 1
        elif name and name[1].startswith("end"):
            depth -= 1
            if depth == 0:
                return "\n" in text[found.end() : tag.start()]
    return True


def _is_alone(text: str, found: re.Match[str]) -> bool:
    """Tell whether a tag has its line for itself."""
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    around = text[start : found.start()] + text[found.end() : end if end >= 0 else len(text)]
    return not _LIQUID.sub("", around).strip()
