"""Judges values by the fields of a message type: their types, and what has to be there.

Source: Knock docs, "Message types" (schema reference). A text with Liquid in it stands for any
value: what it renders to is known when it is shown. Values that no field names are passed over, as
what an earlier form of the message type has left behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.content.fields import (
    COLOR,
    BooleanField,
    ButtonField,
    ColorField,
    ImageField,
    InputField,
    JsonField,
    ListField,
    MultiSelectField,
    NumberField,
    SelectField,
    TextareaField,
    TextField,
)
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.liquid import has_liquid

_NOTHING: tuple[JsonValue, ...] = (None, "", [], {})


def value_errors(
    fields: Sequence[InputField], values: Mapping[str, JsonValue], place: str
) -> Iterator[FieldError]:
    """Yield what is wrong with values, each at its place.

    Args:
        fields: what there is to fill.
        values: by key of the field.
        place: of the values in their document.
    """
    for field in fields:
        value = values.get(field.key)
        at = f"{place}.{field.key}"
        if any(value == nothing for nothing in _NOTHING):
            if _is_required(field) and not _has_default(field):
                yield FieldError(at, "is required")
        elif not (isinstance(value, str) and has_liquid(value)):
            yield from _judge(field, value, at)


def _is_required(field: InputField) -> bool:
    return field.settings is not None and bool(field.settings.required)


def _has_default(field: InputField) -> bool:
    return getattr(field.settings, "default", None) is not None


def _judge(field: InputField, value: JsonValue, at: str) -> Iterator[FieldError]:
    match field:
        case BooleanField():
            if not isinstance(value, bool):
                yield FieldError(at, "must be true or false")
        case NumberField():
            yield from _judge_number(field, value, at)
        case MultiSelectField():
            yield from _judge_choices(field, value, at)
        case ButtonField():
            yield from _judge_parts({"text": field.text, "action": field.action}, value, at)
        case ImageField():
            parts = {"url": field.url, "alt": field.alt, "action": field.action}
            yield from _judge_parts(parts, value, at)
        case ListField():
            if not isinstance(value, list):
                yield FieldError(at, "must be a list")
        case JsonField():
            return
        case _:
            yield from _judge_text(field, value, at)


def _judge_text(field: InputField, value: JsonValue, at: str) -> Iterator[FieldError]:
    if not isinstance(value, str):
        yield FieldError(at, "must be a string")
        return
    settings = field.settings
    if isinstance(field, TextField | TextareaField) and field.settings is not None:
        least, most = field.settings.min_length, field.settings.max_length
        if least is not None and len(value) < least:
            yield FieldError(at, f"must have at least {least} characters")
        if most is not None and len(value) > most:
            yield FieldError(at, f"must have at most {most} characters")
    elif isinstance(field, ColorField) and not COLOR.fullmatch(value):
        yield FieldError(at, "must be a colour such as #1A2B3C")
    elif isinstance(field, SelectField) and settings is not None:
        yield from _judge_choice(field, value, at)


def _judge_number(field: NumberField, value: JsonValue, at: str) -> Iterator[FieldError]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield FieldError(at, "must be a number")
    elif field.settings is not None:
        least, most = field.settings.min, field.settings.max
        if least is not None and value < least:
            yield FieldError(at, f"must be at least {least}")
        if most is not None and value > most:
            yield FieldError(at, f"must be at most {most}")


def _judge_choices(field: MultiSelectField, value: JsonValue, at: str) -> Iterator[FieldError]:
    if not isinstance(value, list):
        yield FieldError(at, "must be a list")
        return
    for index, one in enumerate(value):
        if not isinstance(one, str):
            yield FieldError(f"{at}[{index}]", "must be a string")
        elif not has_liquid(one):
            yield from _judge_choice(field, one, f"{at}[{index}]")


def _judge_choice(
    field: SelectField | MultiSelectField, value: str, at: str
) -> Iterator[FieldError]:
    options = [option.value for option in field.settings.options] if field.settings else []
    if options and value not in options:
        yield FieldError(at, f"must be one of: {', '.join(options)}"[:500])


def _judge_parts(
    parts: Mapping[str, InputField | None], value: JsonValue, at: str
) -> Iterator[FieldError]:
    """Judge what is made of several texts, a button or an image."""
    if not isinstance(value, dict):
        yield FieldError(at, "must be an object")
        return
    members: JsonObject = value
    for name, part in parts.items():
        if part is not None:
            renamed = part.model_copy(update={"key": name})
            yield from value_errors([renamed], members, at)
        elif members.get(name) is not None and not isinstance(members[name], str):
            yield FieldError(f"{at}.{name}", "must be a string")
