"""Tags that differ from the engine's own: printing, cycling, and those refused."""

from __future__ import annotations

from typing import NoReturn, TextIO

from liquid import Environment, RenderContext
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.exceptions import LiquidSyntaxError
from liquid.stream import TokenStream
from liquid.tag import Tag

from templating.liquid.partials import PartialTag
from templating.liquid.printing import to_text
from templating.liquid.translations import TranslateTag
from templating.liquid.words import NamingLiquid, NamingOutput


class TextNode(OutputNode):
    """An output statement that prints structures as JSON."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the expression's text."""
        return buffer.write(to_text(self.expression.evaluate(context)))


class TextOutput(NamingOutput):
    """`{{ … }}`."""

    node_class = TextNode


class TextEcho(EchoTag):
    """`{% echo … %}`."""

    node_class = TextNode  # type: ignore[assignment]


class SourceCycleNode(CycleNode):
    """A cycle known by its own text; the engine would print all its values to name it."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the next member of the cycle."""
        if not self.args:
            return 0
        key = to_text(self.group.evaluate(context)) if self.group else str(self)
        index = context.cycle(key, len(self.args)) % len(self.args)
        return buffer.write(to_text(self.args[index].evaluate(context)))


class SourceCycle(CycleTag):
    """`{% cycle … %}`."""

    node_class = SourceCycleNode


class _RefusedTag(Tag):
    block = False
    reason = ""

    def parse(self, stream: TokenStream) -> NoReturn:
        """Refuse the tag with its reason."""
        raise LiquidSyntaxError(self.reason, token=stream.current)


class RefusedInclude(_RefusedTag):
    """`{% include %}`."""

    name = "include"
    reason = "the tag 'include' does not exist here"


def register_tags(liquid_env: Environment) -> None:
    """Put these tags in the place of the engine's own."""
    for tag in (
        TextOutput,
        TextEcho,
        SourceCycle,
        NamingLiquid,
        PartialTag,
        TranslateTag,
        RefusedInclude,
    ):
        liquid_env.add_tag(tag)
