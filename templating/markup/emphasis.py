"""Emphasis that touches Liquid, which stands as words in Markdown while that becomes HTML.

Knock's parser sees the braces of Liquid, so that `_` and `*` beside them stand as beside
punctuation: `_{{ a }}_{% endif %} b` is emphasis, and so is `{{ a }}_b_`. Beside words they would
be parts of these. Two values that `_` joins stay joined.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize
from markdown_it.rules_inline.state_inline import Delimiter

# Words that no author writes; letters and digits alone survive in a link's address too. That of a
# tag, which prints nothing itself, is marked.
WORD = re.compile(r"zqLiq(t?)(\d+)qz")
_ENDS_WITH_WORD = re.compile(r"zqLiq(t?)\d+qz\Z")
# The longest word, with a number of as many digits as any text has pieces.
_LONGEST = 24


def word_of(number: int, *, is_tag: bool) -> str:
    """Return the word that stands for a piece of Liquid."""
    return f"zqLiq{'t' if is_tag else ''}{number}qz"


def emphasise_beside_liquid(parser: MarkdownIt) -> None:
    """Let a parser take Liquid for what it is where emphasis touches it."""
    parser.inline.ruler.at("emphasis", _tokenize)


def _tokenize(state: StateInline, silent: bool) -> bool:
    start, marker = state.pos, state.src[state.pos]
    if silent or marker not in "_*":
        return tokenize(state, silent)
    scanned = state.scanDelims(start, marker == "*")
    end = start + scanned.length
    before = _ENDS_WITH_WORD.search(state.src, max(0, start - _LONGEST), start)
    after = WORD.match(state.src, end, state.posMax)
    if before is None and after is None:
        return tokenize(state, silent)
    joins = marker == "_" and before and after and not before[1] and not after[1]
    can_open = scanned.can_open or (
        before is not None and not joins and not _is_blank(state.src[end : state.posMax][:1])
    )
    can_close = scanned.can_close or (
        after is not None and start > 0 and not _is_blank(state.src[start - 1])
    )
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker),
                length=scanned.length,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )
    state.pos = end
    return True


def _is_blank(character: str) -> bool:
    """Tell whether emphasis neither begins before a character nor ends behind it."""
    return not character.strip()
