"""Wire shapes of the admin API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.management.channels.schemas import ChannelOut
from api.management.common import PageInfoOut
from domain.channels.types import ChannelType


class ChannelIn(BaseModel):
    """A channel; type and provider cannot change later."""

    name: str = Field(min_length=1, max_length=255)
    type: ChannelType
    provider: str = Field(description="Id of a provider that serves this type.")
    description: str | None = None
    custom_icon_url: str | None = None


class ChannelBodyOut(BaseModel):
    """The channel as it is now."""

    channel: ChannelOut


class ChannelSettingsIn(BaseModel):
    """Settings in one environment; what is left out stays as it is."""

    # Factories, because a default in the document would say what is not so: left out means kept.
    is_sandbox: bool = Field(default_factory=bool, description="At first false.")
    channel_settings: dict[str, Any] = Field(default_factory=dict, description="At first empty.")
    provider_settings: dict[str, Any] = Field(
        default_factory=dict,
        description="Credentials. A secret sent back as its mask keeps its value.",
    )
    conditions: dict[str, Any] | None = None


class ApiKeyIn(BaseModel):
    """A key to make."""

    environment: str = "development"
    kind: Literal["secret", "public"]
    name: str = Field(min_length=1, max_length=255)


class ApiKeyOut(BaseModel):
    """An API key; `token` is there once, in the answer that made it."""

    id: str
    environment: str
    kind: str
    name: str
    hint: str
    created_at: str
    expires_at: str | None
    token: str | None = None


class ApiKeyBodyOut(BaseModel):
    """The key just made."""

    api_key: ApiKeyOut


class ApiKeyPageOut(BaseModel):
    """A page of API keys."""

    entries: list[ApiKeyOut]
    page_info: PageInfoOut


class RotateIn(BaseModel):
    """How long the old key still works, in seconds."""

    grace_seconds: int = Field(0, ge=0, le=2_592_000)


class ServiceTokenIn(BaseModel):
    """A service token to make; it is good for the whole account, every environment included."""

    name: str = Field(min_length=1, max_length=255)


class ServiceTokenOut(BaseModel):
    """A service token; `token` is there once, in the answer that made it."""

    id: str
    name: str
    hint: str
    created_at: str
    token: str | None = None


class ServiceTokenBodyOut(BaseModel):
    """The token just made."""

    service_token: ServiceTokenOut


class ServiceTokenPageOut(BaseModel):
    """A page of service tokens."""

    entries: list[ServiceTokenOut]
    page_info: PageInfoOut
