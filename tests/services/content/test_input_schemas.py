"""What steps give to reusable requests, judged by the schemas of those."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.authored import Inputs
from services.content.input_schemas import input_errors

SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 2},
        "who": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        "either": {"anyOf": [{"type": "integer"}, {"required": ["a"], "type": "object"}]},
    },
    "required": ["count"],
    "additionalProperties": False,
}


def wrong(values: Any, schema: Any = SCHEMA) -> list[str]:
    """Return the places of what a schema does not allow."""
    return [error.field for error in input_errors(schema, Inputs("s.inputs", values))]


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"count": 1}, []),
        ({}, ["s.inputs.count"]),
        ({"count": "1"}, ["s.inputs.count"]),
        ({"count": 0, "who": {}}, ["s.inputs.count", "s.inputs.who.id"]),
        ({"count": 1, "tags": ["ab", "abcd"]}, ["s.inputs.tags[1]"]),
        ({"count": 1, "other": 2}, ["s.inputs"]),
        ({"count": 1, "either": {}}, ["s.inputs.either"]),
    ],
)
def test_plain_values_are_judged(values: Any, places: list[str]) -> None:
    """Each violation stands at its place."""
    assert sorted(wrong(values)) == places


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"count": "{{ data.n }}"}, []),
        ({"count": "{% if data.n %}1{% endif %}"}, []),
        ({"count": 1, "tags": ["{{ data.long }}", "abcd"]}, ["s.inputs.tags[1]"]),
        ({"count": 1, "tags": ["{{ a }}"]}, ["s.inputs.tags"]),
        ({"count": 1, "who": {"name": "{{ a }}"}}, ["s.inputs.who.id"]),
        ({"count": 1, "either": {"b": "{{ a }}"}}, []),
        ({"other": "{{ a }}", "count": 1}, ["s.inputs"]),
        ({"tags": "{{ data.tags }}"}, ["s.inputs.count"]),
    ],
)
def test_what_holds_liquid_is_judged_later(values: Any, places: list[str]) -> None:
    """What Liquid cannot change is wrong already: a member that is missing, or one too many."""
    assert sorted(wrong(values)) == places


def test_what_depends_on_liquid_is_judged_later() -> None:
    """Whether a rule holds that depends on a rendered member, nobody knows yet."""
    schema = {"if": {"properties": {"kind": {"const": "a"}}}, "else": {"required": ["b"]}}
    assert wrong({"kind": "{{ data.kind }}"}, schema) == []
    assert wrong({"kind": "c"}, schema) == ["s.inputs.b"]


@pytest.mark.parametrize("schema", [{"type": 5}, {"$ref": "https://example.com/x"}])
def test_a_broken_schema_judges_nothing(schema: Any) -> None:
    """What is wrong with a draft of a request is told where that is saved."""
    assert wrong({"a": 1}, schema) == []


def test_a_schema_does_not_follow_any_depth() -> None:
    """A schema that refers to itself ends at the depth that was counted for it."""
    schema = {"properties": {"a": {"$ref": "#"}}}
    values: Any = {}
    for _ in range(500):
        values = {"a": values}
    assert wrong(values, schema) in ([], ["s.inputs"])
