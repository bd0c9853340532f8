"""JSON objects with Liquid in them, rendered value by value so that values keep their types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.kit.json_types import JsonObject, JsonValue
from templating.limits import LiquidError
from templating.liquid.renderer import Renderer, parse_json

# One output and nothing else.
_ONE_OUTPUT = re.compile(r"\s*\{\{-?(?P<expression>(?:(?!\{\{|\}\}).)+?)-?\}\}\s*", re.DOTALL)
_ENDS_AS_JSON = re.compile(r"\|\s*json\s*$")


@dataclass(frozen=True, slots=True)
class _Output:
    """A string that is one output; `source` renders its value as JSON."""

    source: str


class ObjectTemplate:
    """A JSON object that is written as a string with Liquid in it.

    Where the source is JSON already, its strings are rendered one by one: a quote in a value cannot
    break the object, and a string that is one output, such as `"{{ data.items | size }}"`, becomes
    the value itself. Otherwise the whole source is rendered, and read as JSON then.

    Attributes:
        sources: every template that a rendering takes.
    """

    def __init__(self, source: str, field: str) -> None:
        """Read a source, which errors call `field`. Raises LiquidError when it is no object."""
        self._field = field
        try:
            self._written: JsonValue = _prepared(parse_json(source))
        except ValueError:
            self._written = source
        else:
            if not isinstance(self._written, dict):
                raise LiquidError("is not a JSON object", field=field)
        self.sources = list(_sources(self._written))

    def render(self, out: Renderer) -> JsonObject:
        """Render the object.

        Raises:
            LiquidError: the Liquid is broken, or what comes out is not a JSON object.
        """
        if isinstance(self._written, str):
            return out.json_object(self._written, self._field)
        rendered: JsonObject = _rendered(out, self._written, self._field)
        return rendered


def _prepared(value: JsonValue) -> JsonValue:
    """Find the strings that are one output; `parse_json` has bounded how deep the value is."""
    if isinstance(value, dict):
        return {key: _prepared(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_prepared(item) for item in value]
    found = _ONE_OUTPUT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    expression = found["expression"]
    as_json = "" if _ENDS_AS_JSON.search(expression) else " | json"
    return _Output("{{" + expression + as_json + "}}")


def _sources(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _sources(member)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)
    elif isinstance(value, _Output):
        yield value.source
    elif isinstance(value, str):
        yield value


def _rendered(out: Renderer, value: JsonValue, field: str) -> JsonValue:
    if isinstance(value, dict):
        return {
            out.text(key, field): _rendered(out, member, f"{field}.{key}")
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [_rendered(out, item, f"{field}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, _Output):
        return out.json_value(value.source, field)
    return out.text(value, field) if isinstance(value, str) else value
