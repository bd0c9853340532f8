"""Renders the fields of one message: one scope, one budget, and errors that name the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.content.partial import Partial
from domain.kit.json_types import JsonObject, JsonValue, Scope, depth_of, read_json
from domain.kit.storable import MOST_LEVELS
from templating.limits import Budget, Limits, LiquidError
from templating.liquid.environment import render_text
from templating.liquid.lookups import Lookups
from templating.liquid.printing import to_text
from templating.markup.empty_emphasis import render_markdown

# Content has a few levels of its own around the JSON of a template.
_MAX_DEPTH = MOST_LEVELS - 8
# Everything that could end a header line, for every protocol a value may reach.
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return text as one line, so that it cannot add a header of its own."""
    return _LINE_BREAKS.sub(" ", text).strip()


class Renderer:
    """The templates of one message; all of them together stay inside one budget."""

    __slots__ = ("_budget", "_limits", "_lookups", "_scope")

    def __init__(
        self,
        scope: Scope,
        limits: Limits,
        *,
        budget: Budget | None = None,
        lookups: Lookups | None = None,
    ) -> None:
        self._scope = scope
        self._lookups = lookups
        self._limits = limits
        self._budget = budget or Budget(limits)

    @property
    def scope(self) -> Scope:
        """Return what the templates see."""
        return self._scope

    def extended(self, names: Mapping[str, object]) -> Renderer:
        """Return a renderer that knows more names and spends from the same budget."""
        scope = {**self._scope, **names}
        return Renderer(scope, self._limits, budget=self._budget, lookups=self._lookups)

    @property
    def partials(self) -> Mapping[str, Partial]:
        """Return the partials that templates may render, by key."""
        return {} if self._lookups is None else self._lookups.library.partials

    def collect_styles(self) -> Mapping[str, None]:
        """Have partials leave their style sheets here from now on, in order, each once."""
        if self._lookups is None:
            return {}
        self._lookups.styles = {}
        return self._lookups.styles

    def value(self, name: str) -> Any:
        """Return what a name of the scope stands for, or None."""
        return self._scope.get(name)

    def text(self, source: object, field: str) -> str:
        """Render a field; nothing renders to "", a number or boolean to its text.

        Raises LiquidError naming the field.
        """
        if not isinstance(source, str):
            return to_text(source)
        try:
            return render_text(
                source, self._scope, self._limits, budget=self._budget, lookups=self._lookups
            )
        except LiquidError as error:
            raise error.within(field) from error

    def markdown(self, source: object, field: str) -> str:
        """Render a field whose text becomes Markdown afterwards. Raises LiquidError naming it."""
        return render_markdown(to_text(source), lambda text: self.text(text, field))

    def line(self, source: object, field: str) -> str:
        """Render a field that has to be one line, such as a header or an address."""
        return one_line(self.text(source, field))

    def json_object(self, source: object, field: str) -> JsonObject:
        """Render a field that has to become a JSON object; nothing becomes an empty one."""
        value = self.json_value(source, field)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise LiquidError("does not render to a JSON object", field=field)
        return value

    def json_value(self, source: object, field: str) -> JsonValue:
        """Render a field that has to become JSON; nothing becomes None.

        Raises LiquidError for what is not JSON, is nested deeper than a stored document may be,
        or holds a number that JSON cannot carry, such as 1e999.
        """
        template = to_text(source) if isinstance(source, (dict, list)) else source
        rendered = self.text(template, field).strip()
        if not rendered:
            return None
        try:
            return parse_json(rendered)
        except ValueError as error:
            raise LiquidError(f"does not render to JSON: {error}", field=field) from error


def parse_json(text: str) -> JsonValue:
    """Read JSON that can be stored as it is.

    Raises ValueError for what is not JSON, is nested too deep, or holds a number that JSON cannot
    carry, such as 1e999.
    """
    try:
        value = read_json(text)
        is_deep = depth_of(value) > _MAX_DEPTH
    except RecursionError:
        is_deep = True
    if is_deep:
        raise ValueError(f"it may be nested at most {_MAX_DEPTH} levels deep")
    return value
