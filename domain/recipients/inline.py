"""Recipients that a request names, each with what is to be stored of it; two mentions make one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, encoded_size
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import (
    AnyRecipientIn,
    AnyTenantIn,
    InlineIn,
    RecipientIn,
    ReferenceIn,
    TenantIn,
)

MAX_PROPERTIES_BYTES = 256 * 1024
TOO_LARGE = "custom properties exceed 256 kB"
# Branding and a preference set; Knock documents no limit.
MAX_SETTINGS_BYTES = 256 * 1024
SETTINGS_TOO_LARGE = "the settings exceed 256 kB"


@dataclass(frozen=True, slots=True)
class InlineRecipient:
    """A recipient named in a request, with what is to be stored about it.

    Attributes:
        ref: whom it names.
        properties: None for a bare reference, which stores nothing.
        settings: a tenant's settings (branding, preference set).
        replaces_preferences: whether the tenant's preference set is replaced, not merged.
        created_at: when the caller's own system made it.
        channel_data: by channel id; replaces what is stored for that channel.
        preferences: by set id; merged into what is stored.
        trigger_data: merged over the trigger's data for this recipient only.
    """

    ref: RecipientRef
    properties: JsonObject | None = None
    settings: JsonObject | None = None
    created_at: datetime | None = None
    channel_data: JsonObject | None = None
    preferences: JsonObject | None = None
    trigger_data: JsonObject | None = None
    replaces_preferences: bool = False

    @classmethod
    def of(cls, ref: RecipientRef, given: RecipientIn, field: str = "") -> InlineRecipient:
        """Say what a request says about a recipient.

        Raises:
            InvalidParams: all properties together have more than 256 kB, at `field`, if there is
                one; or the settings have.
        """
        properties, wrong = given.properties(), []
        if encoded_size(properties) > MAX_PROPERTIES_BYTES:
            wrong.append(FieldError(field or "properties", TOO_LARGE))
        settings = given.settings if isinstance(given, TenantIn) else None
        said = settings.content() if settings else None
        if said and encoded_size(said) > MAX_SETTINGS_BYTES:
            wrong.append(FieldError(f"{field}.settings".lstrip("."), SETTINGS_TOO_LARGE))
        if wrong:
            raise InvalidParams(wrong)
        new_set = settings.preference_set if settings else None
        sets = given.preferences
        return cls(
            ref,
            properties,
            said,
            given.created_at,
            given.channel_data,
            None if sets is None else {key: one.content() for key, one in sets.items()},
            given.trigger_data if isinstance(given, InlineIn) else None,
            new_set is not None and new_set.persistence == "replace",
        )


def inline(given: AnyRecipientIn, field: str) -> InlineRecipient:
    """Say whom a recipient of a request names, and what it says about them.

    Raises:
        InvalidParams: all properties together have more than 256 kB.
    """
    if isinstance(given, str):
        return InlineRecipient(RecipientRef(USERS, given))
    if isinstance(given, ReferenceIn):
        return InlineRecipient(RecipientRef(given.collection, given.id))
    collection = given.collection or USERS
    ref = RecipientRef(collection, given.id)
    is_bare = given.model_fields_set <= {"id", "collection"} and not given.model_extra
    if is_bare and given.collection is not None:
        return InlineRecipient(ref)
    return InlineRecipient.of(ref, given, field)


def inline_tenant(given: AnyTenantIn, field: str) -> InlineRecipient:
    """Say which tenant a request names; an unknown id becomes a stub, so it always stores.

    Raises:
        InvalidParams: all properties together have more than 256 kB.
    """
    if isinstance(given, str):
        return InlineRecipient(RecipientRef(TENANTS, given), properties={})
    return InlineRecipient.of(RecipientRef(TENANTS, given.id), given, field)


def combined(first: InlineRecipient | None, second: InlineRecipient) -> InlineRecipient:
    """Join two mentions of one recipient in one request, as if the second had come after."""
    if first is None or first.properties is None:
        return second
    if second.properties is None:
        return first
    return InlineRecipient(
        first.ref,
        _merged(first.properties, second.properties),
        _settings(first, second),
        second.created_at or first.created_at,
        {**_stored(first.channel_data), **_stored(second.channel_data)} or None,
        _merged(first.preferences, second.preferences),
        first.trigger_data if second.trigger_data is None else second.trigger_data,
        first.replaces_preferences or second.replaces_preferences,
    )


def _settings(first: InlineRecipient, second: InlineRecipient) -> JsonObject | None:
    """Join the settings of two mentions; a preference set that replaces leaves none before it."""
    before = first.settings
    if before is not None and second.replaces_preferences:
        before = {key: value for key, value in before.items() if key != "preference_set"}
    return _merged(before, second.settings)


def _stored(channel_data: JsonObject | None) -> JsonObject:
    """Return what is stored of channel data: null says nothing."""
    return {key: data for key, data in (channel_data or {}).items() if data is not None}


def _merged(first: JsonObject | None, second: JsonObject | None) -> JsonObject | None:
    """Merge objects deeply, as the database does; other values are replaced."""
    if first is None or second is None:
        return second if first is None else first
    merged = dict(first)
    for key, value in second.items():
        before = merged.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[key] = _merged(before, value) if both else value
    return merged
