"""Markdown with Liquid in it becomes HTML with the same Liquid in it.

Knock turns the Markdown of an e-mail into HTML before Liquid runs, so what a value holds is never
Markdown. Tags and outputs are put aside meanwhile. Those in the middle of a line are words to the
parser. A tag that spans lines stands between blocks: otherwise `{% if %}` would open inside a
paragraph and `{% endif %}` inside the quote behind it. The text of a `{% t %}` stays as it is
written, because its translation is found by it, and gets its HTML beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from templating.markup.emphasis import WORD, word_of
from templating.markup.markdown import markdown_to_html

# What stands behind it in a `t` tag is shown in the place of the text that is looked for: that text
# as HTML. Nobody writes it but us.
SHOWN_AS = "t_shown_as"
_OPENING = re.compile(r"(?=(\{[{%]))")
_CLOSERS = {"{{": "}}", "{%": "%}"}
_VERBATIM = re.compile(r"\{%-?\s*(raw|comment|t)\b")
_VERBATIM_ENDS = {
    name: re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}") for name in ("raw", "comment", "t")
}
_NAME = re.compile(r"\{%-?\s*(\w+)")
_OPENS = frozenset({"if", "unless", "for", "case", "tablerow", "capture"})
_CONTINUES = frozenset({"else", "elsif", "when"})
_MARK = "."
_PARAGRAPH = re.compile(r"<p>((?:[^<]++|<(?!/?p>))*+)</p>")
_LINE = re.compile(rf"<!--{WORD.pattern}-->\n?")


@dataclass
class _Piece:
    """A tag or an output, where it was found.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        line: in which line it begins.
        last_line: in which line it ends.
        word: the name of a tag; of an output nothing.
        is_first: whether its line has only Liquid before it.
        is_last: whether its line has only Liquid after it.
        spans_lines: of a tag that opens, whether it is the first of its line and not closed on it.
    """

    start: int
    end: int
    line: int
    last_line: int
    word: str
    is_first: bool = False
    is_last: bool = False
    spans_lines: bool = False


@lru_cache(maxsize=512)
def liquid_markdown_to_html(source: str) -> str:
    """Convert Markdown to HTML around its Liquid, in linear time as far as this file goes.

    Raises LiquidError when the text is longer than a message can reasonably be.
    """
    sources: list[str] = []
    html = markdown_to_html(_put_aside(_put_verbatim_aside(source, sources), sources))
    html = _LINE.sub(lambda found: sources[int(found[2])] + "\n", html)
    return WORD.sub(lambda found: sources[int(found[2])], html)


def _as_word(source: str, sources: list[str]) -> str:
    """Put a source aside that is part of a line, and prints something there."""
    sources.append(source)
    return word_of(len(sources) - 1, is_tag=False)


def _as_tag(source: str, sources: list[str]) -> str:
    """Put a tag aside that is part of a line."""
    sources.append(source)
    return word_of(len(sources) - 1, is_tag=True)


def _as_line(source: str, sources: list[str]) -> str:
    """Put a source aside that stands between blocks: a comment, which the parser keeps."""
    return f"\n<!--{_as_word(source, sources)}-->\n"


def _put_verbatim_aside(text: str, sources: list[str]) -> str:
    """Put tags aside whose content is no Liquid; what is not closed stays."""
    parts: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for opening in _VERBATIM.finditer(text):
        name = opening[1]
        if opening.start() < position or name in unclosed:
            continue
        closing = _VERBATIM_ENDS[name].search(text, opening.end())
        if closing is None:
            unclosed.add(name)
            continue
        parts.append(text[position : opening.start()])
        source = text[opening.start() : closing.end()]
        write = _as_word
        if name == "t":
            is_alone = _is_alone(text, opening.start(), closing.end())
            end = closing.start() - opening.start()
            source, is_words = _with_html(source, end, is_alone=is_alone)
            write = _as_word if is_words else _as_line
        parts.append(write(source, sources))
        position = closing.end()
    parts.append(text[position:])
    return "".join(parts)


def _is_alone(text: str, start: int, end: int) -> bool:
    """Tell whether nothing else stands on the lines of a piece."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    after = text[end:].partition("\n")[0]
    return not before.strip() and not after.strip()


def _with_html(source: str, end: int, *, is_alone: bool) -> tuple[str, bool]:
    """Write beside the text of a `t` tag, which ends at some place, the HTML of it.

    Returns the tag, and whether it is part of a line, rather than blocks of its own: it never is
    blocks unless it is alone on its lines, because a paragraph would be torn.
    """
    start = source.find("%}") + 2
    text = source[start:end]
    if not text.strip():
        return source, True
    html = liquid_markdown_to_html(text.strip()).strip()
    words = _PARAGRAPH.fullmatch(html)
    if words is None and not is_alone:
        # In the middle of a line nothing begins a list or a heading, nor does it behind a mark.
        marked = liquid_markdown_to_html(_MARK + text.strip()).strip()
        words = _PARAGRAPH.fullmatch(marked)
        if words is None:
            return source, True
    if words is not None:
        around = text.partition(text.strip())
        html = f"{around[0]}{words[1].removeprefix(_MARK)}{around[2]}"
    if html == text:
        return source, True
    dash = "-" if source[:start].endswith("-%}") else ""
    shown = f"{source[:end]}{{% {SHOWN_AS} {dash}%}}{html}{source[end:]}"
    return shown, words is not None


def _put_aside(text: str, sources: list[str]) -> str:
    parts: list[str] = []
    position = 0
    open_tags: list[bool] = []  # of each, whether it stands between blocks
    for piece in _pieces(text):
        parts.append(text[position : piece.start])
        position = piece.end
        if piece.word in _OPENS:
            open_tags.append(piece.spans_lines)
            is_between = piece.spans_lines
        elif piece.word in _CONTINUES:
            is_between = bool(open_tags) and open_tags[-1]
        elif piece.word.startswith("end") and open_tags:
            is_between = open_tags.pop()
        else:
            is_between = bool(piece.word) and piece.is_first and piece.is_last
        write = _as_line if is_between else _as_tag if piece.word else _as_word
        parts.append(write(text[piece.start : piece.end], sources))
    parts.append(text[position:])
    return "".join(parts)


def _pieces(text: str) -> list[_Piece]:
    """Return all tags and outputs, with what is known of their places."""
    pieces = list(_found(text))
    ends = [0, *(piece.end for piece in pieces)]
    starts = [*(piece.start for piece in pieces), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    is_blank = True
    for piece, before in zip(pieces, gaps[:-1], strict=True):
        _, is_broken, near = before.rpartition("\n")
        piece.is_first = not near.strip() and (is_blank or bool(is_broken))
        is_blank = piece.is_first and piece.line == piece.last_line
    is_blank = True
    for piece, after in zip(reversed(pieces), reversed(gaps[1:]), strict=True):
        near, is_broken, _ = after.partition("\n")
        piece.is_last = not near.strip() and (is_blank or bool(is_broken))
        is_blank = piece.is_last and piece.line == piece.last_line
    opened: list[_Piece] = []
    for piece in pieces:
        if piece.word in _OPENS:
            piece.spans_lines = piece.is_first
            opened.append(piece)
        elif piece.word.startswith("end") and opened:
            opener = opened.pop()
            opener.spans_lines = opener.is_first and piece.line > opener.last_line
    return pieces


def _found(text: str) -> Iterator[_Piece]:
    """Yield tags and outputs in order; what is not closed is none."""
    position = line = 0
    unclosed: set[str] = set()
    for opening in _OPENING.finditer(text):
        start, brace = opening.start(), opening[1]
        if start < position or brace in unclosed:
            continue
        end = text.find(_CLOSERS[brace], start + 2) + 2
        if end < 2:
            unclosed.add(brace)
            continue
        line += text.count("\n", position, start)
        last_line = line + text.count("\n", start, end)
        name = _NAME.match(text, start, end)
        yield _Piece(start, end, line, last_line, name[1] if name else "")
        position, line = end, last_line
