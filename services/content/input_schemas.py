"""What content gives to content that it refers to, judged by the JSON Schema of that.

Source: Knock docs, "Fetch function" ("Define inputs").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from jsonschema_rs import ValidationError

from domain.kit.authored import Inputs
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.kit.liquid import has_liquid
from services.content.fitting import fitted
from services.json_schemas import CompiledSchema, compile_schema, violation
from services.off_loop import off_loop

# Compiling a larger schema takes many milliseconds.
_SMALL_BYTES = 4 * 1024

# Keywords that say something of an object or list itself, whatever its members become.
_OF_THE_WHOLE = frozenset(
    {
        "additionalProperties",
        "maxItems",
        "maxProperties",
        "minItems",
        "minProperties",
        "required",
        "type",
    }
)
# Keywords under which others hold or not, by what members become.
_DEPENDING = frozenset(
    {"anyOf", "oneOf", "not", "if", "then", "else", "contains", "dependentSchemas"}
)


@dataclass(frozen=True, slots=True)
class InputSchema:
    """The schema of what content is given, ready to judge it."""

    schema: JsonObject
    compiled: CompiledSchema


async def ready(schema: JsonObject) -> InputSchema | None:
    """Make a schema ready, a large one in a thread; None for a draft's that cannot be used."""
    compiling = partial(compile_schema, schema)
    try:
        is_small = encoded_size(schema) <= _SMALL_BYTES
        return InputSchema(schema, compiling() if is_small else await off_loop(compiling))
    except ValueError:
        return None


def input_errors(schema: InputSchema, given: Inputs) -> Iterator[FieldError]:
    """Yield what an author gives that a schema does not allow.

    What holds Liquid becomes something else when it is rendered, and is judged then; all else is
    judged as it is then.
    """
    compiled, values = schema.compiled, fitted(given.values, schema.schema)
    if compiled.is_too_deep(values):
        yield FieldError(given.place, "is nested too deeply for its JSON Schema")
        return
    for error in compiled.errors(values):
        if _may_be_gone(error, values):
            continue
        told = violation(error, given.place)
        if error.kind.name == "required":  # several may be missing, each at a place of its own
            told = FieldError(f"{told.field}.{error.kind.as_dict()['property']}", "is required")
        yield told


def _may_be_gone(error: ValidationError, values: JsonObject) -> bool:
    """Tell whether a violation may be gone once the Liquid in the value is rendered."""
    value: Any = values
    for part in error.instance_path:
        value = value[part]
    keywords = [str(part) for part in error.schema_path]
    is_of_the_whole = (
        isinstance(value, (dict, list))
        and keywords[-1] in _OF_THE_WHOLE
        and _DEPENDING.isdisjoint(keywords)
    )
    return not is_of_the_whole and _holds_liquid(value)


def _holds_liquid(value: JsonValue) -> bool:
    if isinstance(value, str):
        return has_liquid(value)
    if isinstance(value, dict):
        return any(map(_holds_liquid, value.values()))
    return isinstance(value, list) and any(map(_holds_liquid, value))
