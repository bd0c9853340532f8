"""Comparing JSON values with strict types: equality, order, membership.

Nothing here coerces: `5` and `"5"` differ, and only `1` and `1.0` are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from domain.kit.clock import parse_instant
from domain.kit.json_types import JsonValue

ScalarKey = tuple[str, Any]


def is_number(value: JsonValue) -> bool:
    """Tell whether a JSON value is a number; booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def are_equal(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two JSON values have the same type and value, however deep."""
    # A stack instead of recursion: the depth of a caller's data must not exhaust Python's.
    pending = [(left, right)]
    while pending:
        one, other = pending.pop()
        key = _scalar_key(one)
        if key is not None:
            if key != _scalar_key(other):
                return False
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            if one.keys() != other.keys():
                return False
            pending.extend((one[name], other[name]) for name in one)
        elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        else:
            return False
    return True


def _scalar_key(value: JsonValue) -> ScalarKey | None:
    """Give scalars a hashable identity that keeps JSON types apart; None for compounds."""
    if value is None or isinstance(value, (bool, str)):
        return type(value).__name__, value
    return ("number", value) if is_number(value) else None


def compare(left: JsonValue, right: JsonValue) -> int | None:
    """Return -1, 0 or 1 by order, or None when the two have none.

    Numbers compare by value; strings by instant when both are timestamps, else by code point.
    """
    if is_number(left) and is_number(right):
        return _sign(left, right)
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    left_instant, right_instant = parse_instant(left), parse_instant(right)
    if left_instant is not None and right_instant is not None:
        return _sign(left_instant, right_instant)
    return _sign(left, right)


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


class Elements:
    """The elements of a list, ready for many membership tests."""

    def __init__(self, items: Iterable[JsonValue]) -> None:
        self._scalars: set[ScalarKey] = set()
        self._compounds: list[JsonValue] = []
        for item in items:
            key = _scalar_key(item)
            if key is None:
                self._compounds.append(item)
            else:
                self._scalars.add(key)

    def __contains__(self, item: JsonValue) -> bool:
        key = _scalar_key(item)
        if key is not None:
            return key in self._scalars
        return any(are_equal(item, other) for other in self._compounds)


def contains(value: JsonValue, argument: JsonValue) -> bool:
    """Tell whether one holds the other: substring, membership either way, or a shared element."""
    if isinstance(value, list):
        elements = Elements(value)
        wanted = argument if isinstance(argument, list) else [argument]
        return any(item in elements for item in wanted)
    if isinstance(argument, list):
        return value in Elements(argument)
    if not isinstance(value, str):
        return False
    # Within a string a number, from the data or not, can only mean its digits.
    text = json.dumps(argument) if is_number(argument) else argument
    return isinstance(text, str) and text in value


def contains_all(value: JsonValue, argument: JsonValue) -> bool:
    """Tell whether the list `value` has every element of the list `argument`."""
    if not isinstance(value, list) or not isinstance(argument, list):
        return False
    elements = Elements(value)
    return all(item in elements for item in argument)
