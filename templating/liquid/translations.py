"""The filter `t` and the tag `t`: texts in the recipient's language.

Source: Knock docs, "Translations".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TextIO, cast

from liquid import Node, RenderContext
from liquid.ast import BlockNode
from liquid.exceptions import LiquidSyntaxError
from liquid.filter import with_context
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EOF, TOKEN_EXPRESSION, TOKEN_TAG, Token

from domain.content.translation import COLLECTED, FoundText
from templating.limits import LiquidError
from templating.liquid.locale_filters import find_locale
from templating.liquid.number_filters import number as number_of
from templating.liquid.printing import to_text
from templating.liquid.render_context import BudgetedContext
from templating.liquid.scan import place_of
from templating.markup.liquid_markdown import SHOWN_AS

_END = "endt"
_MORE_FORMS = frozenset({"two", "few", "many"})


@with_context
def translate(key: object, *, context: BudgetedContext, **values: object) -> str | None:
    """Return the text of a key, with the given values in it; nothing when there is none.

    With `count` an object of plural forms gives the one for that number.
    """
    found = _find(context, to_text(key))
    if found is None:
        return None
    text = _form(found, values.get("count"))
    if text is None:
        return None
    output = context.get_buffer()
    _render(text, context, output, values, named=to_text(key))
    return output.getvalue()


def _find(context: BudgetedContext, key: str) -> FoundText | None:
    if context.lookups is None:
        raise LiquidError("Translations cannot be looked up here.")
    translator = context.lookups.library.translator
    return None if translator is None else translator.find(key)


def _form(found: FoundText, count: object) -> str | None:
    """Return the text for a number of things, or the only one there is."""
    if isinstance(found.value, str):
        return found.value
    if count is None:
        return None
    number = number_of(count)
    names = ["zero"] if number == 0 else ["one"] if number == 1 else []
    if isinstance(number, int | float | Decimal):
        # Languages with more forms than Knock's three may name theirs as Unicode does. `one` is
        # for 1 alone all the same: whoever writes three forms leaves the number out of it.
        named = find_locale(found.locale).plural_form(abs(number))
        names += [named] if named in _MORE_FORMS else []
    for name in (*names, "other"):
        text = found.value.get(name)
        if isinstance(text, str):
            return text
    return None


def _render(
    text: str,
    context: BudgetedContext,
    output: TextIO,
    values: Mapping[str, object],
    *,
    named: str,
    token: Token | None = None,
) -> None:
    """Render a text with all that is in reach where it is used, variables of loops among it.

    Raises:
        LiquidError: it is broken; placed where the text is used.
    """
    try:
        context.render_nested(text, {**context.scope, **values}, context, output)
    except LiquidError as error:
        at = place_of(token) if token else None
        raise error.used_at(at, f"translation '{named[:64]}'") from error


class TranslateNode(Node):
    """A text whose translation is rendered in its place, when there is one.

    Attributes:
        text: as it is written, which is the key of its translation.
        block: renders the text itself, or what it is shown as.
    """

    __slots__ = ("block", "text")

    def __init__(self, token: Token, text: str, block: BlockNode) -> None:
        super().__init__(token)
        self.text = text
        self.block = block
        self.blank = False

    def __str__(self) -> str:
        return f"{{% t %}}{self.text}{{% endt %}}"

    def children(
        self, static_context: RenderContext, *, include_partials: bool = True
    ) -> Iterable[Node]:
        """Return what the text is made of."""
        yield self.block

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the translation, or the text, which is also what a collected text says."""
        own = cast(BudgetedContext, context)
        text = self.text.strip()
        collected = f"{COLLECTED}:{text}"
        found = _find(own, self.text) or _find(own, text) or _find(own, collected)
        if found is None or not isinstance(found.value, str) or found.value.strip() == text:
            return self.block.render(context, buffer)
        _render(found.value, own, buffer, {}, named=text, token=self.token)
        return 1


class TranslateTag(Tag):
    """`{% t %}text{% endt %}`."""

    name = "t"
    end = _END

    def parse(self, stream: TokenStream) -> Node:
        """Read the text, which is parsed and kept as it is written."""
        token = stream.eat(TOKEN_TAG)
        if stream.current.kind == TOKEN_EXPRESSION:
            raise LiquidSyntaxError("'t' takes no arguments", token=token)
        parser = get_parser(self.env)
        block = parser.parse_block(stream, frozenset({_END, SHOWN_AS, TOKEN_EOF}))
        start = token.source.index("%}", token.start_index) + 2
        end = token.source.rindex("{%", 0, stream.current.start_index + 1)
        if stream.current.kind == TOKEN_TAG and stream.current.value == SHOWN_AS:
            stream.next()
            block = parser.parse_block(stream, frozenset({_END, TOKEN_EOF}))
        stream.expect(TOKEN_TAG, value=_END)
        return TranslateNode(token, token.source[start:end], block)


TRANSLATION_FILTERS: tuple[tuple[str, Any], ...] = (("t", translate),)
