"""Text messages (Knock docs: "SMS channels"; Management API: SmsTemplate, SmsChannelSettings)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self, TypedDict

from pydantic import Field

from domain.channels.kind import ChannelKind, MessageContent, Target, WrittenText, payload_settings
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_SMS
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape, Text


class SmsTemplateSettings(Shape):
    """Where a text message goes, and what else the provider is told; Liquid."""

    to_number: str | None = Field(None, description="Instead of the recipient's phone_number.")
    payload_overrides: str | None = Field(None, description="Renders to a JSON object.")


class SmsTemplate(Shape):
    """The template of a text message."""

    text_body: Text
    settings: SmsTemplateSettings | None = None


class SmsOverrides(Shape):
    """Settings of the channel that a step replaces."""

    link_tracking: bool | None = None


class SmsContent(TypedDict):
    """A rendered text message."""

    to: str
    body: str
    overrides: JsonObject


class MessageSmsContent(MessageContent):
    """The content of a text message."""

    typename: Literal["MessageSmsContent"] = Field("MessageSmsContent", alias="__typename")
    to: WrittenText
    body: WrittenText

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write number and text."""
        return cls(to=content.get("to"), body=content.get("body"))


class Sms(ChannelKind):
    """The channel type `sms`."""

    channel_type: ClassVar[ChannelType] = ChannelType.SMS
    label: ClassVar[str] = "SMS"
    template: ClassVar[type[Shape]] = SmsTemplate
    overrides: ClassVar[type[Shape] | None] = SmsOverrides
    template_files: ClassVar = {"text_body": TemplateFile("txt")}
    content: ClassVar[type[MessageContent]] = MessageSmsContent
    queue: ClassVar[str | None] = DELIVER_SMS
    click_reads: ClassVar[bool] = True

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return the text, and whom it would go to."""
        settings = {"to_number": content["to"], **payload_settings(content["overrides"])}
        return {"text_body": content["body"], "settings": settings}

    def why_unreachable(self, target: Target) -> str | None:
        """A number is the recipient's, or the template's `to_number`."""
        own = target.template.get("settings") or {}
        has_number = target.recipient.get("phone_number") or own.get("to_number")
        return None if has_number else "recipient has no phone_number"
