"""Push notifications (Knock docs: "Push channels"; Management API: PushTemplate)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.channels.kind import (
    ChannelKind,
    Destination,
    MessageContent,
    Target,
    WrittenText,
    payload_settings,
)
from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_PUSH
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Shape

# The setting by which a device that its vendor does not know any more is forgotten, or not.
DEREGISTRATION = "token_deregistration"
# Where there are more devices than this, the last ones count, which are the newest.
MOST_DEVICES = 100
_TOKEN_LISTS = ("tokens", "target_arns", "player_ids")


class PushTemplateSettings(Shape):
    """How a push notification is delivered, and what else the provider is told."""

    delivery_type: Literal["content", "silent"] | None = None
    payload_overrides: str | None = Field(None, description="Renders to a JSON object.")


class PushTemplate(Shape):
    """The template of a push notification; a silent one carries data only."""

    # First, because whether a body is required depends on them.
    settings: PushTemplateSettings | None = None
    # Knock's reference requires one, but what Knock's CLI makes has none.
    title: str | None = None
    text_body: Annotated[str | None, Field(validate_default=True)] = None

    @field_validator("text_body")
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
    """A rendered push notification; `silent` carries data only.

    `data` is what goes along of the run's data (`domain/messages/pushed_data.py`). One that an
    older version has rendered lacks it.
    """

    title: str
    body: str
    silent: bool
    overrides: JsonObject
    data: JsonObject


class MessagePushContent(MessageContent):
    """The content of a push notification."""

    typename: Literal["MessagePushContent"] = Field("MessagePushContent", alias="__typename")
    token: WrittenText
    title: WrittenText
    body: WrittenText
    data: Annotated[Any, DocumentedAs(dict[str, Any] | None)]

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write title, body and data, with what the overrides say of it."""
        carried = {"data": content["data"]} if "data" in content else {}
        return cls(
            token=content.get("token") or snapshot.get("token") or "",
            title=content.get("title") or "",
            body=content.get("body") or "",
            data=merged(carried, content.get("overrides")).get("data") or None,
        )


class Push(ChannelKind):
    """The channel type `push`."""

    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    label: ClassVar[str] = "Push"
    template: ClassVar[type[Shape]] = PushTemplate
    overrides: ClassVar[type[Shape] | None] = PushOverrides
    template_defaults: ClassVar = {"settings": {"delivery_type": "content"}}
    template_files: ClassVar = {"text_body": TemplateFile("txt")}
    content: ClassVar[type[MessageContent]] = MessagePushContent
    queue: ClassVar[str | None] = DELIVER_PUSH
    by_channel_data: ClassVar[bool] = True
    kept_overrides: ClassVar[frozenset[str]] = frozenset({DEREGISTRATION})

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return title and text; those of a silent one are empty."""
        delivery_type = "silent" if content["silent"] else "content"
        settings = {"delivery_type": delivery_type, **payload_settings(content["overrides"])}
        return {"title": content["title"], "text_body": content["body"], "settings": settings}

    def why_unreachable(self, target: Target) -> str | None:
        """Whoever has stored a token is reached."""
        if not target.channel_data:
            return "recipient has no channel data"
        return None if devices_of(target.channel_data) else "recipient has no device tokens"

    def destinations(self, target: Target) -> Sequence[Destination]:
        """Every device gets a message, in the time zone and the language that it says."""
        return [
            Destination.named_by(
                device.token,
                zone=device.timezone,
                locale=device.locale,
                content={"token": device.token},
            )
            for device in devices_of(target.channel_data or {})[-MOST_DEVICES:]
        ]


@dataclass(frozen=True, slots=True)
class Device:
    """A device that notifications are pushed to (Knock docs: "Device metadata")."""

    token: str
    timezone: str | None = None
    locale: str | None = None


def devices_of(channel_data: JsonObject) -> list[Device]:
    """Read the devices that somebody has stored, each once, in order.

    Knock's shapes: `tokens`, `target_arns` or `player_ids` are lists of strings; `devices` are
    objects with a `token` or `target_arn` and perhaps a `timezone` and a `locale`. What is none of
    these is passed over.
    """
    found: dict[str, Device] = {}
    for name in _TOKEN_LISTS:
        for token in _listed(channel_data, name):
            if isinstance(token, str) and token:
                found[token] = Device(token)
    for device in _listed(channel_data, "devices"):
        token = _token_of(device)
        if token is not None:
            found[token] = Device(token, _text(device.get("timezone")), _text(device.get("locale")))
    return list(found.values())


def without_token(channel_data: JsonObject, token: str) -> JsonObject:
    """Return what somebody has stored without a device."""
    kept = {
        name: [each for each in _listed(channel_data, name) if each != token]
        for name in _TOKEN_LISTS
        if name in channel_data
    }
    if "devices" in channel_data:
        kept["devices"] = [
            device for device in _listed(channel_data, "devices") if _token_of(device) != token
        ]
    return {**channel_data, **kept}


def _listed(channel_data: JsonObject, name: str) -> list[Any]:
    entries = channel_data.get(name)
    return entries if isinstance(entries, list) else []


def _token_of(device: Any) -> str | None:
    if not isinstance(device, dict):
        return None
    return _text(device.get("token") or device.get("target_arn")) or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
