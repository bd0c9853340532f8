"""Sources: who sends events to us, what was sent, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, json_column, text_column


class Source(SQLModel, table=True):
    """A source of the account; how it works is set for each environment. Not versioned."""

    __tablename__ = "sources"

    id: UUID = Field(primary_key=True)
    key: str = Field(unique=True)
    name: str
    description: str | None = text_column(nullable=True)
    custom_image_url: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class SourceEnvironment(SQLModel, table=True):
    """How a source works in one environment.

    `endpoint_id` is the part of its address that nobody can guess; `verification` says how a
    signature is made, without its secret, which is sealed.
    """

    __tablename__ = "source_environments"

    source_id: UUID = Field(foreign_key="sources.id", primary_key=True)
    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    endpoint_id: str = Field(unique=True)
    settings: dict[str, Any] = json_column()
    verification: dict[str, Any] | None = json_column(nullable=True)
    sealed_secret: bytes | None = bytes_column(nullable=True)
    mappings: list[Any] = json_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class SourceEvent(SQLModel, table=True):
    """An event that a source has sent, as it came.

    `happened_at` is what the event says itself, `inserted_at` when it came. One whose actions have
    not all been taken has no `processed_at`.
    """

    __tablename__ = "source_events"
    __table_args__ = (
        Index(
            "ix_source_events_newest",
            "environment_id",
            "source_key",
            text("inserted_at DESC"),
            text("id DESC"),
        ),
        Index(
            "ix_source_events_event",
            "environment_id",
            "source_key",
            "event",
            text("inserted_at DESC"),
            text("id DESC"),
        ),
        Index(None, "inserted_at"),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    source_key: str = text_column()
    event: str = text_column()
    body: dict[str, Any] = json_column()
    headers: dict[str, Any] = json_column()
    verification_status: str
    idempotency_key: str | None = text_column(nullable=True)
    happened_at: datetime = instant_column()
    inserted_at: datetime = instant_column()
    processed_at: datetime | None = instant_column(nullable=True)


class SourceEventKey(SQLModel, table=True):
    """An idempotency key of an event that was taken; one that is a day old counts no more."""

    __tablename__ = "source_event_keys"
    __table_args__ = (Index(None, "inserted_at"),)

    environment_id: UUID = Field(primary_key=True)
    source_key: str = text_column(primary_key=True)
    idempotency_key: str = text_column(primary_key=True)
    event_id: UUID
    inserted_at: datetime = instant_column()


class SourceEventAction(SQLModel, table=True):
    """An action that was taken for an event, with what came of it; `position` is its place."""

    __tablename__ = "source_event_actions"

    event_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    id: UUID
    environment_id: UUID
    action_type: str
    parameters: dict[str, Any] | None = json_column(nullable=True)
    payload: dict[str, Any] | None = json_column(nullable=True)
    status: str
    result: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()
