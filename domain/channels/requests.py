"""What an operator writes about a channel; the shapes are those that the Management API answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject
from domain.kit.shapes import ReplaceUnreadable, Shape

_LONGEST_NAME = 255


def _is_name(name: str) -> str:
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise ValueError(f"must be a string of 1 to {_LONGEST_NAME} characters")
    return name


class ChannelRequest(Shape):
    """A channel; type and provider cannot change later."""

    name: Annotated[str, AfterValidator(_is_name)]
    type: Annotated[ChannelType, Field(strict=False)]
    provider: str = Field(description="Id of a provider for this channel type.")
    description: str | None = None
    custom_icon_url: str | None = None


class ChannelSettingsRequest(Shape):
    """Settings in one environment; what is left out stays as it is, see `model_fields_set`."""

    # Factories, because a default in the document would say what is not so: left out means kept.
    is_sandbox: bool = Field(default_factory=bool, description="Default: false.")
    channel_settings: JsonObject = Field(default_factory=dict, description="Default: empty.")
    provider_settings: JsonObject = Field(
        default_factory=dict,
        description="Credentials. A secret that is sent back masked keeps its value.",
    )
    conditions: JsonObject | None = Field(
        default_factory=lambda: None, description="Default: none; null removes them."
    )
    replace_unreadable: ReplaceUnreadable = False
