"""Whether the JSON Schema of a workflow's trigger data can be used.

Besides being valid it must be closed in itself: a reference to another document would make the
server fetch an address that a customer wrote. Source: Knock docs, "Validating trigger data".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jsonschema import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for

from domain.errors import FieldError
from domain.json_types import JsonObject, JsonValue

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_INSTANCES: tuple[JsonValue, ...] = ({}, [], "", 0, None)
# Their values are data, whatever they look like.
_DATA = frozenset({"const", "default", "enum", "examples"})


def schema_errors(schema: JsonObject, field: str = "trigger_data_json_schema") -> list[FieldError]:
    """Return what is wrong with a JSON Schema; Draft 2020-12 unless it names another."""
    try:
        schema_validator(schema).check_schema(schema)
    except SchemaError as error:
        return [FieldError(_path(field, error.absolute_path), error.message[:500])]
    return list(_foreign_references(schema, field)) or list(_dead_references(schema, field))


def schema_validator(schema: JsonObject) -> Validator:
    """Return what checks trigger data: the draft that the schema names, else Draft 2020-12."""
    return validator_for(schema, default=Draft202012Validator)(schema)


def _foreign_references(schema: JsonObject, field: str) -> Iterator[FieldError]:
    for path, node in _nodes(schema, field):
        if path != field and isinstance(node.get("$id"), str):
            yield FieldError(f"{path}.$id", "is allowed at the top of the schema only")
        for keyword in _REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                yield FieldError(f"{path}.{keyword}", "must refer to a place in this schema (#…)")


def _dead_references(schema: JsonObject, field: str) -> Iterator[FieldError]:
    """Try every reference, so that one that leads nowhere, or in a circle, fails here and now."""
    validator = schema_validator(schema)
    for path, node in _nodes(schema, field):
        for keyword in _REFERENCES:
            if isinstance(node.get(keyword), str):
                attempt = validator.evolve(schema={keyword: node[keyword]})
                if not all(_can_judge(attempt, instance) for instance in _INSTANCES):
                    yield FieldError(f"{path}.{keyword}", "does not lead to a usable schema")


def _can_judge(validator: Validator, instance: JsonValue) -> bool:
    try:
        list(validator.iter_errors(instance))
    except Exception:
        # The library raises what it met on its way: lookups, recursion, values of wrong types.
        return False
    return True


def _nodes(value: JsonValue, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield every object of a schema with its path, leaving plain data out."""
    if isinstance(value, dict):
        yield path, value
        for key, member in value.items():
            if key not in _DATA:
                yield from _nodes(member, f"{path}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _nodes(member, f"{path}[{index}]")


def _path(field: str, parts: Iterable[str | int]) -> str:
    path = field
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path
