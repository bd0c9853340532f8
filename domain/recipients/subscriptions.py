"""Subscriptions: recipients that follow an object, with properties of their own.

Source: Knock docs, "Subscriptions": 100 recipients in a call, any number to an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from domain.kit.errors import FieldError
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, Shape, Wrong, read_shape
from domain.kit.violations import Violations
from domain.recipients.naming import NamedRecipients
from domain.recipients.recipients import Include, Recipient
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import MAX_PROPERTIES_BYTES, AnyRecipientIn

MAX_RECIPIENTS = 100
_ITSELF = "must not be the object itself"


class Side(StrEnum):
    """From which side subscriptions are looked at."""

    OBJECT = "object"
    RECIPIENT = "recipient"


class UnsubscribeIn(Shape):
    """Who shall no longer follow an object."""

    recipients: Annotated[list[AnyRecipientIn], Field(max_length=MAX_RECIPIENTS)]


def _not_too_large(properties: JsonObject) -> JsonObject:
    if encoded_size(properties) > MAX_PROPERTIES_BYTES:
        raise Wrong("must have at most 256 kB")
    return properties


SubscriptionProperties = Annotated[
    dict[str, Any], EMPTY_LIST_IS_OBJECT, AfterValidator(_not_too_large)
]


class SubscribeIn(UnsubscribeIn):
    """Who shall follow an object."""

    properties: SubscriptionProperties | None = Field(
        None,
        description="Properties of each of these subscriptions; unchanged if left out.",
    )


def read_followers(target: RecipientRef, body: JsonObject) -> SubscribeIn:
    """Read who shall follow an object.

    Raises:
        InvalidParams: with every violation of the shape, and with the object itself.
    """
    violations = Violations()
    given = violations.read(read_shape, SubscribeIn, body)
    violations.extend(_mentions(target, body.get("recipients")))
    violations.raise_any()
    return given


def _mentions(target: RecipientRef, recipients: JsonValue) -> Iterator[FieldError]:
    """Tell where a list names the object that is to be followed, whatever else the list has."""
    for index, one in enumerate(recipients if isinstance(recipients, list) else ()):
        if not isinstance(one, dict):
            continue
        if one.get("collection") == target.collection and one.get("id") == target.id:
            yield FieldError(f"recipients[{index}]", _ITSELF)


def others_than(
    target: RecipientRef, named: NamedRecipients
) -> tuple[NamedRecipients, list[FieldError]]:
    """Return who of the named may follow an object; and why it does not follow itself."""
    if target not in named.places:
        return named, []
    itself = FieldError(named.places[target], _ITSELF)
    others = tuple(one for one in named.recipients if one.ref != target)
    return NamedRecipients(others, {one.ref: named.places[one.ref] for one in others}), [itself]


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a recipient follows an object."""

    object_collection: str
    object_id: str
    recipient_collection: str
    recipient_id: str
    properties: JsonObject
    inserted_at: datetime
    updated_at: datetime

    @property
    def object_ref(self) -> RecipientRef:
        """Return the object."""
        return RecipientRef(self.object_collection, self.object_id)

    @property
    def recipient_ref(self) -> RecipientRef:
        """Return who follows it."""
        return RecipientRef(self.recipient_collection, self.recipient_id)


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription with its two ends; with the recipient's preference sets, when asked for."""

    subscription: Subscription
    object: Recipient
    recipient: Recipient
    preferences: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ReachedThrough:
    """The object through which a trigger has reached a recipient, as rows say it now.

    Attributes:
        properties: of the subscription; None when it has ended since.
        object: as PostgreSQL writes it in JSON; None when it was deleted since.
    """

    properties: JsonObject | None
    object: JsonObject | None

    def variable(self) -> JsonObject:
        """Return what templates and conditions see as `recipient.subscription`."""
        found = None if self.object is None else Recipient.of_json(self.object).variable()
        return {**(self.properties or {}), "object": found}


@dataclass(frozen=True, slots=True)
class UserSubscriptionFilters:
    """Which subscriptions of a user a list is asked for: a user is always the one who follows."""

    mode: Side = Side.RECIPIENT
    recipients: list[RecipientRef] | None = None
    objects: Annotated[
        list[RecipientRef] | None,
        Filter("Only subscriptions to these objects, by `id` and `collection`."),
    ] = None
    include: Include = None

    @property
    def others(self) -> list[RecipientRef] | None:
        """Return whom the other end has to be one of."""
        return self.recipients if self.mode is Side.OBJECT else self.objects


@dataclass(frozen=True, slots=True)
class ObjectSubscriptionFilters(UserSubscriptionFilters):
    """Which subscriptions of an object a list is asked for."""

    mode: Annotated[
        Side,
        Filter("object (default): who follows the object; recipient: what the object follows."),
    ] = Side.OBJECT
    recipients: Annotated[
        list[RecipientRef] | None,
        Filter("In mode `object`: only these recipients, by user id, or by `id` and `collection`."),
    ] = None
    objects: Annotated[
        list[RecipientRef] | None,
        Filter("In mode `recipient`: only these objects, by `id` and `collection`."),
    ] = None
