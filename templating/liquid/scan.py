"""A linear look at a template's delimiters before the engine's lexer sees it.

The lexer is one regular expression; an unclosed delimiter or a long run of blanks inside a tag
makes it backtrack quadratically or worse, and nothing can interrupt it.
"""

from __future__ import annotations

import re

from liquid.token import Token

from templating.limits import MAX_SOURCE, LiquidError, Position

MAX_TAG = 16_384
# Parsing one takes a tenth of a millisecond.
MAX_TAGS = 10_000
_OPEN = re.compile(r"\{[{%]")
_BLANKS = re.compile(r"\s{129}")
_VERBATIM_ENDS = {
    "raw": re.compile(r"\{%-?\s*endraw\s*-?%\}"),
    "doc": re.compile(r"\{%-?\s*enddoc\s*-?%\}"),
}


def check_delimiters(source: str) -> None:
    """Raise LiquidError when a tag is unclosed, empty, overlong or mostly blank."""
    if len(source) > MAX_SOURCE:
        raise LiquidError(f"A template may have at most {MAX_SOURCE // 1024} kB.")
    position = count = 0
    while match := _OPEN.search(source, position):
        start = match.start()
        closer = "}}" if source[start + 1] == "{" else "%}"
        end = source.find(closer, start + 2)
        if end < 0:
            raise LiquidError(
                f"expected '{closer}', found the end of the template", position_at(source, start)
            )
        if end - start > MAX_TAG:
            raise LiquidError(
                f"a tag may have at most {MAX_TAG} characters", position_at(source, start)
            )
        inner = source[start + 2 : end]
        if _BLANKS.search(inner):
            raise LiquidError("a tag has too many blanks in a row", position_at(source, start))
        word = inner.strip("- \t\r\n")
        if not word:
            raise LiquidError("a tag is empty", position_at(source, start))
        position = end + 2
        if closer == "%}" and word in _VERBATIM_ENDS:
            closing = _VERBATIM_ENDS[word].search(source, position)
            if closing is None:
                raise LiquidError(f"expected a tag 'end{word}'", position_at(source, start))
            position = closing.end()
        count += 1
        if count > MAX_TAGS:
            raise LiquidError(f"A template may have at most {MAX_TAGS} tags.")


def position_at(source: str, index: int) -> Position:
    """Return in which line and column of a source something stands."""
    return Position.of(source, index)


def place_of(token: Token) -> Position:
    """Return where a token stands in its source, which is counted through for that."""
    return position_at(token.source, token.start_index)
