"""The state of one rendering: scope, spending against the budget, bounded output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from io import StringIO
from typing import Any, TextIO, TypeAlias

from liquid import BoundTemplate, RenderContext
from liquid.exceptions import UnknownFilterError
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap

from templating.limits import Budget, Limits, LiquidError
from templating.liquid.lookups import Lookups

_NOTHING_DISABLED: list[str] = []


RenderNested: TypeAlias = Callable[[str, Mapping[str, Any], Any, TextIO], None]


class LimitedOutput(StringIO):
    """An output stream that refuses to grow over a number of bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def write(self, text: str, /) -> int:
        """Append text; raise LiquidError once the stream is full."""
        self.left -= len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self.left < 0:
            raise LiquidError("The rendered text is too long.")
        return super().write(text)


class BudgetedContext(RenderContext):
    """A render context that pays for every node, look-up and filter from a budget.

    Attributes:
        render_nested: renders another source within this rendering: with a scope of its own, for
            the context that asks, into an output.
        depth: how many partials are around.
    """

    __slots__ = ("budget", "depth", "limits", "local_size", "lookups", "render_nested")

    def __init__(
        self,
        template: BoundTemplate,
        scope: Mapping[str, Any],
        limits: Limits,
        budget: Budget,
        lookups: Lookups | None,
        *,
        render_nested: RenderNested,
        depth: int = 0,
    ) -> None:
        self.limits = limits
        self.budget = budget
        self.lookups = lookups
        self.render_nested = render_nested
        self.depth = depth
        self.local_size = 0
        super().__init__(template, globals=scope)
        # Without the engine's built-in `now` and `today`, which are naive local times.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    @property
    def disabled_tags(self) -> list[str]:
        """Disable nothing, but charge a step: the engine reads this before every single node.

        It is the only hook that even an empty loop body cannot avoid.
        """
        self.budget.spend()
        return _NOTHING_DISABLED

    @disabled_tags.setter
    def disabled_tags(self, names: list[str]) -> None:
        """Ignore what the base class assigns."""

    def get(self, path: list[object], *, token: Token | None, **kwargs: Any) -> object:
        """Resolve a path, charging a step: one condition may hold thousands of them."""
        self.budget.spend()
        return super().get(path, token=token, **kwargs)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Return a filter bound to this context; filters here take the context first."""
        try:
            return partial(self.env.filters[name], self)
        except KeyError as error:
            raise UnknownFilterError(f"unknown filter '{name}'", token=token) from error

    def assign(self, key: str, val: Any) -> None:
        """Keep a local value, counting the strings; lists were counted by the filter budget."""
        old = self.locals.get(key)
        self.local_size += _string_size(val) - _string_size(old)
        if self.local_size > self.limits.local_size:
            raise LiquidError("The template assigns too much data.")
        self.locals[key] = val

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Return a stream for a capture, with what is left of the surrounding one."""
        return LimitedOutput(buf.left if isinstance(buf, LimitedOutput) else self.limits.output)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Raise LiquidError when the loops around here would run too often together."""
        for loop in self.loops:
            length *= loop.length
        if length > self.limits.loop:
            raise LiquidError(f"Loops may run at most {self.limits.loop} times.")


def _string_size(value: object) -> int:
    return len(value) if isinstance(value, str) else 0
