"""The tag `render`: a partial, which sees its inputs and nothing else (Knock docs: "Partials")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TextIO, cast

from liquid import Node, RenderContext
from liquid.builtin.expressions import KeywordArgument, StringLiteral
from liquid.builtin.tags.render_tag import RenderNode, RenderTag
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.token import Token

from domain.content.fields import MarkdownField, typed_inputs
from domain.content.partial import MAX_DEPTH, Partial, PartialType
from domain.kit.json_types import JsonObject
from templating.limits import LiquidError
from templating.liquid.printing import is_nothing, to_text
from templating.liquid.render_context import BudgetedContext
from templating.liquid.scan import place_of
from templating.markup.markdown import markdown_to_html

# What is not closed ends with the source, and a tag that begins again before its end is none, so
# that looking for ends takes linear time.
_STYLE_OR_COMMENT = re.compile(
    r"<!--.*?(?:-->|\Z)|<style\b(?:[^<>]++|<(?!style\b))*+>.*?(?:</style\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)


class PartialNode(Node):
    """One use of a partial.

    Attributes:
        key: of the partial; it is written out, so that content tells what it refers to.
        inputs: named expressions.
    """

    __slots__ = ("inputs", "key")

    def __init__(self, token: Token, key: str, inputs: list[KeywordArgument]) -> None:
        super().__init__(token)
        self.key = key
        self.inputs = inputs
        self.blank = False

    def __str__(self) -> str:
        return f"{{% render '{self.key}' %}}"

    def expressions(self) -> Iterable[Expression]:
        """Return what the inputs are given."""
        yield from (each.value for each in self.inputs)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Render the partial into the output of whoever renders it.

        Raises LiquidError: there is none, partials are nested too deep, or it cannot be rendered.
        """
        own = cast(BudgetedContext, context)
        if own.lookups is None:
            raise LiquidError("Partials cannot be rendered here.", place_of(self.token))
        partial = own.lookups.library.partials.get(self.key)
        if partial is None:
            message = f"there is no published partial '{self.key}'"
            raise LiquidError(message, place_of(self.token))
        if own.depth >= MAX_DEPTH:
            message = f"partials may be nested at most {MAX_DEPTH} levels deep"
            raise LiquidError(message, place_of(self.token))
        given = {each.name: _plain(each.value.evaluate(context)) for each in self.inputs}
        declared = {field.key for field in partial.fields}
        # Without a field an input arrives as the text that it prints as.
        inputs: JsonObject = {
            name: value if name in declared else to_text(value) for name, value in given.items()
        }
        variables = context.resolve("vars", token=self.token, default=None)
        branding = variables.get("branding") if isinstance(variables, dict) else None
        content, sheets = partial.content, own.lookups.styles
        try:
            scope = {"vars": {"branding": branding or {}}, **_seen(partial, inputs)}
            if sheets is not None and partial.type is PartialType.HTML:
                content, styles = _without_styles(content)
                for style in styles:
                    sheet = own.get_buffer(buffer)
                    own.render_nested(style, scope, own, sheet)
                    sheets.setdefault(sheet.getvalue())
            own.render_nested(content, scope, own, buffer)
        except LiquidError as error:
            raise error.used_at(place_of(self.token), f"partial '{self.key}'") from error
        return 1


def _seen(partial: Partial, inputs: JsonObject) -> JsonObject:
    """Return what a partial sees of its inputs; Markdown has become HTML. Raises LiquidError."""
    seen = typed_inputs(partial.fields, inputs)
    for field in partial.fields:
        text = seen[field.key]
        # What begins with a tag is HTML already, from `from_markdown`.
        is_html = not isinstance(text, str) or text.lstrip().startswith("<")
        if isinstance(field, MarkdownField) and text and not is_html:
            seen[field.key] = markdown_to_html(text)
    return seen


@lru_cache(maxsize=256)
def _without_styles(content: str) -> tuple[str, tuple[str, ...]]:
    """Take the style elements out of a source; those in comments are for one mail program only."""
    kept: list[str] = []
    styles: list[str] = []
    position = 0
    for found in _STYLE_OR_COMMENT.finditer(content):
        if not found[0].startswith("<!--"):
            kept.append(content[position : found.start()])
            styles.append(found[0])
            position = found.end()
    return "".join([*kept, content[position:]]), tuple(styles)


def _plain(value: object) -> Any:
    """Return a value of the engine as JSON has it."""
    if is_nothing(value):
        return None
    if isinstance(value, str | int | float | list | dict):
        return value
    return list(value) if isinstance(value, range | tuple) else to_text(value)


class PartialTag(RenderTag):
    """`{% render 'key', name: value %}`."""

    def parse(self, stream: TokenStream) -> Node:
        """Read the key and the inputs."""
        token = stream.current
        node = cast(RenderNode, super().parse(stream))
        if not isinstance(node.name, StringLiteral) or node.var is not None or node.alias:
            message = "'render' needs the key of a partial in quotes, and inputs by name"
            raise LiquidSyntaxError(message, token=token)
        return PartialNode(token, node.name.value, node.args)
