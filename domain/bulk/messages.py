"""What a bulk operation over the messages of a channel is asked for.

Source: Knock API reference, "Bulk update message statuses for channel"; its mobile clients write a
filter that they do not use as an empty string or as null, and its older ones `user_ids`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from domain.bulk.operations import MAX_ITEMS
from domain.kit.filters import DataFilter
from domain.kit.json_types import JsonObject, JsonValue, read_json
from domain.kit.shapes import DocumentedAs, Instant, Shape, Wrong
from domain.kit.storable import storable_object
from domain.messages.engagement import Engagement
from domain.messages.filters import ENGAGEMENT_FILTERS, Archived
from domain.messages.statuses import DeliveryStatus
from domain.recipients.shapes import UserId

T = TypeVar("T")


class BulkAction(StrEnum):
    """What can be done to the messages of a channel."""

    SEEN = "seen"
    UNSEEN = "unseen"
    READ = "read"
    UNREAD = "unread"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    INTERACTED = "interacted"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"

    @property
    def engagement(self) -> Engagement | None:
        """Return what becomes of the messages; None when they are deleted."""
        if self is BulkAction.DELETE:
            return None
        return Engagement(_OTHER_NAMES.get(self, self.value))


_OTHER_NAMES: Mapping[BulkAction, str] = {
    BulkAction.ARCHIVE: "archived",
    BulkAction.UNARCHIVE: "unarchived",
}


def _given(value: JsonValue) -> JsonValue:
    return None if value == "" else value


def _flag(value: JsonValue) -> JsonValue:
    return {"": None, "true": True, "false": False}.get(value, value) if _is_text(value) else value


def _list(value: JsonValue) -> JsonValue:
    if _is_text(value):
        return [value] if value else None
    return value


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str)


def _data(value: JsonValue) -> JsonObject | None:
    """Read what the trigger's data must have: an object, or the text of one."""
    if _is_text(value):
        try:
            value = read_json(value) if value else None
        except (ValueError, RecursionError):
            raise Wrong("must be a JSON object") from None
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Wrong("must be a JSON object")
    if any(isinstance(member, (dict, list)) for member in value.values()):
        raise Wrong("must not have nested values")
    if storable_object(value) != value:
        raise Wrong("has text that cannot be stored")
    return value


_GIVEN = BeforeValidator(_given)
_LIST = BeforeValidator(_list)
_MANY = Field(max_length=MAX_ITEMS)
_Users = Annotated[list[UserId], _MANY]
_Texts = Annotated[list[str], _MANY]


class BulkMessagesIn(Shape):
    """Which messages of a channel; without any filter all of them."""

    archived: Annotated[Archived | None, Field(strict=False), _GIVEN] = Field(
        None, description="Only archived messages, or only messages that are not archived."
    )
    delivery_status: Annotated[DeliveryStatus | None, Field(strict=False), _GIVEN] = None
    engagement_status: Annotated[
        str | None,
        Field(json_schema_extra={"enum": [*ENGAGEMENT_FILTERS, None]}),
        _GIVEN,
        BeforeValidator(lambda value: _one_of(value, ENGAGEMENT_FILTERS)),
    ] = None
    has_tenant: Annotated[bool | None, BeforeValidator(_flag)] = None
    newer_than: Annotated[Instant | None, _GIVEN] = None
    older_than: Annotated[Instant | None, _GIVEN] = None
    recipient_ids: Annotated[_Users | None, _LIST] = Field(
        None, description="Only messages for these users."
    )
    user_ids: Annotated[_Users | None, _LIST] = Field(
        None, description="The name that older clients use for `recipient_ids`."
    )
    tenants: Annotated[_Texts | None, _LIST] = None
    workflows: Annotated[_Texts | None, _LIST] = Field(None, description="Keys of workflows.")
    trigger_data: Annotated[
        Any, BeforeValidator(_data), DocumentedAs(str | dict[str, Any] | None)
    ] = Field(None, description="Values that the trigger's data must have, as JSON text or object.")

    def filters(self) -> BulkMessageFilters:
        """Return the filters, with users each once."""
        users = self.recipient_ids if self.recipient_ids is not None else self.user_ids
        return BulkMessageFilters(
            archived=self.archived,
            delivery_status=self.delivery_status,
            engagement_status=self.engagement_status,
            has_tenant=self.has_tenant,
            newer_than=self.newer_than,
            older_than=self.older_than,
            user_ids=None if users is None else list(dict.fromkeys(users)),
            tenants=self.tenants,
            workflows=self.workflows,
            trigger_data=DataFilter.of_json(self.trigger_data) if self.trigger_data else None,
        )

    def stored(self) -> JsonObject:
        """Return what is kept of it, which the same shape reads."""
        return self.model_dump(mode="json", exclude_none=True)


def _one_of(value: JsonValue, words: tuple[str, ...]) -> JsonValue:
    if isinstance(value, str) and value and value not in words:
        raise Wrong(f"must be one of: {', '.join(words)}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMessageFilters:
    """Which messages of a channel; None is no limit."""

    archived: Archived | None
    delivery_status: DeliveryStatus | None
    engagement_status: str | None
    has_tenant: bool | None
    newer_than: datetime | None
    older_than: datetime | None
    user_ids: list[str] | None
    tenants: list[str] | None
    workflows: list[str] | None
    trigger_data: DataFilter | None
