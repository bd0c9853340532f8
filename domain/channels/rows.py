"""What is stored of channels, and how their list is filtered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject, JsonValue

ENVIRONMENT_SETTINGS = "environment_settings"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the account; `channel_type` may be one that only a newer version knows."""

    id: UUID
    key: str
    name: str
    description: str | None
    channel_type: str
    provider: str
    custom_icon_url: str | None
    inserted_at: datetime
    updated_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How a channel works in one environment; `provider_settings` are sealed.

    So is what is secret of `channel_settings`, in `sealed_channel_settings`; that is None where
    nothing is secret. `environment` is a slug.
    """

    channel_id: UUID
    environment_id: UUID
    environment: str
    id: UUID
    is_sandbox: bool
    channel_settings: JsonObject
    sealed_channel_settings: bytes | None
    provider_settings: bytes
    conditions: JsonObject | None


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel that is configured in one environment; its credentials are sealed.

    Another version may have stored it, so its type and its JSON may be anything.
    """

    id: UUID
    key: str
    channel_type: str
    provider: str
    is_sandbox: bool
    channel_settings: JsonValue
    sealed_channel_settings: bytes | None
    provider_settings: bytes
    conditions: JsonValue


@dataclass(frozen=True, slots=True)
class SealedSettings:
    """What is sealed of a channel in one environment; `key` and `slug` name the two."""

    key: str
    slug: str
    channel_id: UUID
    environment_id: UUID
    provider_settings: bytes
    sealed_channel_settings: bytes | None


@dataclass(frozen=True, slots=True)
class ChannelFilters:
    """Which channels a list shows, and whether with their settings."""

    id: Annotated[str | None, Filter("Only the channel with this id.")] = None
    include: Annotated[
        list[str] | None,
        Filter(
            "`environment_settings` adds the settings of each environment.",
            choices=(ENVIRONMENT_SETTINGS,),
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class ChannelHere:
    """A channel, and whether it is set up in one environment."""

    id: UUID
    key: str
    channel_type: str
    provider: str
    is_configured: bool
