"""Recipients as callers write and read them: parsing, limits, wire shapes.

Source: Knock docs "Users", "Objects", "Tenants", "Identifying recipients"; a plain string refers to
a user, an object with `collection` to an object, an object without one identifies a user inline.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.clock import iso, parse_instant
from domain.errors import FieldError, InvalidParams
from domain.json_types import JsonObject, JsonValue
from domain.refs import TENANTS, USERS, RecipientRef

MAX_ID_CHARACTERS = 256
MAX_PROPERTIES_BYTES = 256 * 1024
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


@dataclass(frozen=True, slots=True)
class InlineRecipient:
    """A recipient named in a request, with what is to be stored about it.

    Attributes:
        ref: whom it names.
        properties: None for a bare reference, which stores nothing.
        settings: a tenant's settings (branding, preference set).
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


def parse_recipient(raw: JsonValue, field: str) -> InlineRecipient:
    """Read one recipient or actor of a request.

    Raises:
        InvalidParams: it is none; `field` begins the path of each violation.
    """
    if isinstance(raw, str):
        return InlineRecipient(RecipientRef.user(_checked_id(raw, field, user=True)))
    if not isinstance(raw, dict):
        raise InvalidParams.of(
            field, "must be a user id, an object reference or an inline recipient"
        )
    collection = raw.get("collection")
    if collection is None or collection == USERS:
        ref = RecipientRef.user(_checked_id(raw.get("id"), f"{field}.id", user=True))
        bare = collection == USERS and raw.keys() <= {"id", "collection"}
    else:
        ref = RecipientRef(
            _checked_id(collection, f"{field}.collection"),
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

    Raises:
        InvalidParams: a reserved property has the wrong form, or all together pass 256 kB.
    """
    prefix = f"{field}." if field else ""
    settings = None
    excluded = _NOT_PROPERTIES
    if ref.collection == TENANTS:
        settings = _object_or_none(raw.get("settings"), f"{prefix}settings")
        excluded = excluded | {"settings"}
    properties = {key: value for key, value in raw.items() if key not in excluded}
    if len(json.dumps(properties)) > MAX_PROPERTIES_BYTES:
        raise InvalidParams.of(field or "properties", "custom properties exceed 256 kB")
    return InlineRecipient(
        ref,
        properties,
        settings,
        _parse_created_at(raw.get("created_at"), f"{prefix}created_at"),
        _parse_channel_data(raw.get("channel_data"), f"{prefix}channel_data"),
        _parse_preferences(raw.get("preferences"), f"{prefix}preferences"),
        _object_or_none(raw.get("$trigger_data"), f"{prefix}$trigger_data"),
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


def _checked_id(raw: JsonValue, field: str, *, user: bool = False) -> str:
    if not isinstance(raw, str) or not raw:
        raise InvalidParams.of(field, "must be a non-empty string")
    if len(raw) > MAX_ID_CHARACTERS:
        raise InvalidParams.of(field, f"must have at most {MAX_ID_CHARACTERS} characters")
    if user and ("/" in raw or "#" in raw):
        raise InvalidParams.of(field, "must not contain '/' or '#'")
    return raw


def _object_or_none(raw: JsonValue, field: str) -> JsonObject | None:
    if raw is None or isinstance(raw, dict):
        return raw
    raise InvalidParams.of(field, "must be an object")


def _parse_created_at(raw: JsonValue, field: str) -> datetime | None:
    if raw is None:
        return None
    moment = parse_instant(raw)
    if moment is None:
        raise InvalidParams.of(field, "must be an ISO 8601 date-time")
    return moment


def _parse_channel_data(raw: JsonValue, field: str) -> JsonObject | None:
    document = _object_or_none(raw, field)
    for channel_id, data in (document or {}).items():
        try:
            uuid.UUID(channel_id)
        except ValueError:
            raise InvalidParams.of(f"{field}.{channel_id}", "is not a channel id") from None
        _object_or_none(data, f"{field}.{channel_id}")
    return document


def _parse_preferences(raw: JsonValue, field: str) -> JsonObject | None:
    document = _object_or_none(raw, field)
    errors = [
        FieldError(f"{field}.{set_id}", "must be an object")
        for set_id, content in (document or {}).items()
        if not isinstance(content, dict)
    ]
    if errors:
        raise InvalidParams(errors)
    return document


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
