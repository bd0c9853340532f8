"""What bulk requests hold: how many entries, and what an entry has to be.

Source: Knock API reference, "Bulk operations": an entry that is not right is told in the operation
and refuses nothing else, so an entry is judged apart from the list that it stands in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from domain.bulk.operations import MAX_ITEMS
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, DocumentedAs, Shape, read_shape
from domain.kit.violations import Violations
from domain.preferences.names import DEFAULT_SET
from domain.preferences.requests import PreferenceSetId, PreferenceSetIn
from domain.recipients.inline import InlineRecipient, inline_tenant
from domain.recipients.naming import NamedRecipients, named_once
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import (
    AnyRecipientIn,
    InlineTenantIn,
    InlineUserIn,
    ObjectId,
    ObjectIn,
    UserId,
)
from domain.recipients.subscriptions import MAX_RECIPIENTS, SubscriptionProperties
from domain.schedules.requests import NewSchedules, ScheduleEntryIn, new_schedule

_MANY = Field(max_length=MAX_ITEMS)


class ObjectEntryIn(ObjectIn):
    """An object by id, with what is known about it; its collection is in the path."""

    id: ObjectId


class _OneUser(Shape):
    id: UserId


class _OneObject(Shape):
    id: ObjectId


_Users: TypeAlias = Annotated[list[InlineUserIn], _MANY]
_Objects: TypeAlias = Annotated[list[ObjectEntryIn], _MANY]
_Tenants: TypeAlias = Annotated[list[ObjectId | InlineTenantIn], _MANY]
_Ids: TypeAlias = Annotated[list[str], _MANY]


class BulkIdentifyIn(Shape):
    """Users to identify; one that is not right is among the operation's `error_items`."""

    users: Annotated[list[Any], _MANY, DocumentedAs(_Users)]


class BulkSetObjectsIn(Shape):
    """Objects to set; one that is not right is among the operation's `error_items`."""

    objects: Annotated[list[Any], _MANY, DocumentedAs(_Objects)]


class BulkSetTenantsIn(Shape):
    """Tenants to set; one that is not right is among the operation's `error_items`."""

    tenants: Annotated[list[Any], _MANY, DocumentedAs(_Tenants)]


class BulkDeleteUsersIn(Shape):
    """Users to delete, by id."""

    user_ids: Annotated[list[Any], _MANY, DocumentedAs(_Ids)]


class BulkDeleteObjectsIn(Shape):
    """Objects to delete, by id."""

    object_ids: Annotated[list[Any], _MANY, DocumentedAs(_Ids)]


class UnsubscribeEntryIn(Shape):
    """Who shall no longer follow an object, by the object's id."""

    id: ObjectId
    recipients: Annotated[
        list[Any],
        Field(max_length=MAX_RECIPIENTS),
        DocumentedAs(Annotated[list[AnyRecipientIn], Field(max_length=MAX_RECIPIENTS)]),
    ]


class SubscribeEntryIn(UnsubscribeEntryIn):
    """Who shall follow an object, by the object's id."""

    properties: SubscriptionProperties | None = None


class BulkSubscribeIn(Shape):
    """Subscriptions by object; what is not right is among the operation's `error_items`."""

    subscriptions: Annotated[
        list[Any], _MANY, DocumentedAs(Annotated[list[SubscribeEntryIn], _MANY])
    ]


class BulkUnsubscribeIn(Shape):
    """Subscriptions to end, by object; what is not right is among the `error_items`."""

    subscriptions: Annotated[
        list[Any], _MANY, DocumentedAs(Annotated[list[UnsubscribeEntryIn], _MANY])
    ]


class BulkCreateSchedulesIn(Shape):
    """Schedules to make; one that is not right is among the operation's `error_items`."""

    schedules: Annotated[list[Any], _MANY, DocumentedAs(Annotated[list[ScheduleEntryIn], _MANY])]


class BulkPreferenceSetIn(PreferenceSetIn):
    """A preference set that many users get, and which of their sets it is."""

    id: PreferenceSetId = Field(DEFAULT_SET, description="`default`, or the id of a tenant.")

    def content(self) -> JsonObject:
        """Return what is said, as it was written."""
        said = super().content()
        said.pop("id", None)
        return said


class BulkSetPreferencesIn(Shape):
    """Users, by id, and the preference set that all of them get."""

    user_ids: Annotated[list[Any], _MANY, DocumentedAs(_Ids)]
    preferences: Annotated[BulkPreferenceSetIn, EMPTY_LIST_IS_OBJECT]


class _OneRecipient(Shape):
    recipients: AnyRecipientIn


class MergeIn(Shape):
    """Which user is merged into another one, and deleted."""

    from_user_id: UserId


def said_of_user(entry: JsonValue) -> InlineRecipient:
    """Read a user to be identified. Raises InvalidParams."""
    given = read_shape(InlineUserIn, _object(entry))
    return InlineRecipient.of(RecipientRef(USERS, given.id), given)


def said_of_object(entry: JsonValue, collection: str) -> InlineRecipient:
    """Read an object of a collection, such as a tenant, to be set. Raises InvalidParams."""
    if collection == TENANTS:
        return said_of_tenant(entry)
    given = read_shape(ObjectEntryIn, _object(entry))
    return InlineRecipient.of(RecipientRef(collection, given.id), given)


def said_of_tenant(entry: JsonValue) -> InlineRecipient:
    """Read a tenant to be set: an id, or an object. Raises InvalidParams."""
    content = {"id": entry} if isinstance(entry, str) else _object(entry)
    return inline_tenant(read_shape(InlineTenantIn, content), "")


def named(entry: JsonValue, collection: str) -> RecipientRef:
    """Read an id of somebody to be deleted. Raises InvalidParams."""
    content = entry if isinstance(entry, dict) else {"id": entry}
    if collection == USERS:
        return RecipientRef(USERS, read_shape(_OneUser, content).id)
    return RecipientRef(collection, read_shape(_OneObject, content).id)


def subscribed(entry: JsonValue) -> SubscribeEntryIn:
    """Read who shall follow an object. Raises InvalidParams."""
    return read_shape(SubscribeEntryIn, _object(entry))


def unsubscribed(entry: JsonValue) -> UnsubscribeEntryIn:
    """Read who shall no longer follow an object. Raises InvalidParams."""
    return read_shape(UnsubscribeEntryIn, _object(entry))


def scheduled(entry: JsonValue, *, size: int) -> NewSchedules:
    """Read a schedule to be made, of a request of so many bytes. Raises InvalidParams."""
    return new_schedule(read_shape(ScheduleEntryIn, _object(entry), size=size))


def readable_recipients(entry: UnsubscribeEntryIn) -> tuple[NamedRecipients, list[FieldError]]:
    """Return whom an entry names, each once; and why others cannot be read."""
    violations = Violations()
    readable = []
    for index, given in enumerate(entry.recipients):
        place = f"recipients[{index}]"
        one = violations.check(_one_recipient, given, place)
        if one is not None:
            readable.append((place, one))
    return named_once(readable), violations.errors


def _one_recipient(given: JsonValue, place: str) -> AnyRecipientIn:
    try:
        return read_shape(_OneRecipient, {"recipients": given}).recipients
    except InvalidParams as refusal:
        raise InvalidParams(
            [
                replace(one, field=one.field.replace("recipients", place, 1))
                for one in refusal.errors
            ]
        ) from None


def _object(entry: JsonValue) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise InvalidParams.of("entry", "must be an object")
    return entry
