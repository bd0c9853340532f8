"""Wire shapes of channels, environments and the caller."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.management.common import PageInfoOut


class EnvironmentOut(BaseModel):
    """An environment; `order` is its place in the promotion chain."""

    slug: str
    name: str
    order: int
    owner: str
    hide_pii_data: bool
    label_color: str | None
    last_commit_at: str | None
    created_at: str
    updated_at: str
    deleted_at: str | None


class EnvironmentPageOut(BaseModel):
    """A page of environments."""

    entries: list[EnvironmentOut]
    page_info: PageInfoOut


class ChannelSettingsOut(BaseModel):
    """How a channel works in one environment; secrets are masked."""

    id: str
    is_sandbox: bool
    is_valid: bool
    channel_settings: dict[str, Any]
    provider_settings: dict[str, Any]
    conditions: dict[str, Any] | None


class ChannelOut(BaseModel):
    """A channel."""

    id: str
    key: str
    name: str
    description: str | None
    type: str
    provider: str
    custom_icon_url: str | None
    visible_in: list[str]
    environment_settings: dict[str, ChannelSettingsOut] | None = Field(
        None, description="By slug; missing in lists unless it is included."
    )
    created_at: str
    updated_at: str
    archived_at: str | None


class ChannelPageOut(BaseModel):
    """A page of channels."""

    entries: list[ChannelOut]
    page_info: PageInfoOut


class WhoamiOut(BaseModel):
    """Whose token this is."""

    account_name: str
    account_slug: str
    type: str
    service_token_name: str | None
    user_id: str | None
    user_name: str | None
    user_email: str | None
    account_features: dict[str, Any]
