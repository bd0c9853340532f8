"""The JSON Schema of the values that fill the fields of a message type."""

from __future__ import annotations

import pytest

from domain.content.fields import read_fields
from domain.content.value_schemas import values_schema
from domain.kit.json_types import JsonObject

_TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ({"type": "text"}, _TEXT),
        ({"type": "markdown"}, _TEXT),
        ({"type": "color"}, _TEXT),
        ({"type": "boolean"}, {"type": "boolean"}),
        ({"type": "number"}, {"type": "number"}),
        (
            {"type": "select", "settings": {"options": [{"value": "a"}, {"value": "b"}]}},
            {"type": "string", "enum": ["a", "b"]},
        ),
        ({"type": "multi_select"}, {"type": "array", "items": _TEXT}),
        (
            {
                "type": "button",
                "text": {"type": "text", "key": "text", "settings": {"required": True}},
                "action": {"type": "text", "key": "action"},
            },
            {
                "type": "object",
                "properties": {"text": _TEXT, "action": _TEXT},
                "required": ["text"],
            },
        ),
        (
            {"type": "image", "url": {"type": "url", "key": "url"}},
            {"type": "object", "properties": {"url": _TEXT}, "required": []},
        ),
        (
            {"type": "list", "settings": {"item_schema": {"type": "integer"}}},
            {"type": "array", "items": {"type": "integer"}},
        ),
        ({"type": "json", "settings": {"schema": {"type": "object"}}}, {"type": "object"}),
        ({"type": "json"}, {}),
    ],
)
def test_every_type_of_field(field: JsonObject, schema: JsonObject) -> None:
    """Each is written as what its value has to be."""
    (read,) = read_fields([{"key": "it", **field}])

    assert values_schema([read])["properties"] == {"it": schema}


def test_what_is_required_and_described() -> None:
    """Required members are listed; a description, or else the label, is handed on."""
    fields = read_fields(
        [
            {"type": "text", "key": "title", "label": "Title", "settings": {"required": True}},
            {"type": "number", "key": "size", "settings": {"description": "In cm"}},
        ]
    )

    assert values_schema(fields) == {
        "type": "object",
        "properties": {
            "title": {"description": "Title", "type": "string"},
            "size": {"description": "In cm", "type": "number"},
        },
        "required": ["title"],
    }
