"""Values for whoever asks for some: made of JSON Schemas, as far as their usual words tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from domain.kit.json_types import JsonObject, JsonValue

_Maker: TypeAlias = Callable[[JsonObject, str], JsonValue]


def made_of(schema: JsonValue, name: str = "text") -> JsonValue:
    """Make a value that a schema takes.

    Args:
        schema: the schema.
        name: of the member that it is for, which texts say.
    """
    if not isinstance(schema, dict):
        return name
    said = [schema[word] for word in ("const", "default") if word in schema]
    said += [schema[word][0] for word in ("examples", "enum") if schema.get(word)]
    if said:
        return said[0]
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return made_of(alternatives[0], name)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return _MAKERS.get(kind[0] if isinstance(kind, list) else kind, _text)(schema, name)


def _object(schema: JsonObject, name: str) -> JsonValue:
    members: JsonObject = schema.get("properties") or {}
    return {member: made_of(each, member) for member, each in members.items()}


def _list(schema: JsonObject, name: str) -> JsonValue:
    return [made_of(schema.get("items"), name)] * max(1, schema.get("minItems", 1))


def _number(schema: JsonObject, name: str) -> JsonValue:
    return schema.get("minimum", 1)


def _text(schema: JsonObject, name: str) -> JsonValue:
    formats = {
        "uri": f"https://example.com/{name}",
        "email": "ada@example.com",
        "date": "2026-03-01",
        "date-time": "2026-03-01T12:00:00Z",
        "uuid": "0190d9a2-7c1e-7000-8000-000000000000",
    }
    text = formats.get(schema.get("format", ""), name)
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


_MAKERS: Mapping[str, _Maker] = {
    "object": _object,
    "array": _list,
    "integer": _number,
    "number": _number,
    "boolean": lambda schema, name: True,
    "null": lambda schema, name: None,
}
