"""Writes the fields of a message type as a JSON Schema of the values that fill them.

Knock's CLI makes types for programs of it (`knock guide generate-types`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.content.fields import (
    BooleanField,
    ButtonField,
    ImageField,
    InputField,
    JsonField,
    ListField,
    MultiSelectField,
    NumberField,
    SelectField,
)
from domain.kit.json_types import JsonObject


def values_schema(fields: Sequence[InputField]) -> JsonObject:
    """Return the schema of an object with a value for each field; others may be beside them."""
    return _object({field.key: field for field in fields})


def _object(fields: Mapping[str, InputField]) -> JsonObject:
    required = [
        name for name, field in fields.items() if field.settings and field.settings.required
    ]
    return {
        "type": "object",
        "properties": {name: _described(field) for name, field in fields.items()},
        "required": required,
    }


def _described(field: InputField) -> JsonObject:
    schema = _schema(field)
    description = (field.settings and field.settings.description) or field.label
    return schema if not description else {"description": description, **schema}


def _schema(field: InputField) -> JsonObject:
    schema: JsonObject = {"type": "string"}
    match field:
        case BooleanField():
            schema = {"type": "boolean"}
        case NumberField():
            schema = {"type": "number"}
        case SelectField():
            schema = _choice(field)
        case MultiSelectField():
            schema = {"type": "array", "items": _choice(field)}
        case ButtonField():
            schema = _object({"text": field.text, "action": field.action})
        case ImageField():
            parts = {"url": field.url, "alt": field.alt, "action": field.action}
            schema = _object({name: part for name, part in parts.items() if part is not None})
        case ListField():
            items = field.settings and field.settings.item_schema
            schema = {"type": "array", "items": items or {}}
        case JsonField():
            schema = (field.settings and field.settings.json_schema) or {}
    return schema


def _choice(field: SelectField | MultiSelectField) -> JsonObject:
    options = [option.value for option in field.settings.options] if field.settings else []
    return {"type": "string", "enum": options} if options else {"type": "string"}
