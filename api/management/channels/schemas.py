"""Wire shapes of channels."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import LeftOut, Moment, Out
from services.channels.channels import ChannelSettingsView, ChannelView


class ChannelSettingsOut(Out):
    """How a channel works in one environment; secrets are masked."""

    id: UUID
    is_sandbox: bool
    is_valid: bool
    channel_settings: dict[str, Any]
    provider_settings: dict[str, Any]
    conditions: dict[str, Any] | None

    @classmethod
    def of(cls, view: ChannelSettingsView) -> Self:
        """Write settings."""
        return cls(
            id=view.id,
            is_sandbox=view.is_sandbox,
            is_valid=view.is_valid,
            channel_settings=view.channel_settings,
            provider_settings=view.provider_settings,
            conditions=view.conditions,
        )


class ChannelOut(Out):
    """A channel."""

    id: UUID
    key: str
    name: str
    description: str | None
    type: str
    provider: str
    custom_icon_url: str | None
    visible_in: list[str]
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None
    environment_settings: LeftOut[dict[str, ChannelSettingsOut]] = Field(
        None, description="By slug; missing in lists unless it is included."
    )

    @classmethod
    def of(cls, view: ChannelView) -> Self:
        """Write a channel."""
        channel, settings = view.channel, view.settings
        return cls(
            id=channel.id,
            key=channel.key,
            name=channel.name,
            description=channel.description,
            type=channel.channel_type,
            provider=channel.provider,
            custom_icon_url=channel.custom_icon_url,
            visible_in=["workflow"],
            created_at=channel.inserted_at,
            updated_at=channel.updated_at,
            archived_at=channel.archived_at,
            environment_settings=None
            if settings is None
            else {one.environment: ChannelSettingsOut.of(one) for one in settings},
        )
