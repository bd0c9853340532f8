"""Wire shapes of users and tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.knock.common import Out, PageInfoOut


class UserIn(BaseModel):
    """What is known about a user; further members are custom properties, merged deeply."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    avatar: str | None = None
    locale: str | None = None
    timezone: str | None = None
    created_at: str | None = Field(None, description="ISO 8601; left out when it cannot be read.")
    channel_data: dict[str, dict[str, Any]] | None = Field(None, description="By channel id.")
    preferences: dict[str, dict[str, Any]] | None = Field(None, description="By set id.")


class UserOut(Out):
    """A user, custom properties at the top level."""

    model_config = ConfigDict(extra="allow")

    typename: str = Field(alias="__typename", examples=["User"])
    id: str
    name: str | None
    email: str | None
    phone_number: str | None
    avatar: str | None
    timezone: str | None
    created_at: datetime | None
    updated_at: datetime


class UserPageOut(Out):
    """A page of users."""

    entries: list[UserOut]
    page_info: PageInfoOut


class TenantIn(BaseModel):
    """What is known about a tenant; further members are custom properties, merged deeply."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    settings: dict[str, Any] | None = Field(None, description="Branding and preference set.")


class TenantOut(Out):
    """A tenant, custom properties at the top level."""

    model_config = ConfigDict(extra="allow")

    typename: str = Field(alias="__typename", examples=["Tenant"])
    id: str
    name: str | None
    settings: dict[str, Any]
    created_at: datetime | None
    updated_at: datetime


class TenantPageOut(Out):
    """A page of tenants."""

    entries: list[TenantOut]
    page_info: PageInfoOut
