"""What steps give to reusable requests, judged by the schemas of those."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.authored import ChannelTypes, Inputs, Reference, ResourceType
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from services.content import input_schemas
from services.content.fitting import fitted
from services.content.input_schemas import input_errors, ready
from services.content.references import Surroundings, schemas_of
from services.json_schemas import compile_schema

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


async def wrong(values: Any, schema: Any = SCHEMA) -> list[str]:
    """Return the places of what a schema does not allow."""
    compiled = await ready(schema)
    if compiled is None:
        return []
    return [error.field for error in input_errors(compiled, Inputs("s.inputs", values))]


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"count": 1}, []),
        ({}, ["s.inputs.count"]),
        ({"count": "many"}, ["s.inputs.count"]),
        ({"count": None}, ["s.inputs.count"]),
        ({"count": 0, "who": {}}, ["s.inputs.count", "s.inputs.who.id"]),
        ({"count": 1, "tags": ["ab", "abcd"]}, ["s.inputs.tags[1]"]),
        ({"count": 1, "other": 2}, ["s.inputs"]),
        ({"count": 1, "either": {}}, ["s.inputs.either"]),
    ],
)
async def test_plain_values_are_judged(values: Any, places: list[str]) -> None:
    """Each violation stands at its place."""
    assert sorted(await wrong(values)) == places


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
async def test_what_holds_liquid_is_judged_later(values: Any, places: list[str]) -> None:
    """What Liquid cannot change is wrong already: a member that is missing, or one too many."""
    assert sorted(await wrong(values)) == places


async def test_what_depends_on_liquid_is_judged_later() -> None:
    """Whether a rule holds that depends on a rendered member, nobody knows yet."""
    schema = {"if": {"properties": {"kind": {"const": "a"}}}, "else": {"required": ["b"]}}
    assert await wrong({"kind": "{{ data.kind }}"}, schema) == []
    assert await wrong({"kind": "c"}, schema) == ["s.inputs.b"]


@pytest.mark.parametrize("schema", [{"type": 5}, {"$ref": "https://example.com/x"}])
async def test_a_broken_schema_judges_nothing(schema: Any) -> None:
    """What is wrong with a draft of a request is told where that is saved."""
    assert await wrong({"a": 1}, schema) == []


async def test_a_schema_does_not_follow_any_depth() -> None:
    """A schema that refers to itself ends at the depth that was counted for it."""
    schema = {"properties": {"a": {"$ref": "#"}}}
    values: Any = {}
    for _ in range(500):
        values = {"a": values}
    assert await wrong(values, schema) in ([], ["s.inputs"])


FITTING = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "maybe": {"type": ["integer", "null"]},
        "size": {"type": "integer", "default": 3},
        "text": {"type": "string"},
    },
    "required": ["maybe", "size"],
}


@pytest.mark.parametrize(
    ("values", "inputs"),
    [
        ({"maybe": 1}, {"maybe": 1, "size": 3}),
        ({"maybe": None, "size": None}, {"maybe": None, "size": 3}),
        ({"maybe": "7", "count": "42"}, {"maybe": 7, "count": 42, "size": 3}),
        ({"maybe": 1, "count": None, "text": 5}, {"maybe": 1, "size": 3, "text": "5"}),
    ],
)
async def test_inputs_are_judged_as_they_are_sent(values: Any, inputs: Any) -> None:
    """Defaults, texts that are numbers, and nulls mean the same to an author as in a run."""
    assert await wrong(values, FITTING) == []
    assert fitted(values, FITTING) == inputs


async def test_a_schema_is_made_ready_once_for_all_who_refer_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many steps give something to one request, its schema is compiled once."""
    compiled: list[Any] = []

    def noting(schema: Any) -> Any:
        compiled.append(schema)
        return compile_schema(schema)

    monkeypatch.setattr(input_schemas, "compile_schema", noting)
    place = (ResourceType.REUSABLE_REQUEST, "r")
    references = [
        Reference(f"steps[{n}]", *place, inputs=Inputs(f"steps[{n}].inputs", {})) for n in range(9)
    ]

    schemas = await schemas_of(references, {place: {"settings": {"data_input_schema": SCHEMA}}})
    scope = EnvironmentScope(new_id(), "development")
    around = Surroundings(scope, ChannelTypes(), frozenset({place}), schemas=schemas)

    assert len(around.errors(references)) == 9
    assert len(compiled) == 1
