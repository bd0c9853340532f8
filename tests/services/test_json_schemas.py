"""Which JSON Schemas may guard trigger data."""

from __future__ import annotations

import pytest

from domain.kit.json_types import JsonObject
from services.json_schemas import compile_schema, schema_errors
from services.schema_growth import MAX_SUBSCHEMAS, SchemaGrowth

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
        ({"patternProperties": {"(": {}}}, "s.patternProperties.("),
        ({"properties": {"a": {"pattern": "(?=x)y"}}}, "s.properties.a.pattern"),
        ({"properties": {"a": {"pattern": r"(a)\1"}}}, "s.properties.a.pattern"),
        ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "s.properties.a.$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "s.properties.a.$ref"),
        ({"allOf": [{"$ref": "other.json"}]}, "s.allOf[0].$ref"),
        ({"properties": {"a": {"$id": "https://example.com/a"}}}, "s.properties.a.$id"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "s.properties.a.$ref"),
        ({"$ref": "#"}, "s.$ref"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "s.properties.a.$ref"),
        ({"properties": {"a": {"$ref": "#no-anchor"}}}, "s.properties.a.$ref"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "s.dependentSchemas.a.$ref"),
        ({"allOf": [{"not": {"$ref": "#/allOf/0"}}]}, "s.allOf[0].not.$ref"),
        ({"$schema": 5}, "s.$schema"),
        ({"$schema": {}}, "s.$schema"),
        ({"$schema": "https://example.com/own"}, "s"),
        ({"allOf": 5}, "s.allOf"),
    ],
)
def test_unusable_schemas_are_refused_at_their_place(schema: JsonObject, field: str) -> None:
    """Invalid schemas, references to other documents, dead ends and circles are refused."""
    assert [error.field for error in schema_errors(schema, "s")] == [field]


async def _broken(schema: JsonObject, data: JsonObject, size: int = 0) -> list[str]:
    return [error.field for error in await compile_schema(schema).violations(data, size)]


async def test_the_draft_that_a_schema_names_is_used() -> None:
    """Draft 7 has tuples under `items`, which the newest draft would read otherwise."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"items": [{"type": "string"}]}},
    }
    assert await _broken(schema, {"a": [5]}) == ["data.a[0]"]


def _doubling(levels: int) -> JsonObject:
    """Return a schema whose references look at one value `2 ** levels` times."""
    definitions: JsonObject = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "string"}
    return {"$defs": definitions, "properties": {"a": {"$ref": "#/$defs/d0"}}}


@pytest.mark.parametrize("levels", [14, 40, 1000])
def test_a_schema_that_multiplies_itself_is_refused(levels: int) -> None:
    """References that double at each level are counted, not followed, and refused when saved."""
    assert [error.field for error in schema_errors(_doubling(levels), "s")] == ["s"]


def test_a_schema_has_a_bounded_number_of_subschemas() -> None:
    """A larger one is refused before anything is compiled from it."""
    schema = {"allOf": [{"minimum": number} for number in range(MAX_SUBSCHEMAS)]}
    assert "subschemas" in schema_errors(schema, "s")[0].message


async def test_a_schema_that_doubles_with_depth_judges_shallow_data_only() -> None:
    """Expressions with two recursive alternatives are usable; deep data of them is refused."""
    branch = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    schema: JsonObject = {"anyOf": [branch, {**branch}]}
    assert schema_errors(schema) == []
    deep: JsonObject = {}
    for _ in range(40):
        deep = {"left": deep}
    assert await _broken(schema, {"left": {"right": {}}}) == []
    assert await _broken(schema, deep) == ["data"]
    assert SchemaGrowth.of(TREE).deepest is None


async def test_patterns_are_matched_in_linear_time() -> None:
    """A pattern over which a backtracking world would never end is answered."""
    schema = {"properties": {"a": {"pattern": r"^(\w+\s?)*$"}}}
    assert await _broken(schema, {"a": "a" * 20_000 + "!"}) == ["data.a"]


async def test_many_items_are_compared_in_less_than_quadratic_time() -> None:
    """200,000 objects are compared with each other."""
    schema = {"properties": {"a": {"uniqueItems": True}}}
    items = [{"n": number} for number in range(200_000)]
    assert await _broken(schema, {"a": items}) == []
    assert await _broken(schema, {"a": [*items, {"n": 7}]}, 10**7) == ["data.a"]


async def test_violations_are_bounded() -> None:
    """The first 50 are named; of large data the first one."""
    schema = {"properties": {"a": {"items": {"type": "string"}}}}
    assert len(await _broken(schema, {"a": [1] * 1000}, 3000)) == 50
    assert await _broken(schema, {"a": [1] * 1_000_000}, 3_000_000) == ["data.a[0]"]


async def test_large_integers_are_judged_by_their_value() -> None:
    """An integer of 22 digits is an integer, and larger than smaller ones."""
    schema = {"properties": {"wei": {"type": "integer", "maximum": 10**21}}}
    assert await _broken(schema, {"wei": 10**21}) == []
    assert await _broken(schema, {"wei": 10**21 + 1}) == ["data.wei"]


@pytest.mark.parametrize("size", [10, 10**6])
async def test_what_others_may_not_read_is_taken_out_before_a_message_is_cut(size: int) -> None:
    """A secret that the cut goes through is not shown by half."""
    schema = compile_schema({"properties": {"a": {"type": "integer"}}})
    data = {"a": "x" * 490 + "s3cret-token"}

    (told,) = await schema.violations(
        data, size, shown=lambda text: text.replace("s3cret-token", "[secret]")
    )

    assert "s3c" not in told.message
    assert "[secret]" in told.message
