"""What reusable requests are given, as their JSON Schema means it: when authored as when sent."""

from __future__ import annotations

from domain.kit.json_types import JsonObject, JsonValue
from templating.liquid.printing import to_text
from templating.liquid.renderer import parse_json

_SCALARS = (bool, int, float)
_READ_FROM_TEXT: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def fitted(inputs: JsonObject, schema: JsonObject) -> JsonObject:
    """Return inputs as their schema means them.

    What rendered to nothing takes its default, or is left out unless it may be null. Texts and
    numbers become each other where one is wanted: what a trigger has as `"42"` may be a number
    here. An input that still holds Liquid is as it was.
    """
    named = schema.get("properties")
    properties = named if isinstance(named, dict) else {}
    kept = {
        name: value
        for name, value in inputs.items()
        if value is not None or "null" in _types(properties.get(name))
    }
    for name, wanted in properties.items():
        default = wanted.get("default") if isinstance(wanted, dict) else None
        if kept.get(name) is not None:
            kept[name] = _typed(kept[name], _types(wanted) - {"null"})
        elif default is not None:
            kept[name] = default
    return kept


def _types(wanted: JsonValue) -> frozenset[str]:
    """Return the types that the schema of an input names."""
    named = wanted.get("type") if isinstance(wanted, dict) else None
    listed = named if isinstance(named, list) else [named]
    return frozenset(each for each in listed if isinstance(each, str))


def _typed(value: JsonValue, types: frozenset[str]) -> JsonValue:
    """Return a value as the only type that it may be of, where it can be that."""
    if len(types) != 1:
        return value
    (wanted,) = types
    if wanted == "string" and isinstance(value, _SCALARS):
        return to_text(value)
    read_as = _READ_FROM_TEXT.get(wanted)
    if read_as is None or not isinstance(value, str):
        return value
    try:
        read = parse_json(value)
    except ValueError:
        return value
    return read if type(read) in read_as else value
