"""Schemas: which properties users, tenants and objects have, and what people say of them.

Source: Knock docs, "Recipient schemas"; Management API, ItemSchema. A schema is for people: it
refuses no data and hides none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong, read_shape
from domain.recipients.refs import TENANTS, USERS
from domain.recipients.shapes import ObjectIn, TenantIn, UserIn

MAX_PROPERTIES = 500
_MAX_TEXT = 1_024
_MAX_PREVIEW = 16_384


class ItemType(StrEnum):
    """What a schema is of."""

    USER = "user"
    TENANT = "tenant"
    OBJECT = "object"

    @classmethod
    def of(cls, collection: str) -> ItemType:
        """Return what the members of a collection are."""
        return {USERS: cls.USER, TENANTS: cls.TENANT}.get(collection, cls.OBJECT)


# The members that recipients of each type have by themselves; all of them are texts.
_BUILT_IN: Mapping[ItemType, Iterable[str]] = {
    ItemType.USER: UserIn.kept,
    ItemType.TENANT: TenantIn.kept,
    ItemType.OBJECT: ObjectIn.kept,
}


@dataclass(frozen=True, slots=True)
class SchemaFilters:
    """Which schemas are listed."""

    item_type: Annotated[ItemType | None, Filter("Only schemas of this type.")] = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that has a schema; `$users` and `$tenants` always do."""

    collection: str


@dataclass(frozen=True, slots=True)
class SeenProperty:
    """A property that recipients of a collection have; a nested one has a dot in its key."""

    collection: str
    key: str
    type: str


@dataclass(frozen=True, slots=True)
class SchemaProperty:
    """A property as it was described; what nobody has said is None.

    Attributes:
        type: what its values are; None for what is seen in the data.
        item_type: what it refers to, if its values refer to recipients.
        preview_text: an example of a value, as JSON.
        visible: whether people are offered it.
    """

    collection: str
    key: str
    label: str | None = None
    description: str | None = None
    type: str | None = None
    item_type: str | None = None
    preview_text: str | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True)
class ItemSchema:
    """The properties of a collection by key: built-in, seen in the data, and described."""

    collection: str
    properties: tuple[SchemaProperty, ...]

    @property
    def item_type(self) -> ItemType:
        """Return what it is of."""
        return ItemType.of(self.collection)


_Text = Annotated[str | None, Field(max_length=_MAX_TEXT)]


class PropertyIn(Shape):
    """What is said of a property; what is left out stays as it was, null takes it back."""

    key: Annotated[str, REFUSE_NULL, Field(min_length=1, max_length=255)]
    label: Annotated[str | None, Field(max_length=255)] = None
    description: _Text = None
    type: Annotated[str | None, Field(max_length=255)] = Field(
        None, description="The type of its values; null for the type found in the data."
    )
    item_type: Annotated[str | None, Field(max_length=255)] = Field(
        None, description="What its values refer to, if they refer to recipients."
    )
    preview_text: Annotated[str | None, Field(max_length=_MAX_PREVIEW)] = Field(
        None, description="An example of a value, as JSON."
    )
    visible: bool | None = Field(
        None, description="Whether it is offered to people; initially true."
    )

    def laid_over(self, before: SchemaProperty) -> SchemaProperty:
        """Return a property with what is said here."""
        said = {name: getattr(self, name) for name in self.model_fields_set - {"visible"}}
        visible = before.visible if self.visible is None else self.visible
        return replace(before, **said, visible=visible)


def _each_once(properties: list[PropertyIn]) -> list[PropertyIn]:
    keys = [one.key for one in properties]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Wrong(f"names {twice[0]!r} twice")
    return properties


class SchemaIn(Shape):
    """A schema as it is written; properties that are left out stay as they are."""

    item_type: ItemType | None = Field(
        None, strict=False, description="The same as in the path, if given."
    )
    item_id: Annotated[str | None, Field(min_length=1, max_length=255)] = Field(
        None, description="The collection, the same as in the query, if given."
    )
    properties: Annotated[
        list[PropertyIn], Field(max_length=MAX_PROPERTIES), AfterValidator(_each_once)
    ]


class SchemaBodyIn(Shape):
    """The schema under its name, as Knock's CLI sends it; it may also stand for itself."""

    schema_: SchemaIn = Field(alias="schema")


def read_schema(body: JsonObject) -> tuple[SchemaIn, str]:
    """Read a schema, and what the places of its members begin with. Raises InvalidParams."""
    if "properties" in body and "schema" not in body:
        return read_shape(SchemaIn, body), ""
    return read_shape(SchemaBodyIn, body).schema_, "schema."


def complete_schema(
    collection: str, seen: Iterable[SeenProperty], described: Iterable[SchemaProperty]
) -> ItemSchema:
    """Put together what is built in, what the data has, and what was said."""
    types: dict[str, str] = {one.key: one.type for one in seen}
    types |= dict.fromkeys(_BUILT_IN[ItemType.of(collection)], "string")
    found = {one.key: one for one in described}
    properties: list[Any] = []
    for key in sorted({*types, *found}):
        one = found.get(key, SchemaProperty(collection, key))
        properties.append(one if one.type else replace(one, type=types.get(key)))
    return ItemSchema(collection, tuple(properties))
