"""Recipients that a request names, each with what is to be stored of it; two mentions make one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.kit.json_types import JsonObject
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import (
    AnyRecipientIn,
    AnyTenantIn,
    InlineIn,
    RecipientIn,
    ReferenceIn,
    TenantIn,
)


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
        unread: of the channel data, what its channel has not judged yet: where the request says it,
            by channel id as it is written there.
    """

    ref: RecipientRef
    properties: JsonObject | None = None
    settings: JsonObject | None = None
    created_at: datetime | None = None
    channel_data: JsonObject | None = None
    preferences: JsonObject | None = None
    trigger_data: JsonObject | None = None
    replaces_preferences: bool = False
    unread: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, ref: RecipientRef, given: RecipientIn, place: str = "") -> InlineRecipient:
        """Say what a request says about a recipient, at a place of it."""
        settings = given.settings if isinstance(given, TenantIn) else None
        new_set = settings.preference_set if settings else None
        sets = given.preferences
        data, unread = _channel_data(given.channel_data, f"{place}.channel_data".lstrip("."))
        return cls(
            ref,
            given.properties(),
            settings.content() if settings else None,
            given.created_at,
            data,
            None if sets is None else {key: one.content() for key, one in sets.items()},
            given.trigger_data if isinstance(given, InlineIn) else None,
            new_set is not None and new_set.persistence == "replace",
            unread,
        )


def _channel_data(
    given: Mapping[str, JsonObject | None] | None, place: str
) -> tuple[JsonObject | None, Mapping[str, str]]:
    """Return what is said for channels, and where; null says nothing.

    Knock's SDKs 1.0 (Python, Go, Java) write it as the operation of its own takes it: in `data`.
    """
    if given is None:
        return None, {}
    said: JsonObject = {}
    places: dict[str, str] = {}
    for channel_id, data in given.items():
        said[channel_id] = data
        if data is None:
            continue
        places[channel_id] = f"{place}.{channel_id}"
        if data.keys() == {"data"} and isinstance(data["data"], dict):
            said[channel_id] = data["data"]
            places[channel_id] += ".data"
    return said, places


def inline(given: AnyRecipientIn, place: str) -> InlineRecipient:
    """Say whom a recipient of a request names, and what it says about them."""
    if isinstance(given, str):
        return InlineRecipient(RecipientRef(USERS, given))
    if isinstance(given, ReferenceIn):
        return InlineRecipient(RecipientRef(given.collection, given.id))
    collection = given.collection or USERS
    ref = RecipientRef(collection, given.id)
    is_bare = given.model_fields_set <= {"id", "collection"} and not given.model_extra
    if is_bare and given.collection is not None:
        return InlineRecipient(ref)
    return InlineRecipient.of(ref, given, place)


def inline_tenant(given: AnyTenantIn, place: str) -> InlineRecipient:
    """Say which tenant a request names; an unknown id becomes a stub, so it always stores."""
    if isinstance(given, str):
        return InlineRecipient(RecipientRef(TENANTS, given), properties={})
    return InlineRecipient.of(RecipientRef(TENANTS, given.id), given, place)


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
        {**first.unread, **second.unread},
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
