"""The JSON Schemas of content: which ones can be used, and what data breaks.

They are for the data of triggers above all; what reusable requests are given has them as well. A
schema comes from whoever writes content, the data from their customers, so judging both has a
bounded cost: patterns match in linear time, nothing is fetched from outside, and a schema must not
multiply itself. Source: Knock docs, "Validating trigger data".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import jsonschema_rs
from jsonschema_rs import ReferencingError, ValidationError

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue, depth_of
from domain.kit.recent import Recent
from services.schema_growth import DATA, REFERENCES, SchemaFault, SchemaGrowth

MAX_VIOLATIONS = 50
# Data up to this size is judged at once and to the end; larger data in a thread (the library lets
# go of the interpreter's lock), and only up to its first violation.
_SMALL_BYTES = 64 * 1024
_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema that is ready to judge data."""

    validator: Any
    growth: SchemaGrowth

    async def violations(
        self,
        data: JsonObject,
        size: int,
        field: str = "data",
        *,
        shown: Callable[[str], str] = str,
    ) -> list[FieldError]:
        """Return what in the data breaks the schema: at most 50 places.

        Args:
            data: what a trigger carries, or a request is given.
            size: an upper bound of its bytes; over 64 kB only the first violation is looked for.
            field: what it is called.
            shown: takes out of a message what others may not read, before it is cut.
        """
        if self.is_too_deep(data):
            return [FieldError(field, "is nested too deeply for its JSON Schema")]
        if size > _SMALL_BYTES:
            return await asyncio.to_thread(self._first, data, field, shown)
        if self.validator.is_valid(data):  # far quicker than to gather errors
            return []
        return [violation(error, field, shown) for error in self.errors(data)]

    def is_too_deep(self, data: JsonObject) -> bool:
        """Tell whether data is nested deeper than the schema may follow it."""
        return self.growth.deepest is not None and depth_of(data) > self.growth.deepest

    def errors(self, data: JsonObject) -> Iterator[ValidationError]:
        """Yield what in the data breaks the schema, as the library tells it: at most 50 places."""
        return islice(self.validator.iter_errors(data), MAX_VIOLATIONS)

    def _first(self, data: JsonObject, field: str, shown: Callable[[str], str]) -> list[FieldError]:
        try:
            self.validator.validate(data)
        except ValidationError as error:
            return [violation(error, field, shown)]
        return []


def violation(error: ValidationError, field: str, shown: Callable[[str], str] = str) -> FieldError:
    """Return what the library says of data that is called `field`, as others may read it."""
    return FieldError(_path(field, error.instance_path), shown(error.message)[:500])


class SchemaCache:
    """The compiled schemas of versions, which never change; the most recent are kept."""

    def __init__(self) -> None:
        self._recent: Recent[UUID, CompiledSchema] = Recent(_REMEMBERED)

    def get(self, version_id: UUID, schema: JsonObject) -> CompiledSchema:
        """Return the compiled schema of a version. Raises ValueError when it cannot be used."""
        compiled = self._recent.get(version_id)
        if compiled is None:
            compiled = compile_schema(schema)
            self._recent.put(version_id, compiled)
        return compiled


def compile_schema(schema: JsonObject) -> CompiledSchema:
    """Make a schema ready: of the draft that it names, else Draft 2020-12.

    Raises:
        ValueError: it is not a valid schema, refers to nothing, in a circle or to another
            document, multiplies itself, or has a pattern that cannot be matched in linear time.
    """
    try:
        jsonschema_rs.meta.validate(schema)
        growth = SchemaGrowth.of(schema)
        validator = jsonschema_rs.validator_for(
            schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except ReferencingError as error:
        raise SchemaFault((), str(error)) from error
    return CompiledSchema(validator, growth)


def schema_errors(schema: JsonObject, field: str = "trigger_data_json_schema") -> list[FieldError]:
    """Return what is wrong with a JSON Schema; Draft 2020-12 unless it names another."""
    foreign = list(_foreign_references(schema, field))
    if foreign:
        return foreign
    try:
        compile_schema(schema)
    except ValidationError as error:
        message = error.message[:500]
        if error.message.endswith('is not a "regex"'):
            message = (
                "must be a regular expression that can be matched in linear time: "
                "without look-around and back references"
            )
        return [FieldError(_path(field, error.instance_path), message)]
    except SchemaFault as fault:
        return [FieldError(_path(field, fault.place), str(fault)[:500])]
    return []


def _foreign_references(schema: JsonObject, field: str) -> Iterator[FieldError]:
    if not isinstance(schema.get("$schema", ""), str):
        yield FieldError(f"{field}.$schema", "must be the address of a JSON Schema draft")
    for path, node in _nodes(schema, field):
        if path != field and isinstance(node.get("$id"), str):
            yield FieldError(f"{path}.$id", "is allowed at the top of the schema only")
        for keyword in REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                yield FieldError(f"{path}.{keyword}", "must refer to a place in this schema (#…)")


def _nodes(value: JsonValue, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield every object of a schema with its path, leaving plain data out."""
    if isinstance(value, dict):
        yield path, value
        for key, member in value.items():
            if key not in DATA:
                yield from _nodes(member, f"{path}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _nodes(member, f"{path}[{index}]")


def _path(field: str, parts: Iterable[str | int]) -> str:
    path = field
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path
