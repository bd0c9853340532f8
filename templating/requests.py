"""Renders HTTP requests: those of webhook steps and of fetch steps."""

from __future__ import annotations

from collections.abc import Callable

from domain.kit.http_requests import METHODS, HttpContent, is_method
from domain.kit.json_types import JsonObject
from templating.limits import LiquidError
from templating.liquid.printing import to_text
from templating.liquid.renderer import Renderer, one_line


def render_request(template: JsonObject, renderer: Renderer) -> HttpContent:
    """Render a request template. Raises LiquidError naming the field."""
    method = template.get("method")
    if not is_method(method):
        named = one_line(to_text(method))[:16]
        raise LiquidError(f"'{named}' is not one of {', '.join(METHODS)}", field="method")
    return {
        "method": method,
        "url": renderer.line(template.get("url"), "url"),
        "headers": _pairs(template, "headers", renderer),
        "query_params": _pairs(template, "query_params", renderer),
        "body": renderer.text(template.get("body"), "body") if method != "get" else "",
    }


def _pairs(template: JsonObject, key: str, renderer: Renderer) -> list[dict[str, str]]:
    """Render a list of `{key, value}`; a pair whose key renders to nothing is left out.

    An object, and a Liquid text that renders to one or to a list of pairs, is as good as a list
    (Knock docs: "Fetch function").
    """
    given = template.get(key)
    if isinstance(given, str):
        given = renderer.json_value(given, key)
        if not isinstance(given, (dict, list, type(None))):
            raise LiquidError("does not render to a JSON object", field=key)
        # It was rendered already: what a recipient's data says must not be run as a template.
        write: Callable[[object, str], str] = _printed_line
    else:
        write = renderer.line
    if isinstance(given, dict):
        given = [{"key": name, "value": value} for name, value in given.items()]
    rendered = []
    for index, pair in enumerate(given or []):
        if not isinstance(pair, dict):
            message = "must be an object with key and value"
            raise LiquidError(message, field=f"{key}[{index}]")
        name = write(pair.get("key"), f"{key}[{index}].key")
        value = write(pair.get("value"), f"{key}[{index}].value")
        if name:
            rendered.append({"key": name, "value": value})
    return rendered


def _printed_line(value: object, _field: str, /) -> str:
    return one_line(to_text(value))
