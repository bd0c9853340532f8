"""Which JSON Schemas may guard trigger data."""

from __future__ import annotations

import pytest

from domain.json_types import JsonObject
from services.trigger_schemas import schema_errors, schema_validator

TREE: JsonObject = {
    "type": "object",
    "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}},
    "properties": {"root": {"$ref": "#/$defs/node"}},
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^x"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}]},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
        {"default": {"$ref": "https://example.com/x", "pattern": "["}},
        {"$id": "https://example.com/x", "properties": {"a": {"$ref": "#/properties/b"}, "b": {}}},
        TREE,
    ],
)
def test_usable_schemas_are_accepted(schema: JsonObject) -> None:
    """Valid schemas that need nothing from outside are accepted, recursive ones too."""
    assert schema_errors(schema) == []


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "nonsense"}, "s.type"),
        ({"properties": {"a": {"minimum": "1"}}}, "s.properties.a.minimum"),
        ({"properties": {"a": {"pattern": "["}}}, "s.properties.a.pattern"),
        ({"patternProperties": {"(": {}}}, "s.patternProperties"),
        ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "s.properties.a.$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "s.properties.a.$ref"),
        ({"allOf": [{"$ref": "other.json"}]}, "s.allOf[0].$ref"),
        ({"properties": {"a": {"$id": "https://example.com/a"}}}, "s.properties.a.$id"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "s.properties.a.$ref"),
        ({"$ref": "#"}, "s.$ref"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "s.properties.a.$ref"),
    ],
)
def test_unusable_schemas_are_refused_at_their_place(schema: JsonObject, field: str) -> None:
    """Invalid schemas, references to other documents, dead ends and circles are refused."""
    assert [error.field for error in schema_errors(schema, "s")] == [field]


def test_the_draft_that_a_schema_names_is_used() -> None:
    """Draft 7 has tuples under `items`, which the newest draft would read otherwise."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}

    assert not schema_validator(schema).is_valid([5])
