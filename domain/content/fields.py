"""Input fields: what partials and message types are given, each with its type.

Source: Knock docs, "Message types" and "Partials" (schema reference); Management API,
MessageType…Field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, field_validator

from domain.kit.branding import HEX_COLOR
from domain.kit.json_types import JsonObject, JsonValue, read_json
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape, Wrong

MAX_FIELDS = 100
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")
COLOR = re.compile(HEX_COLOR)


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Wrong("may contain letters, digits, _ and -, and must not begin with a digit")
    return key


class _Settings(Shape):
    """What the settings of every field may say."""

    required: bool | None = None
    description: str | None = None
    placeholder: str | None = None


class _Field(Shape):
    """What every field has."""

    key: Annotated[str, AfterValidator(_key)]
    label: str | None = None


class TextSettings(_Settings):
    """How long a text may be."""

    default: str | None = None
    min_length: Annotated[int | None, Field(ge=0)] = None
    max_length: Annotated[int | None, Field(ge=0)] = None


class TextField(_Field):
    """One line of text."""

    type: Literal["text"] = "text"
    settings: TextSettings | None = None


class TextareaField(_Field):
    """Lines of text."""

    type: Literal["textarea"] = "textarea"
    settings: TextSettings | None = None


class PlainSettings(_Settings):
    """The default of a field that is a text."""

    default: str | None = None


class MarkdownField(_Field):
    """Text in Markdown."""

    type: Literal["markdown"] = "markdown"
    settings: PlainSettings | None = None


class UrlField(_Field):
    """An address."""

    type: Literal["url"] = "url"
    settings: PlainSettings | None = None


class ColorSettings(_Settings):
    """The default colour, written in hex or as Liquid."""

    default: str | None = None

    @field_validator("default")
    @classmethod
    def _is_color(cls, color: str | None) -> str | None:
        if color and not has_liquid(color) and not COLOR.fullmatch(color):
            raise Wrong("must be a colour such as #1A2B3C")
        return color


class ColorField(_Field):
    """A colour."""

    type: Literal["color"] = "color"
    settings: ColorSettings | None = None


class BooleanSettings(_Settings):
    """The default of a boolean."""

    default: bool | None = None


class BooleanField(_Field):
    """True or false."""

    type: Literal["boolean"] = "boolean"
    settings: BooleanSettings | None = None


class NumberSettings(_Settings):
    """Between which numbers, both included."""

    default: int | float | None = None
    min: int | float | None = None
    max: int | float | None = None
    unit_label: str | None = None


class NumberField(_Field):
    """A number."""

    type: Literal["number"] = "number"
    settings: NumberSettings | None = None


class Option(Shape):
    """One of those to choose from."""

    value: str
    label: str | None = None


class SelectSettings(_Settings):
    """What there is to choose from."""

    default: str | None = None
    options: tuple[Option, ...] = Field((), strict=False)


class SelectField(_Field):
    """One of some values."""

    type: Literal["select"] = "select"
    settings: SelectSettings | None = None


class MultiSelectSettings(_Settings):
    """What there is to choose from."""

    default: list[str] | None = None
    options: tuple[Option, ...] = Field((), strict=False)


class MultiSelectField(_Field):
    """Several of some values."""

    type: Literal["multi_select"] = "multi_select"
    settings: MultiSelectSettings | None = None


class ButtonField(_Field):
    """A button."""

    type: Literal["button"] = "button"
    text: TextField
    action: TextField
    settings: _Settings | None = None


class ImageField(_Field):
    """An image, which may be a link."""

    type: Literal["image"] = "image"
    url: UrlField
    alt: TextField | None = None
    action: TextField | None = None
    settings: _Settings | None = None


class JsonSettings(_Settings):
    """What JSON it has to be."""

    default: Any = None
    json_schema: JsonObject | None = Field(None, alias="schema")


class JsonField(_Field):
    """Any JSON."""

    type: Literal["json"] = "json"
    settings: JsonSettings | None = None


class ListSettings(_Settings):
    """What JSON each member has to be."""

    default: list[Any] | None = None
    item_schema: JsonObject | None = None


class ListField(_Field):
    """A list."""

    type: Literal["list"] = "list"
    settings: ListSettings | None = None


InputField: TypeAlias = Annotated[
    TextField
    | TextareaField
    | MarkdownField
    | UrlField
    | ColorField
    | BooleanField
    | NumberField
    | SelectField
    | MultiSelectField
    | ButtonField
    | ImageField
    | JsonField
    | ListField,
    Field(discriminator="type"),
]


def _distinct(fields: list[InputField]) -> list[InputField]:
    keys = [field.key for field in fields]
    for key in keys:
        if keys.count(key) > 1:
            raise Wrong(f"uses the key {key!r} twice")
    return fields


InputFields: TypeAlias = Annotated[
    list[InputField], Field(max_length=MAX_FIELDS), AfterValidator(_distinct)
]
_FIELD: TypeAdapter[InputField] = TypeAdapter(InputField)
# What a caller gives as JSON where the template can hand over a text only.
_STRUCTURES = (JsonField, ListField, MultiSelectField, ButtonField, ImageField)


def read_fields(stored: JsonValue) -> tuple[InputField, ...]:
    """Read stored fields; those of a newer version are left out."""
    fields = []
    for one in stored if isinstance(stored, list) else []:
        try:
            fields.append(_FIELD.validate_python(one))
        except ValidationError:
            continue
    return tuple(fields)


def field_schemas(fields: Sequence[InputField], place: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield the JSON Schemas in fields, each with its place."""
    for index, field in enumerate(fields):
        at = f"{place}[{index}].settings"
        if isinstance(field, JsonField) and field.settings and field.settings.json_schema:
            yield f"{at}.schema", field.settings.json_schema
        elif isinstance(field, ListField) and field.settings and field.settings.item_schema:
            yield f"{at}.item_schema", field.settings.item_schema


def typed_inputs(fields: Sequence[InputField], given: Mapping[str, JsonValue]) -> JsonObject:
    """Return what a template sees of its inputs: each as its field declares it, or its default.

    An input that no field declares stays as it is.
    """
    typed = dict(given)
    for field in fields:
        typed[field.key] = _typed(field, given.get(field.key))
    return typed


def _typed(field: InputField, value: JsonValue) -> JsonValue:
    if value is None or (value == "" and isinstance(field, BooleanField | NumberField)):
        return _default(field)
    if isinstance(field, _STRUCTURES):
        return _structure(field, value)
    if isinstance(field, BooleanField):
        return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1")
    if isinstance(field, NumberField):
        return _number(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _default(field: InputField) -> JsonValue:
    default: JsonValue = getattr(field.settings, "default", None) if field.settings else None
    if default is not None:
        return default
    if isinstance(field, ButtonField):
        return {"text": _default(field.text), "action": _default(field.action)}
    if isinstance(field, ImageField):
        parts = {"url": field.url, "alt": field.alt, "action": field.action}
        return {name: _default(part) if part else "" for name, part in parts.items()}
    if isinstance(field, ListField | MultiSelectField):
        return []
    return None if isinstance(field, BooleanField | NumberField | JsonField) else ""


def _structure(field: InputField, value: JsonValue) -> JsonValue:
    """Read what stands for a structure; what does not is the default, or for JSON itself."""
    if isinstance(value, str):
        try:
            value = read_json(value) if value.strip() else None
        except (ValueError, RecursionError):
            return value if isinstance(field, JsonField) else _default(field)
    wanted = list if isinstance(field, ListField | MultiSelectField) else dict
    if value is None or (not isinstance(field, JsonField) and not isinstance(value, wanted)):
        return _default(field)
    return value


def _number(value: JsonValue) -> JsonValue:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        read = read_json(str(value).strip())
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, int | float) and not isinstance(read, bool) else None
