"""How requests write recipients: whom they name, and what is to be stored about them.

Source: Knock docs "Users", "Objects", "Tenants", "Identifying recipients"; a plain string refers to
a user, an object with `collection` to an object, an object without one identifies a user inline.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema

from domain.channels.channel_data import MAX_DATA_BYTES
from domain.channels.channel_data import TOO_LARGE as DATA_TOO_LARGE
from domain.kit.clock import parse_instant
from domain.kit.errors import FieldError
from domain.kit.ids import MAX_ID_CHARACTERS, NOT_IN_USER_IDS
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, JudgedWhole, Members, Shape, Wrong
from domain.preferences.requests import PreferenceSet, PreferenceSetId
from domain.recipients.refs import TENANTS, USERS

MAX_PROPERTIES_BYTES = 256 * 1024
TOO_LARGE = "custom properties exceed 256 kB"
# Branding and a preference set; Knock documents no limit.
MAX_SETTINGS_BYTES = 256 * 1024
SETTINGS_TOO_LARGE = "the settings exceed 256 kB"
# Never custom properties, whatever a caller sends.
_NOT_PROPERTIES = frozenset(
    {
        "id",
        "collection",
        "__typename",
        "updated_at",
        "created_at",
        "channel_data",
        "preferences",
        "$trigger_data",
    }
)


def _channel_id(text: str) -> str:
    try:
        uuid.UUID(text)
    except ValueError:
        raise Wrong("is not a channel id") from None
    return text


def _channel_data(given: JsonObject) -> JsonObject:
    if encoded_size(given) > MAX_DATA_BYTES:
        raise Wrong(DATA_TOO_LARGE)
    return given


def _without(forbidden: str) -> AfterValidator:
    characters = frozenset(forbidden)

    def check(text: str) -> str:
        if not characters.isdisjoint(text):
            raise Wrong(f"must not contain any of: {' '.join(forbidden)}")
        return text

    return AfterValidator(check)


_SIZE = Field(min_length=1, max_length=MAX_ID_CHARACTERS)
UserId = Annotated[str, _SIZE, _without(NOT_IN_USER_IDS)]
ObjectId = Annotated[str, _SIZE]
CollectionName = Annotated[str, _SIZE, _without("/")]
ChannelId = Annotated[str, AfterValidator(_channel_id)]
ChannelDataOfSome = Annotated[Members[Any], AfterValidator(_channel_data)]
# A caller's own note; one that cannot be read is left out, and no reason to lose the recipient.
CallersInstant = Annotated[
    datetime | None,
    BeforeValidator(parse_instant),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
# Documented as a string, and taken and kept as whatever it is.
AnyText = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})]


class TenantBrandingIn(Shape):
    """A tenant's branding; members beside these are kept too."""

    model_config = ConfigDict(extra="allow")

    logo_url: str | None = None
    icon_url: str | None = None
    dark_logo_url: str | None = None
    dark_icon_url: str | None = None
    primary_color: str | None = None
    primary_color_contrast: str | None = None
    dark_primary_color: str | None = None
    dark_primary_color_contrast: str | None = None


class TenantSettingsIn(Shape):
    """A tenant's settings."""

    model_config = ConfigDict(extra="allow", populate_by_name=False)

    branding: Annotated[TenantBrandingIn, EMPTY_LIST_IS_OBJECT] | None = None
    preference_set: PreferenceSet | None = Field(None, description="null removes it.")

    def content(self) -> JsonObject:
        """Return what is to be stored."""
        content = dict(self.model_extra or {})
        if "branding" in self.model_fields_set:
            branding = self.branding
            content["branding"] = branding and branding.model_dump(exclude_unset=True)
        if "preference_set" in self.model_fields_set:
            given = self.preference_set
            content["preference_set"] = None if given is None else given.content()
        return content


class RecipientIn(JudgedWhole):
    """What is known about a recipient; members that are not named are custom properties."""

    # By alias only: a custom property may bear the name of a field.
    model_config = ConfigDict(extra="allow", populate_by_name=False)
    whole: ClassVar[str] = "properties"
    kept: ClassVar[Collection[str]] = ()
    not_properties: ClassVar[Collection[str]] = _NOT_PROPERTIES

    created_at: CallersInstant = Field(None, description="Ignored if it cannot be parsed.")
    channel_data: (
        Annotated[dict[ChannelId, ChannelDataOfSome | None], EMPTY_LIST_IS_OBJECT] | None
    ) = Field(None, description="By channel id; replaces what is stored for that channel.")
    preferences: Annotated[dict[PreferenceSetId, PreferenceSet], EMPTY_LIST_IS_OBJECT] | None = (
        Field(None, description="By set id; merged into what is stored.")
    )

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether all properties together are too large."""
        if size is not None and size <= MAX_PROPERTIES_BYTES:
            return
        said = {key: given[key] for key in given if key not in cls.not_properties}
        if encoded_size(said) > MAX_PROPERTIES_BYTES:
            yield FieldError("", TOO_LARGE)

    def properties(self) -> JsonObject:
        """Return what is stored as properties: the named ones that were given, and custom ones."""
        given = self.model_fields_set
        named = {name: getattr(self, name) for name in self.kept if name in given}
        custom = self.model_extra or {}
        return named | {key: custom[key] for key in custom if key not in _NOT_PROPERTIES}


class UserIn(RecipientIn):
    """What is known about a user; members that are not named are custom properties."""

    kept: ClassVar[Collection[str]] = (
        "name",
        "email",
        "phone_number",
        "avatar",
        "locale",
        "timezone",
    )

    name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    avatar: str | None = None
    locale: str | None = None
    timezone: str | None = None


class ObjectIn(RecipientIn):
    """What is known about an object; members that are not named are custom properties."""

    kept: ClassVar[Collection[str]] = ("name", "locale", "timezone")

    name: AnyText = None
    locale: AnyText = None
    timezone: AnyText = None


class TenantIn(RecipientIn):
    """What is known about a tenant; members that are not named are custom properties."""

    kept: ClassVar[Collection[str]] = ("name",)
    not_properties: ClassVar[Collection[str]] = _NOT_PROPERTIES | {"settings"}

    name: str | None = None
    settings: Annotated[TenantSettingsIn, EMPTY_LIST_IS_OBJECT] | None = Field(
        None, description="Branding and preference set."
    )

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether all properties together, or the settings, are too large."""
        yield from super().problems(given, size)
        if size is not None and size <= MAX_SETTINGS_BYTES:
            return
        if encoded_size(given.get("settings")) > MAX_SETTINGS_BYTES:
            yield FieldError("settings", SETTINGS_TOO_LARGE)


class InlineIn(RecipientIn):
    """What a request says of a recipient where it names one."""

    trigger_data: Members[Any] | None = Field(
        None, alias="$trigger_data", description="Merged over the data of the trigger."
    )


class InlineUserIn(InlineIn, UserIn):
    """A user by id, with what is known about it."""

    id: UserId
    collection: Literal["$users"] | None = None


class InlineObjectIn(InlineIn, ObjectIn):
    """An object by id and collection; a reference when nothing else is given."""

    id: ObjectId
    collection: CollectionName = Field(
        json_schema_extra={"not": {"enum": [USERS, TENANTS]}},  # those have forms of their own
    )


class InlineTenantIn(InlineIn, TenantIn):
    """A tenant by id, with what is known about it."""

    id: ObjectId
    # It is known what it is, whatever is said; a recipient says it by the collection.
    collection: Any = Field(None, json_schema_extra={"type": "string"})


class TenantRecipientIn(InlineTenantIn):
    """A tenant as a recipient or an actor; a reference when nothing else is given."""

    collection: Literal["$tenants"]


class ReferenceIn(Shape):
    """A reference alone, which the document describes as an object of which nothing is said."""

    id: ObjectId
    collection: CollectionName


_REFERENCE = {"id", "collection"}


def _kind(raw: object) -> str | None:
    """Tell which of the forms of a recipient a value has; keys of a request have no such names."""
    if isinstance(raw, str):
        return "(user id)"
    if not isinstance(raw, dict):
        return None
    collection = raw.get("collection")
    if collection is None or collection == USERS:
        return "(inline user)"
    # Large triggers name many of these: the small shape is read in a third of the time.
    if len(raw) == len(_REFERENCE) and raw.keys() == _REFERENCE:
        return "(reference)"
    return "(inline tenant)" if collection == TENANTS else "(inline object)"


def _kind_of_tenant(raw: object) -> str | None:
    if isinstance(raw, str):
        return "(tenant id)"
    return "(inline tenant)" if isinstance(raw, dict) else None


# A recipient or an actor of a request.
AnyRecipientIn: TypeAlias = Annotated[
    Annotated[UserId, Tag("(user id)")]
    | Annotated[SkipJsonSchema[ReferenceIn], Tag("(reference)")]
    | Annotated[InlineUserIn, Tag("(inline user)")]
    | Annotated[TenantRecipientIn, Tag("(inline tenant)")]
    | Annotated[InlineObjectIn, Tag("(inline object)")],
    Discriminator(_kind, custom_error_type="recipient", custom_error_message="is not a recipient"),
]
# A tenant of a request.
AnyTenantIn: TypeAlias = Annotated[
    Annotated[ObjectId, Tag("(tenant id)")] | Annotated[InlineTenantIn, Tag("(inline tenant)")],
    Discriminator(
        _kind_of_tenant, custom_error_type="tenant", custom_error_message="is not a tenant"
    ),
]
