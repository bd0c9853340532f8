"""What a channel or a step lays over the body that its provider is sent.

Source: Knock docs, "Provider overrides".
"""

from __future__ import annotations

from domain.kit.json_types import JsonObject, JsonValue

_STRATEGY = "__strategy__"


def merged(built: JsonObject, overrides: JsonValue) -> JsonObject:
    """Lay the overrides of a channel or step over the body that we would send.

    Objects are merged member by member; everything else is replaced. With `"__strategy__":
    "replace"` at the top, the members given there replace ours as a whole.
    """
    if not isinstance(overrides, dict):
        return built
    given = {name: value for name, value in overrides.items() if name != _STRATEGY}
    if overrides.get(_STRATEGY) == "replace":
        return {**built, **given}
    return _laid_over(built, given)


def _laid_over(built: JsonObject, given: JsonObject) -> JsonObject:
    result = dict(built)
    for name, value in given.items():
        under = result.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            value = _laid_over(under, value)
        result[name] = value
    return result
