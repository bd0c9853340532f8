"""Renders the fields of one message: one scope, one budget, and errors that name the field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from domain.json_types import JsonObject, Scope
from templating.environment import render_text
from templating.limits import Budget, Limits, LiquidError
from templating.printing import to_text

# Everything that could end a header line, for every protocol a value may reach.
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return text as one line, so that it cannot add a header of its own."""
    return _LINE_BREAKS.sub(" ", text).strip()


class Renderer:
    """The templates of one message; all of them together stay inside one budget."""

    __slots__ = ("_budget", "_limits", "_scope")

    def __init__(self, scope: Scope, limits: Limits, *, budget: Budget | None = None) -> None:
        self._scope = scope
        self._limits = limits
        self._budget = budget or Budget(limits)

    def extended(self, names: Mapping[str, object]) -> Renderer:
        """Return a renderer that knows more names and spends from the same budget."""
        return Renderer({**self._scope, **names}, self._limits, budget=self._budget)

    def text(self, source: object, field: str) -> str:
        """Render a field; nothing renders to "", a number or boolean to its text.

        Raises LiquidError naming the field.
        """
        if not isinstance(source, str):
            return to_text(source)
        try:
            return render_text(source, self._scope, self._limits, budget=self._budget)
        except LiquidError as error:
            raise LiquidError(f"{field}: {error.message}", error.line) from error

    def line(self, source: object, field: str) -> str:
        """Render a field that has to be one line, such as a header or an address."""
        return one_line(self.text(source, field))

    def json_object(self, source: object, field: str) -> JsonObject:
        """Render a field that has to become a JSON object; nothing becomes an empty one."""
        template = to_text(source) if isinstance(source, dict) else source
        rendered = self.text(template, field).strip()
        if not rendered:
            return {}
        try:
            value = json.loads(rendered)
        except (ValueError, RecursionError) as error:
            raise LiquidError(f"{field}: does not render to JSON: {error}") from error
        if not isinstance(value, dict):
            raise LiquidError(f"{field}: does not render to a JSON object")
        return value
