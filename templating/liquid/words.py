"""Words that mean something in one place of Liquid, and are names of data in every other.

The engine's lexer takes `limit`, `for`, `with` and some more for keywords wherever they stand, so
that `{{ data.limit }}` would be refused. Callers name their data as they like.
"""

from __future__ import annotations

from collections.abc import Iterator

from liquid import Environment
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, tokenize
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.liquid_tag import LiquidTag
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.token import (
    TOKEN_DOT,
    TOKEN_EXPRESSION,
    TOKEN_OUTPUT,
    TOKEN_TAG,
    TOKEN_WORD,
    Token,
)

_LITERALS = frozenset({"true", "false", "nil", "null", "empty", "blank"})
_OPERATORS = frozenset({"and", "or", "contains", "not", "in", "if", "else"})
_OF_LOOPS = frozenset({"limit", "offset", "reversed", "cols", "continue"})
_OF_PARTIALS = frozenset({"with", "for", "as", "required"})
_KEYWORDS = _LITERALS | _OPERATORS | _OF_LOOPS | _OF_PARTIALS
_MEANINGS = {
    "for": _LITERALS | _OPERATORS | _OF_LOOPS,
    "tablerow": _LITERALS | _OPERATORS | _OF_LOOPS,
    "include": _KEYWORDS,
}
_MEANINGS_ELSEWHERE = _LITERALS | _OPERATORS


def _names(tokens: Iterator[Token], meanings: frozenset[str]) -> Iterator[Token]:
    """Turn keywords without a meaning here into names; behind a dot, none has one."""
    is_property = False
    for token in tokens:
        if token.kind in _KEYWORDS and (is_property or token.kind not in meanings):
            token = token._replace(kind=TOKEN_WORD)
        is_property = token.kind == TOKEN_DOT
        yield token


class NamingStream(TokenStream):
    """A stream of a template's tokens whose expressions may name anything."""

    def into_inner(self, *, tag: Token | None = None, eat: bool = True) -> TokenStream:
        """Return the tokens of the expression at hand."""
        token = self.current
        if token.kind != TOKEN_EXPRESSION:
            return super().into_inner(tag=tag, eat=eat)  # which says what is missing
        if eat:
            next(self)
        meanings = _MEANINGS.get(tag.value if tag else "", _MEANINGS_ELSEWHERE)
        return TokenStream(_names(tokenize(token.value, parent_token=token), meanings))


class NamingEnvironment(Environment):
    """An environment that reads templates through a `NamingStream`."""

    def _parse(self, source: str) -> list[Node]:
        return get_parser(self).parse(NamingStream(self.tokenizer()(source)))


class NamingOutput(Output):
    """`{{ … }}`."""

    def parse(self, stream: TokenStream) -> OutputNode:
        """Read one output statement."""
        token = stream.eat(TOKEN_OUTPUT)
        expression = stream.expect(TOKEN_EXPRESSION)
        tokens = _names(tokenize(expression.value, expression), _MEANINGS_ELSEWHERE)
        return self.node_class(token, FilteredExpression.parse(self.env, TokenStream(tokens)))


class NamingLiquid(LiquidTag):
    """`{% liquid … %}`."""

    def parse(self, stream: TokenStream) -> Node:
        """Read the tags of its lines."""
        token = stream.eat(TOKEN_TAG)
        if stream.current.kind != TOKEN_EXPRESSION:
            stream.pos -= 1
            return super().parse(stream)
        expression = stream.current
        lines = self._tokenize(expression.value, token=expression)
        inner = NamingStream(lines, block_depth_carry=stream.block_depth)
        block = get_parser(self.env).parse_block(inner, end=())
        return self.node_class(token, expression, block=block)
