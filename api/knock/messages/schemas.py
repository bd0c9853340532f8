"""Wire shapes of messages, their contents, events, delivery logs and activities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.knock.common import ObjectReference, Out, PageInfoOut, RecipientOut, recipient_reference
from api.knock.recipients.schemas import recipient_out
from domain.kit.clock import iso
from domain.kit.ids import activity_id
from domain.kit.json_types import JsonObject
from domain.messages.statuses import ENGAGEMENT_COLUMNS, DeliveryStatus, EngagementStatus
from domain.recipients.recipients import Recipient
from services.messages.facts import engagement_of
from services.messages.messages import TriggerActivity


class ChannelOut(Out):
    """The channel of a message."""

    id: str
    key: str | None
    name: str | None
    provider: str
    type: str
    created_at: datetime
    updated_at: datetime


class SourceOut(Out):
    """The workflow that made a message."""

    typename: str = Field(alias="__typename", examples=["NotificationSource"])
    type: Literal["workflow"]
    key: str
    version_id: str
    categories: list[str]
    step_ref: str | None
    workflow_run_id: str | None
    workflow_recipient_run_id: str | None


class MessageOut(Out):
    """A notification for one recipient on one channel."""

    typename: str = Field(alias="__typename", examples=["Message"])
    id: str
    channel_id: str = Field(deprecated=True)
    channel: ChannelOut | None
    status: DeliveryStatus
    engagement_statuses: list[EngagementStatus]
    recipient: str | ObjectReference
    actors: list[str | ObjectReference]
    tenant: str | None
    workflow: str | None = Field(deprecated=True)
    source: SourceOut
    data: dict[str, Any] | None
    metadata: dict[str, Any] | None
    recipient_snapshot: dict[str, Any] | None
    seen_at: datetime | None
    read_at: datetime | None
    interacted_at: datetime | None
    link_clicked_at: datetime | None
    clicked_at: datetime | None = Field(deprecated=True)
    archived_at: datetime | None
    scheduled_at: datetime | None
    inserted_at: datetime
    updated_at: datetime


class MessagePageOut(Out):
    """A page of messages."""

    items: list[MessageOut]
    page_info: PageInfoOut


class ContentOut(Out):
    """What was rendered for a message; `data` has one shape per channel type."""

    typename: str = Field(alias="__typename", examples=["MessageContent"])
    message_id: str
    inserted_at: datetime
    data: dict[str, Any]


class EventOut(Out):
    """One change of a message's status."""

    typename: str = Field(alias="__typename", examples=["MessageEvent"])
    id: str
    type: str = Field(examples=["message.seen"])
    recipient: str | ObjectReference
    data: dict[str, Any] | None
    inserted_at: datetime


class EventPageOut(Out):
    """A page of message events."""

    items: list[EventOut]
    page_info: PageInfoOut


class DeliveryLogOut(Out):
    """One call of a provider, with secrets redacted."""

    typename: str = Field(alias="__typename", examples=["MessageDeliveryLog"])
    id: str
    environment_id: str
    service_name: str
    request: dict[str, Any]
    response: dict[str, Any]
    inserted_at: datetime


class DeliveryLogPageOut(Out):
    """A page of delivery logs."""

    items: list[DeliveryLogOut]
    page_info: PageInfoOut


class ActivityOut(Out):
    """One trigger as the recipient sees it."""

    typename: str = Field(alias="__typename", examples=["Activity"])
    id: str
    actor: RecipientOut | None
    recipient: RecipientOut | None
    data: dict[str, Any]
    inserted_at: datetime
    updated_at: datetime


class ActivityPageOut(Out):
    """A page of activities."""

    items: list[ActivityOut]
    page_info: PageInfoOut


class InteractionIn(BaseModel):
    """What was interacted with: at most five flat pairs."""

    metadata: dict[str, Any] | None = None


class BatchIn(BaseModel):
    """Up to 50 messages."""

    message_ids: list[str] = Field(min_length=1, max_length=50)


class BatchInteractionIn(BatchIn, InteractionIn):
    """Up to 50 messages, and what was interacted with."""


def engagement_times(row: dict[str, Any]) -> JsonObject:
    """Write the times of a message's engagement; `clicked_at` is the older name of a click."""
    times: JsonObject = {column: iso(row[column]) for column in ENGAGEMENT_COLUMNS.values()}
    return {**times, "clicked_at": times["link_clicked_at"]}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def message_wire(row: dict[str, Any]) -> JsonObject:
    """Write a message."""
    return {
        "__typename": "Message",
        "id": str(row["id"]),
        "channel_id": str(row["channel_id"]),
        "channel": _channel_wire(row),
        "status": row["delivery_status"],
        "engagement_statuses": engagement_of(row),
        "recipient": recipient_reference(row),
        "actors": row["actors"],
        "tenant": row["tenant_id"],
        "workflow": row["workflow_key"],
        "source": {
            "__typename": "NotificationSource",
            "type": "workflow",
            "key": row["workflow_key"],
            "version_id": str(row["version_id"]),
            "categories": row["categories"],
            "step_ref": row["step_ref"],
            "workflow_run_id": _text(row["workflow_run_id"]),
            "workflow_recipient_run_id": _text(row["recipient_run_id"]),
        },
        "data": row["data"],
        "metadata": row["provider_metadata"],
        "recipient_snapshot": row["recipient_snapshot"],
        **engagement_times(row),
        "scheduled_at": iso(row["scheduled_at"]),
        "inserted_at": iso(row["inserted_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _channel_wire(row: dict[str, Any]) -> JsonObject | None:
    if row["channel_key"] is None:
        return None
    return {
        "id": str(row["channel_id"]),
        "key": row["channel_key"],
        "name": row["channel_name"],
        "provider": row["channel_provider"],
        "type": row["channel_type"],
        "created_at": iso(row["channel_inserted_at"]),
        "updated_at": iso(row["channel_updated_at"]),
    }


def event_wire(message: dict[str, Any], row: dict[str, Any]) -> JsonObject:
    """Write a message event."""
    return {
        "__typename": "MessageEvent",
        "id": str(row["id"]),
        "type": row["event_type"],
        "recipient": recipient_reference(message),
        "data": row["data"],
        "inserted_at": iso(row["inserted_at"]),
    }


def delivery_log_wire(row: dict[str, Any]) -> JsonObject:
    """Write a delivery attempt; a call that got no answer has an empty response."""
    return {
        "__typename": "MessageDeliveryLog",
        "id": str(row["id"]),
        "environment_id": str(row["environment_id"]),
        "service_name": row["service_name"],
        "request": row["request"],
        "response": row["response"] or {},
        "inserted_at": iso(row["inserted_at"]),
    }


def activity_wire(found: TriggerActivity) -> JsonObject:
    """Write what one trigger contributed to a message."""
    return {
        "__typename": "Activity",
        "id": str(activity_id(found.message["id"])),
        "actor": _person(found.actor),
        "recipient": _person(found.recipient),
        "data": found.data,
        "inserted_at": iso(found.message["inserted_at"]),
        "updated_at": iso(found.message["inserted_at"]),
    }


def _person(found: Recipient | None) -> JsonObject | None:
    return recipient_out(found).model_dump(mode="json") if found else None


def content_wire(row: dict[str, Any]) -> JsonObject:
    """Write the content of a message."""
    shape = _CONTENTS.get(row["channel_type"], _http)
    return {
        "__typename": "MessageContent",
        "message_id": str(row["id"]),
        "inserted_at": iso(row["inserted_at"]),
        "data": shape(row["content"], row["recipient_snapshot"] or {}),
    }


def _email(content: JsonObject, _: JsonObject) -> JsonObject:
    names = ("from", "to", "cc", "bcc", "reply_to", "subject_line", "html_body", "text_body")
    return {"__typename": "MessageEmailContent", **{name: content.get(name) for name in names}}


def _sms(content: JsonObject, _: JsonObject) -> JsonObject:
    return {
        "__typename": "MessageSmsContent",
        "to": content.get("to"),
        "body": content.get("body"),
    }


def _push(content: JsonObject, snapshot: JsonObject) -> JsonObject:
    return {
        "__typename": "MessagePushContent",
        "token": snapshot.get("token") or "",
        "title": content.get("title") or "",
        "body": content.get("body") or "",
        "data": (content.get("overrides") or {}).get("data"),
    }


def _chat(content: JsonObject, snapshot: JsonObject) -> JsonObject:
    document = content.get("json_content")
    block = {"name": "body", "type": "markdown", "content": content.get("markdown") or ""}
    return {
        "__typename": "MessageChatContent",
        # Tokens are never stored in a snapshot, so there is none to show.
        "connection": snapshot,
        "template": {
            "summary": content.get("summary"),
            "blocks": None if document else [block],
            "json_content": document,
        },
        "metadata": None,
    }


def _feed(content: JsonObject, _: JsonObject) -> JsonObject:
    return {"__typename": "MessageInAppFeedContent", "blocks": content.get("blocks") or []}


def _http(content: JsonObject, _: JsonObject) -> JsonObject:
    """Knock publishes no shape for webhooks; this one is ours. Secrets are masked in it."""
    names = ("method", "url", "headers", "query_params", "body")
    return {"__typename": "MessageHttpContent", **{name: content.get(name) for name in names}}


_CONTENTS: dict[str, Callable[[JsonObject, JsonObject], JsonObject]] = {
    "email": _email,
    "sms": _sms,
    "push": _push,
    "chat": _chat,
    "in_app_feed": _feed,
}
