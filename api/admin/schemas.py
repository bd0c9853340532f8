"""Wire shapes of the admin API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.kit.shapes import Out
from api.management.channels.schemas import ChannelOut
from api.management.common import PageInfoOut


class ChannelBodyOut(Out):
    """The channel as it is now."""

    channel: ChannelOut


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
