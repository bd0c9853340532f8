"""Channels: configured providers, with settings per environment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import (
    bytes_column,
    instant_column,
    json_column,
    text_column,
    text_list_column,
)


class Channel(SQLModel, table=True):
    """A configured provider, the same id in every environment. Not versioned."""

    __tablename__ = "channels"

    id: UUID = Field(primary_key=True)
    key: str = Field(unique=True)
    name: str
    description: str | None = text_column(nullable=True)
    channel_type: str
    provider: str
    custom_icon_url: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
    archived_at: datetime | None = instant_column(nullable=True)


class ChannelHold(SQLModel, table=True):
    """That an operator holds a channel in an environment: its messages are made, and wait."""

    __tablename__ = "channel_holds"

    environment_id: UUID = Field(primary_key=True)
    channel_id: UUID = Field(primary_key=True)
    since: datetime = instant_column()


class ChannelEnvironment(SQLModel, table=True):
    """How a channel works in one environment; what is secret is sealed."""

    __tablename__ = "channel_environments"

    channel_id: UUID = Field(foreign_key="channels.id", primary_key=True)
    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    id: UUID = Field(unique=True)
    is_sandbox: bool = False
    channel_settings: dict[str, Any] = json_column()
    sealed_channel_settings: bytes | None = bytes_column(nullable=True)
    provider_settings: bytes = bytes_column()
    conditions: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class ChannelGroup(SQLModel, table=True):
    """Rules that choose among channels of one type. Not versioned."""

    __tablename__ = "channel_groups"

    key: str = text_column(primary_key=True)
    name: str = text_column()
    channel_type: str = text_column()
    operator: str = text_column()
    source: str = text_column()
    visible_in: list[str] = text_list_column()
    channel_rules: list[Any] = json_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
