"""Chat messages (Knock docs: "Chat channels"; Management API: ChatTemplate)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, TypedDict

from pydantic import Field

from domain.channels.kind import ChannelKind, MessageContent, Target
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_CHAT
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape, Text


class ChatTemplate(Shape):
    """The template of a chat message; a JSON body wins over the Markdown."""

    markdown_body: Text
    json_body: str | None = Field(None, description="Renders to a JSON object.")
    summary: str | None = None


class ChatOverrides(Shape):
    """Settings of the channel that a step replaces."""

    link_tracking: bool | None = None
    email_based_user_id_resolution: bool | None = None


class ChatContent(TypedDict):
    """A rendered chat message: Markdown, or a JSON document that wins over it."""

    summary: str | None
    markdown: str
    json_content: JsonObject | None


class MessageChatTemplate(MessageContent):
    """The rendered template of a chat message: blocks, or a JSON document in their place."""

    summary: Any
    blocks: Any
    json_content: Any

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write one block of Markdown, or the document."""
        document = content.get("json_content")
        block = {"name": "body", "type": "markdown", "content": content.get("markdown") or ""}
        return cls(
            summary=content.get("summary"),
            blocks=None if document else [block],
            json_content=document,
        )


class MessageChatContent(MessageContent):
    """The content of a chat message."""

    typename: Literal["MessageChatContent"] = Field("MessageChatContent", alias="__typename")
    connection: Any
    template: MessageChatTemplate
    metadata: Any

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write the message; tokens are never in a snapshot, so there is none to show."""
        template = MessageChatTemplate.of(content, snapshot)
        return cls(connection=snapshot, template=template, metadata=None)


class Chat(ChannelKind):
    """The channel type `chat`."""

    channel_type: ClassVar[ChannelType] = ChannelType.CHAT
    template: ClassVar[type[Shape]] = ChatTemplate
    overrides: ClassVar[type[Shape] | None] = ChatOverrides
    template_files: ClassVar = {
        "markdown_body": TemplateFile("md"),
        "json_body": TemplateFile("json"),
    }
    content: ClassVar[type[MessageContent]] = MessageChatContent
    queue: ClassVar[str | None] = DELIVER_CHAT
    by_channel_data: ClassVar[bool] = True

    def why_unreachable(self, target: Target) -> str | None:
        """Whoever has stored connections is reached."""
        return None
