"""Values in what people read about a run: traces of conditions, changes of its data."""

from __future__ import annotations

from collections.abc import Mapping

from domain.kit.json_types import JsonValue

_MAX_TEXT = 256
_MAX_ITEMS = 20
_MAX_DEPTH = 3
_CUT = "…"


def shortened(value: JsonValue, depth: int = 0) -> JsonValue:
    """Return a value as a story shows it: long strings, lists and objects are cut."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (Mapping, list, tuple)):
        if depth == _MAX_DEPTH:
            return _CUT
        if isinstance(value, Mapping):
            pairs = list(value.items())[:_MAX_ITEMS]
            return {str(key)[:_MAX_TEXT]: shortened(item, depth + 1) for key, item in pairs}
        return [shortened(item, depth + 1) for item in value[:_MAX_ITEMS]]
    return str(value)[:_MAX_TEXT]
