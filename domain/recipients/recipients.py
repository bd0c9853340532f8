"""Recipients as callers write and read them: parsing, limits, wire shapes.

Source: Knock docs "Users", "Objects", "Tenants", "Identifying recipients"; a plain string refers to
a user, an object with `collection` to an object, an object without one identifies a user inline.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.kit.clock import iso, parse_instant
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.kit.violations import Violations, as_object
from domain.recipients.refs import TENANTS, USERS, RecipientRef

MAX_ID_CHARACTERS = 256
MAX_PROPERTIES_BYTES = 256 * 1024
MAX_SET_ID_CHARACTERS = 255
TOO_LARGE = "custom properties exceed 256 kB"
# How a preference set is to be stored; never a part of it.
STRATEGY = "__persistence_strategy__"
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
_USER_TEXTS = ("name", "email", "phone_number", "avatar", "locale", "timezone")
_TENANT_TEXTS = ("name",)


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


def parse_recipient(raw: JsonValue, field: str) -> InlineRecipient:
    """Read one recipient or actor of a request.

    Raises:
        InvalidParams: it is none; `field` begins the path of each violation.
    """
    if isinstance(raw, str):
        return InlineRecipient(RecipientRef.user(_checked_id(raw, field, forbidden="/#")))
    if not isinstance(raw, dict):
        raise InvalidParams.of(
            field, "must be a user id, an object reference or an inline recipient"
        )
    collection = raw.get("collection")
    if collection is None or collection == USERS:
        ref = RecipientRef.user(_checked_id(raw.get("id"), f"{field}.id", forbidden="/#"))
        bare = collection == USERS and raw.keys() <= {"id", "collection"}
    else:
        ref = RecipientRef(
            _checked_id(collection, f"{field}.collection", forbidden="/"),
            _checked_id(raw.get("id"), f"{field}.id"),
        )
        bare = raw.keys() <= {"id", "collection"}
    return InlineRecipient(ref) if bare else parse_properties(ref, raw, field)


def parse_tenant(raw: JsonValue, field: str) -> InlineRecipient:
    """Read a tenant given by id or inline; an unknown id becomes a stub, so it always stores."""
    if isinstance(raw, str):
        return InlineRecipient(RecipientRef(TENANTS, _checked_id(raw, field)), properties={})
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be a tenant id or an inline tenant")
    ref = RecipientRef(TENANTS, _checked_id(raw.get("id"), f"{field}.id"))
    return parse_properties(ref, raw, field)


def parse_properties(ref: RecipientRef, raw: JsonObject, field: str) -> InlineRecipient:
    """Read what a request stores about a recipient (custom properties stand at the top level).

    A `created_at` that cannot be read is left out: it is the caller's own note, and no reason to
    lose the recipient.

    Raises:
        InvalidParams: with each reserved property that has the wrong form, or because all
            properties together pass 256 kB.
    """
    prefix = f"{field}." if field else ""
    violations = Violations()
    texts: tuple[str, ...] = ()
    excluded = _NOT_PROPERTIES
    settings, replaces = None, False
    if ref.collection == USERS:
        texts = _USER_TEXTS
    elif ref.collection == TENANTS:
        texts, excluded = _TENANT_TEXTS, excluded | {"settings"}
        found = violations.check(_parse_settings, raw.get("settings"), f"{prefix}settings")
        settings, replaces = found or (None, False)
    for name in texts:
        if not isinstance(raw.get(name), str | None):
            violations.add(f"{prefix}{name}", "must be a string or null")
    channel_data, preferences, trigger_data = (
        violations.check(parse, raw.get(name), f"{prefix}{name}")
        for name, parse in (
            ("channel_data", _parse_channel_data),
            ("preferences", _parse_preferences),
            ("$trigger_data", _object_or_none),
        )
    )
    properties = {key: value for key, value in raw.items() if key not in excluded}
    if encoded_size(properties) > MAX_PROPERTIES_BYTES:
        violations.add(field or "properties", TOO_LARGE)
    violations.raise_any()
    return InlineRecipient(
        ref,
        properties,
        settings,
        parse_instant(raw.get("created_at")),
        channel_data,
        preferences,
        trigger_data,
        replaces,
    )


def combined(first: InlineRecipient | None, second: InlineRecipient) -> InlineRecipient:
    """Join two mentions of one recipient in one request, as if the second had come after."""
    if first is None or first.properties is None:
        return second
    if second.properties is None:
        return first
    return InlineRecipient(
        first.ref,
        _merged(first.properties, second.properties),
        _merged(first.settings, second.settings),
        second.created_at or first.created_at,
        {**(first.channel_data or {}), **(second.channel_data or {})} or None,
        _merged(first.preferences, second.preferences),
        first.trigger_data if second.trigger_data is None else second.trigger_data,
        first.replaces_preferences or second.replaces_preferences,
    )


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


def _checked_id(raw: JsonValue, field: str, *, forbidden: str = "") -> str:
    if not isinstance(raw, str) or not raw:
        raise InvalidParams.of(field, "must be a non-empty string")
    if len(raw) > MAX_ID_CHARACTERS:
        raise InvalidParams.of(field, f"must have at most {MAX_ID_CHARACTERS} characters")
    if any(character in raw for character in forbidden):
        raise InvalidParams.of(field, f"must not contain any of: {' '.join(forbidden)}")
    return raw


def _object_or_none(raw: JsonValue, field: str) -> JsonObject | None:
    return None if raw is None else as_object(raw, field)


def _parse_settings(raw: JsonValue, field: str) -> tuple[JsonObject | None, bool]:
    """Read a tenant's settings, and whether the preference set in them replaces what is stored."""
    settings = _object_or_none(raw, field)
    if settings is None or settings.get("preference_set") is None:
        return settings, False
    given = as_object(settings["preference_set"], f"{field}.preference_set")
    content, replaces = _without_strategy(given, f"{field}.preference_set")
    return {**settings, "preference_set": content}, replaces


def _without_strategy(content: JsonObject, field: str) -> tuple[JsonObject, bool]:
    """Take the directive out of a preference set, and tell whether it says to replace."""
    strategy = content.get(STRATEGY)
    if strategy not in (None, "merge", "replace"):
        raise InvalidParams.of(f"{field}.{STRATEGY}", "must be merge or replace")
    return {key: value for key, value in content.items() if key != STRATEGY}, strategy == "replace"


def _parse_channel_data(raw: JsonValue, field: str) -> JsonObject | None:
    document = _object_or_none(raw, field)
    if document is None:
        return None
    for channel_id in document:
        try:
            uuid.UUID(channel_id)
        except ValueError:
            raise InvalidParams.of(f"{field}.{channel_id}", "is not a channel id") from None
    return {key: _object_or_none(value, f"{field}.{key}") for key, value in document.items()}


def _parse_preferences(raw: JsonValue, field: str) -> JsonObject | None:
    """Read preference sets by id; given inline they are always merged, whatever they say."""
    document = _object_or_none(raw, field)
    if document is None:
        return None
    violations = Violations()
    sets: JsonObject = {}
    for set_id, content in document.items():
        place = f"{field}.{set_id[:MAX_SET_ID_CHARACTERS]}"
        if not 0 < len(set_id) <= MAX_SET_ID_CHARACTERS:
            violations.add(place, f"must have an id of 1 to {MAX_SET_ID_CHARACTERS} characters")
        given = violations.check(as_object, content, place) or {}
        sets[set_id] = (violations.check(_without_strategy, given, place) or ({}, False))[0]
    violations.raise_any()
    return sets


def user_wire(row: Mapping[str, Any]) -> JsonObject:
    """Write a user as the API answers it; `row` is one of table `recipients`."""
    return {
        "name": None,
        "email": None,
        "phone_number": None,
        "avatar": None,
        "timezone": None,
        **row["properties"],
        "__typename": "User",
        "id": row["id"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def tenant_wire(row: Mapping[str, Any]) -> JsonObject:
    """Write a tenant as the API answers it; its own preference set always has the id `default`."""
    settings: JsonObject = {"branding": None, "preference_set": None, **(row["settings"] or {})}
    if isinstance(settings["preference_set"], dict):
        settings["preference_set"] = {"id": "default", **settings["preference_set"]}
    return {
        "name": None,
        **row["properties"],
        "__typename": "Tenant",
        "id": row["id"],
        "settings": settings,
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def object_wire(row: Mapping[str, Any]) -> JsonObject:
    """Write an object as the API answers it: custom properties stand under `properties`."""
    return {
        "__typename": "Object",
        "id": row["id"],
        "collection": row["collection"],
        "properties": row["properties"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def public_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a recipient's row to what everybody may see: id, name and avatar."""
    shown = {name: row["properties"].get(name) for name in ("name", "avatar")}
    return {**row, "properties": shown, "settings": None, "created_at": None}


def recipient_wire(row: Mapping[str, Any]) -> JsonObject:
    """Write any recipient as the API answers it."""
    return user_wire(row) if row["collection"] == USERS else object_wire(row)


def recipient_variable(row: Mapping[str, Any]) -> JsonObject:
    """Write any recipient as templates and conditions see it: properties at the top level."""
    variable = {
        **row["properties"],
        "__typename": "User" if row["collection"] == USERS else "Object",
        "id": row["id"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }
    if row["collection"] != USERS:
        variable["collection"] = row["collection"]
    if row["settings"] is not None:
        variable["settings"] = row["settings"]
    return variable
