"""The one configured Liquid environment: compile, cache, render within limits, check.

Source of the tags and filters: Knock docs, "Liquid helpers".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import Signature
from typing import TextIO

from liquid import BoundTemplate, Environment, Mode, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.tablerow_tag import TablerowNode
from liquid.exceptions import LiquidError as EngineError
from liquid.exceptions import LiquidInterrupt
from liquid.expression import Expression
from liquid.token import Token

from domain.kit.json_types import Scope
from domain.kit.liquid import has_liquid
from domain.kit.recent import Recent
from templating.limits import (
    DEFAULT_LIMITS,
    EMAIL_LIMITS,
    MAX_SOURCE,
    Budget,
    Limits,
    LiquidError,
)
from templating.liquid.expressions import adjust
from templating.liquid.filter_calls import signatures_of, wrong_calls
from templating.liquid.filters import KNOCK_FILTERS
from templating.liquid.guards import guard
from templating.liquid.list_filters import LIST_FILTERS
from templating.liquid.lookup_filters import LOOKUP_FILTERS
from templating.liquid.lookups import Lookups
from templating.liquid.number_filters import NUMBER_FILTERS
from templating.liquid.partials import PartialNode
from templating.liquid.printing import storable
from templating.liquid.render_context import BudgetedContext, LimitedOutput
from templating.liquid.scan import check_delimiters, place_of, position_at
from templating.liquid.tags import register_tags
from templating.liquid.text_filters import TEXT_FILTERS
from templating.liquid.translations import TRANSLATION_FILTERS, TranslateNode
from templating.liquid.words import NamingEnvironment

__all__ = [
    "DEFAULT_LIMITS",
    "EMAIL_LIMITS",
    "Budget",
    "Limits",
    "LiquidError",
    "check_source",
    "is_quick",
    "partials_in",
    "render_text",
    "texts_in",
]

# Characters of source; a compiled template takes some twenty times that in memory.
_CACHED_CHARACTERS = 2_000_000
# Nodes, expressions and filters that a quick template may have; each takes a few microseconds.
_QUICK_PARTS = 150
_SLOW_FILTERS = frozenset({"from_markdown", "t"})
# Translations render texts, which may be translations; partials have a limit of their own.
_MAX_NESTED = 10


def _build_environment() -> tuple[Environment, Mapping[str, Signature]]:
    """Return the environment, and which arguments its filters take."""
    liquid_env = NamingEnvironment(tolerance=Mode.STRICT, strict_filters=True, autoescape=False)
    register_tags(liquid_env)
    own = (
        *NUMBER_FILTERS,
        *LIST_FILTERS,
        *TEXT_FILTERS,
        *KNOCK_FILTERS,
        *LOOKUP_FILTERS,
        *TRANSLATION_FILTERS,
    )
    filters = {**liquid_env.filters, **dict(own)}
    for name, function in filters.items():
        liquid_env.add_filter(name, guard(name, function, liquid_env))
    return liquid_env, signatures_of(filters)


_LIQUID_ENV, _SIGNATURES = _build_environment()


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A parsed template, and whether it surely renders within a fraction of a millisecond."""

    template: BoundTemplate
    is_quick: bool


_compiled: Recent[str, _Compiled] = Recent(_CACHED_CHARACTERS)


def is_quick(source: str) -> bool:
    """Tell whether a template may be rendered where other work waits for it.

    Decided once, when it was compiled: no loops, few filters and conditions, none of the filters
    that do much at a time. A template that was not rendered yet is not quick: compiling takes
    longer than most renderings. How much data it will see is another question.
    """
    if not has_liquid(source):
        return True
    compiled = _compiled.get(source)
    return compiled is not None and compiled.is_quick


def _renders_quickly(template: BoundTemplate) -> bool:
    parts = 0
    for node in _nodes(template):
        if isinstance(node, (ForNode, TablerowNode, PartialNode, TranslateNode)):
            return False
        parts += 1
    for expression in _expressions(template):
        parts += 1
        if isinstance(expression, FilteredExpression):
            if any(used.name in _SLOW_FILTERS for used in expression.filters or ()):
                return False
            parts += len(expression.filters or ())
    return parts <= _QUICK_PARTS


def check_source(source: str) -> list[LiquidError]:
    """Return what is wrong with a template, without rendering it: syntax, tags, filters."""
    if not has_liquid(source):
        return [] if len(source) <= MAX_SOURCE else [_too_long()]
    try:
        template = _parse(source)
        return [*_settle(template), *_wrong_calls(template)]
    except LiquidError as error:
        return [error]


def render_text(
    source: str,
    scope: Scope,
    limits: Limits = DEFAULT_LIMITS,
    *,
    budget: Budget | None = None,
    lookups: Lookups | None = None,
) -> str:
    """Render a template; a source without Liquid is returned as it is.

    Args:
        source: the template.
        scope: plain dicts, lists and scalars only, see `templating.messages.context`.
        limits: the bounds of this rendering.
        budget: steps and time shared with other templates of the same message.
        lookups: what its filters may look up; without, they fail.

    Returns:
        Text that PostgreSQL can store: without NUL and lone surrogates.

    Raises:
        LiquidError: for every failure, with its place where that is known.
    """
    if not has_liquid(source):
        if len(source) > MAX_SOURCE:
            raise _too_long()
        return source
    template = _compile(source).template
    context = BudgetedContext(
        template, scope, limits, budget or Budget(limits), lookups, render_nested=_render_nested
    )
    output = LimitedOutput(limits.output)
    for node in template.nodes:
        _render_node(node, context, output)
    return storable(output.getvalue())


def _render_nested(source: str, scope: Scope, outer: BudgetedContext, output: TextIO) -> None:
    """Render a source within another rendering, of which it sees nothing but the budget."""
    if outer.depth >= _MAX_NESTED:
        raise LiquidError(f"Templates may be nested at most {_MAX_NESTED} levels deep.")
    if not has_liquid(source):
        output.write(source)
        return
    template = _compile(source).template
    context = BudgetedContext(
        template,
        scope,
        outer.limits,
        outer.budget,
        outer.lookups,
        render_nested=_render_nested,
        depth=outer.depth + 1,
    )
    for node in template.nodes:
        _render_node(node, context, output)


def texts_in(source: str) -> list[str]:
    """Return the texts of the `t` tags of a template, without blanks around; none when broken."""
    if "endt" not in source or not has_liquid(source):
        return []
    try:
        template = _parse(source)
    except LiquidError:
        return []
    texts = (node.text.strip() for node in _nodes(template) if isinstance(node, TranslateNode))
    return [*filter(None, dict.fromkeys(texts))]


def partials_in(source: str) -> list[str]:
    """Return the keys of the partials that a template renders; none when it is broken."""
    if "render" not in source or not has_liquid(source):
        return []
    try:
        template = _parse(source)
    except LiquidError:
        return []
    used = (node.key for node in _nodes(template) if isinstance(node, PartialNode))
    return list(dict.fromkeys(used))


def _compile(source: str) -> _Compiled:
    compiled = _compiled.get(source)
    if compiled is None:
        template = _parse(source)
        for error in _settle(template):
            raise error
        compiled = _Compiled(template, _renders_quickly(template))
        _compiled.put(source, compiled, weight=len(source))
    return compiled


def _too_long() -> LiquidError:
    return LiquidError(f"A template may have at most {MAX_SOURCE // 1024} kB.")


def _render_node(node: Node, context: BudgetedContext, output: TextIO) -> None:
    try:
        node.render(context, output)
    except LiquidError as error:
        raise LiquidError(error.message, error.at or place_of(node.token)) from error
    except EngineError as error:
        raise _translate(error, node.token) from error
    except LiquidInterrupt as error:
        raise LiquidError(f"unexpected '{error}'", place_of(node.token)) from error
    except MemoryError:
        raise
    except Exception as error:
        # The engine lets some of Python's own errors through (a number too long to print,
        # recursion); for the caller they are the template's fault like any other.
        reason = str(error) or type(error).__name__
        raise LiquidError(
            f"The template cannot be rendered: {reason}", place_of(node.token)
        ) from error


def _parse(source: str) -> BoundTemplate:
    check_delimiters(source)
    try:
        return _LIQUID_ENV.from_string(source)
    except EngineError as error:
        refusal = _translate(error, None)
        # The engine does not know where a block begins that is not closed.
        at = refusal.at or position_at(source, len(source))
        raise LiquidError(refusal.message, at) from error
    except Exception as error:
        raise LiquidError(f"The template cannot be read ({type(error).__name__}).") from error


def _translate(error: EngineError, fallback: Token | None) -> LiquidError:
    token = error.token if error.token and error.token.start_index >= 0 else fallback
    return LiquidError(str(error.message), place_of(token) if token else None)


def _settle(template: BoundTemplate) -> Iterator[LiquidError]:
    """Adjust the expressions of a fresh template, and yield an error for every unknown filter."""
    for expression in _expressions(template):
        adjust(expression)
        if isinstance(expression, FilteredExpression):
            for used in expression.filters or ():
                if used.name not in _LIQUID_ENV.filters:
                    yield LiquidError(f"unknown filter '{used.name}'", place_of(used.token))


def _wrong_calls(template: BoundTemplate) -> Iterator[LiquidError]:
    """Yield an error for every call of a filter that is wrong whatever the data are."""
    for expression in _expressions(template):
        if isinstance(expression, FilteredExpression):
            for used in expression.filters or ():
                yield from wrong_calls(used, _SIGNATURES)


def _nodes(template: BoundTemplate) -> Iterator[Node]:
    static_context = RenderContext(template)
    nodes = list(reversed(template.nodes))
    while nodes:
        node = nodes.pop()
        yield node
        nodes.extend(reversed(list(node.children(static_context))))


def _expressions(template: BoundTemplate) -> Iterator[Expression]:
    for node in _nodes(template):
        pending = list(node.expressions())
        while pending:
            expression = pending.pop()
            yield expression
            pending.extend(expression.children())
