"""Chat messages (Knock docs: "Chat channels"; Management API: ChatTemplate)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict

from pydantic import Field

from domain.channels.channel_data import BY_PHONE_NUMBER
from domain.channels.kind import ChannelKind, Destination, MessageContent, Target
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_CHAT
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Shape, Text

NO_DATA = "recipient has no channel data"
MOST_CONNECTIONS = 100


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


class ChatBlock(Shape):
    """The text of a chat message."""

    name: str
    type: Literal["markdown"]
    content: str


class MessageChatTemplate(MessageContent):
    """The rendered template of a chat message: blocks, or a JSON document in their place."""

    summary: Annotated[Any, DocumentedAs(str | None)]
    blocks: Annotated[Any, DocumentedAs(list[ChatBlock] | None)]
    json_content: Annotated[Any, DocumentedAs(dict[str, Any] | None)]

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
    connection: Annotated[Any, DocumentedAs(dict[str, Any])]
    template: MessageChatTemplate
    metadata: Annotated[Any, DocumentedAs(dict[str, Any] | None)]

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write the message; tokens are never in a snapshot, so there is none to show."""
        template = MessageChatTemplate.of(content, snapshot)
        return cls(connection=snapshot, template=template, metadata=None)


class Chat(ChannelKind):
    """The channel type `chat`."""

    channel_type: ClassVar[ChannelType] = ChannelType.CHAT
    label: ClassVar[str] = "Chat"
    template: ClassVar[type[Shape]] = ChatTemplate
    overrides: ClassVar[type[Shape] | None] = ChatOverrides
    template_files: ClassVar = {
        "markdown_body": TemplateFile("md"),
        "json_body": TemplateFile("json"),
    }
    content: ClassVar[type[MessageContent]] = MessageChatContent
    queue: ClassVar[str | None] = DELIVER_CHAT
    by_channel_data: ClassVar[bool] = True
    click_reads: ClassVar[bool] = True

    # Access tokens, and the addresses of incoming webhooks, which let anybody post.
    secret_content: ClassVar[frozenset[str]] = frozenset({"connection"})

    def why_unreachable(self, target: Target) -> str | None:
        """Whoever has stored connections is reached, and who is found by e-mail or phone."""
        if target.provider in BY_PHONE_NUMBER:
            has_number = target.recipient.get("phone_number")
            return None if has_number else "recipient has no phone_number"
        if self.destinations(target):
            return None
        return "recipient has no connections" if target.channel_data else NO_DATA

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return Markdown, or the JSON document that wins over it, and the summary."""
        filled: JsonObject = {"markdown_body": content["markdown"]}
        if content["json_content"] is not None:
            filled["json_body"] = json.dumps(content["json_content"], ensure_ascii=False)
        if content["summary"] is not None:
            filled["summary"] = content["summary"]
        return filled

    def destinations(self, target: Target) -> Sequence[Destination]:
        """Every connection gets a message.

        Where it leads says the recipient, whose workspace it is in the tenant of the run, whose
        credentials win (Knock docs: "Slack", "Microsoft Teams"). By WhatsApp a person has a phone
        number, and no connections.
        """
        if target.provider in BY_PHONE_NUMBER:
            number = {"phone_number": target.recipient.get("phone_number")}
            return [Destination(content={"connection": number}, remembered=number)]
        given = (target.channel_data or {}).get("connections")
        connections = (
            [each for each in given if isinstance(each, dict) and each]
            if isinstance(given, list)
            else []
        )
        shared = {**_credentials(target.channel_data), **_credentials(target.tenant_data)}
        found = [
            Destination.named_by(
                connection,
                content={"connection": {**connection, **shared}},
                remembered=_shown(connection),
            )
            for connection in connections[-MOST_CONNECTIONS:]
        ]
        email = target.recipient.get("email")
        if found or not email or not target.settings.get("email_based_user_id_resolution"):
            return found
        if "access_token" not in shared:
            return []
        # Whoever sends the message asks for the person behind the address.
        content = {"connection": {**shared, "email": email}}
        return [Destination(content=content, remembered={"email": email})]


def goes_to_phone(content: JsonObject) -> bool:
    """Tell whether a message goes to a phone number, where there is no Markdown."""
    connection = content.get("connection")
    return isinstance(connection, dict) and "phone_number" in connection


def _credentials(channel_data: JsonObject | None) -> JsonObject:
    """Return what somebody has stored of a workspace as a whole."""
    given = channel_data or {}
    token = given.get("token")
    access_token = token.get("access_token") if isinstance(token, dict) else None
    known = {
        "access_token": access_token,
        "ms_teams_tenant_id": given.get("ms_teams_tenant_id"),
    }
    return {name: value for name, value in known.items() if value}


def _shown(connection: JsonObject) -> JsonObject:
    """Return of a connection where it leads, and no more if that is a secret."""
    names = ("channel_id", "user_id", "ms_teams_team_id", "ms_teams_channel_id", "ms_teams_user_id")
    shown: JsonObject = {name: connection[name] for name in names if connection.get(name)}
    return shown or {"via_incoming_webhook": "incoming_webhook" in connection}
