"""HTTP requests as content describes them: those of webhook steps and of fetch steps.

Source: Knock Management API, RequestTemplate; docs, "Webhook channels", "Fetch function".
"""

from __future__ import annotations

from typing import Literal, TypedDict, TypeGuard, get_args

from domain.kit.json_types import JsonValue
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape, Text
from domain.kit.violations import Violations

HttpMethod = Literal["get", "post", "put", "delete", "patch"]
METHODS: tuple[HttpMethod, ...] = get_args(HttpMethod)


def is_method(value: object) -> TypeGuard[HttpMethod]:
    """Tell whether a value is a method that a request may use."""
    return value in METHODS


class Pair(Shape):
    """A header or a query parameter; both strings are Liquid."""

    key: Text
    value: Text


class HttpContent(TypedDict):
    """A rendered request."""

    method: HttpMethod
    url: str
    headers: list[dict[str, str]]  # {key, value}
    query_params: list[dict[str, str]]
    body: str


def read_pairs(raw: JsonValue, field: str, violations: Violations) -> JsonValue:
    """Read headers or query parameters; what is wrong goes to `violations`.

    They are a list of `{"key": …, "value": …}`, an object of names and values, which becomes such a
    list, or one Liquid template that renders to either as JSON.
    """
    if isinstance(raw, dict):
        raw = [{"key": name, "value": value} for name, value in raw.items()]
    if isinstance(raw, str) and (not raw.strip() or has_liquid(raw)):
        return raw
    if not isinstance(raw, list):
        violations.add(field, "must be a list of objects with key and value, or a Liquid template")
        return raw
    for index, pair in enumerate(raw):
        is_pair = isinstance(pair, dict) and all(
            isinstance(pair.get(name), str) for name in ("key", "value")
        )
        if not is_pair:
            violations.add(f"{field}[{index}]", "must be an object with the strings key and value")
    return raw
