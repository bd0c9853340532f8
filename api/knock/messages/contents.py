"""The contents of messages on the wire: `data` has one shape per channel type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import Moment, Out
from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject
from domain.messages.messages import MessageContent


class ContentOut(Out):
    """What was rendered for a message; `data` has one shape per channel type."""

    typename: Annotated[Literal["MessageContent"], Field(alias="__typename")] = "MessageContent"
    message_id: UUID
    inserted_at: Moment
    data: dict[str, Any]

    @classmethod
    def of(cls, stored: MessageContent) -> Self:
        """Write the content of a message."""
        shape = _CONTENTS.get(stored.channel_type, _http)
        return cls(
            message_id=stored.id,
            inserted_at=stored.inserted_at,
            data=shape(stored.content, stored.recipient_snapshot or {}),
        )


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
    ChannelType.EMAIL: _email,
    ChannelType.SMS: _sms,
    ChannelType.PUSH: _push,
    ChannelType.CHAT: _chat,
    ChannelType.IN_APP_FEED: _feed,
}
