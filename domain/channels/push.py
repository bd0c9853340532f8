"""Push notifications (Knock docs: "Push channels"; Management API: PushTemplate)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.channels.kind import ChannelKind, MessageContent, Target
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_PUSH
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape


class PushTemplateSettings(Shape):
    """How a push notification is delivered, and what else the provider is told."""

    delivery_type: Literal["content", "silent"] | None = None
    payload_overrides: str | None = Field(None, description="Renders to a JSON object.")


class PushTemplate(Shape):
    """The template of a push notification; a silent one carries data only."""

    # First, because whether title and body are required depends on them.
    settings: PushTemplateSettings | None = None
    title: Annotated[str | None, Field(validate_default=True)] = None
    text_body: Annotated[str | None, Field(validate_default=True)] = None

    @field_validator("title", "text_body")
    @classmethod
    def _is_there_unless_silent(cls, text: str | None, info: ValidationInfo) -> str | None:
        settings = info.data.get("settings")
        is_silent = settings is not None and settings.delivery_type == "silent"
        if text is None and not is_silent:
            raise PydanticCustomError("missing", "Field required")
        return text


class PushOverrides(Shape):
    """Settings of the channel that a step replaces."""

    token_deregistration: bool | None = None


class PushContent(TypedDict):
    """A rendered push notification; `silent` carries data only."""

    title: str
    body: str
    silent: bool
    overrides: JsonObject


class MessagePushContent(MessageContent):
    """The content of a push notification."""

    typename: Literal["MessagePushContent"] = Field("MessagePushContent", alias="__typename")
    token: Any
    title: Any
    body: Any
    data: Any

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write title, body and data."""
        return cls(
            token=snapshot.get("token") or "",
            title=content.get("title") or "",
            body=content.get("body") or "",
            data=(content.get("overrides") or {}).get("data"),
        )


class Push(ChannelKind):
    """The channel type `push`."""

    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    template: ClassVar[type[Shape]] = PushTemplate
    overrides: ClassVar[type[Shape] | None] = PushOverrides
    template_defaults: ClassVar = {"settings": {"delivery_type": "content"}}
    template_files: ClassVar = {"text_body": TemplateFile("txt")}
    content: ClassVar[type[MessageContent]] = MessagePushContent
    queue: ClassVar[str | None] = DELIVER_PUSH
    by_channel_data: ClassVar[bool] = True

    def why_unreachable(self, target: Target) -> str | None:
        """Whoever has stored tokens is reached."""
        return None
