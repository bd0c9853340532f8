"""Endpoints that are told what happens, what they are told, and how it went."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Text, Uuid, text
from sqlmodel import Field, SQLModel

from models.tables.base import (
    bytes_column,
    instant_column,
    json_column,
    text_column,
    text_list_column,
)


class WebhookEndpoint(SQLModel, table=True):
    """An endpoint of one environment; its URL and its keys are sealed.

    One that was deleted stays, without its secrets, until its log is gone.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        Index(
            "ix_webhook_endpoints_environment_id",
            "environment_id",
            "id",
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    shown_url: str = text_column()
    description: str | None = text_column(nullable=True)
    event_types: list[str] = text_list_column()
    is_enabled: bool
    sealed: bytes | None = bytes_column(nullable=True)
    next_key_at: datetime | None = instant_column(nullable=True)
    archived_at: datetime | None = instant_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class WebhookEvent(SQLModel, table=True):
    """What endpoints are told of something that happened.

    It never changes, but that it goes to the user into whom its recipient is merged.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index(None, "inserted_at"),
        Index(
            "ix_webhook_events_recipient",
            "environment_id",
            "recipient_id",
            "collection",
            postgresql_where=text("recipient_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    event_type: str = text_column()
    body: str = text_column()
    collection: str | None = text_column(nullable=True)
    recipient_id: str | None = text_column(nullable=True)
    happened_at: datetime = instant_column()
    inserted_at: datetime = instant_column()


class WebhookDelivery(SQLModel, table=True):
    """That an endpoint is told of an event, and where that stands."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "endpoint_id", "inserted_at", "id"),
        Index(None, "endpoint_id", "state", "inserted_at", "id"),
        Index(None, "endpoint_id", "event_type", "inserted_at", "id"),
        Index(
            "ix_webhook_deliveries_sending",
            "due_at",
            postgresql_where=text("state = 'sending'"),
        ),
        Index(None, "event_id"),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    endpoint_id: UUID
    event_id: UUID = Field(
        sa_column=Column(
            Uuid(), ForeignKey("webhook_events.id", ondelete="CASCADE"), nullable=False
        )
    )
    event_type: str = text_column()
    state: str = text_column()
    attempts: int
    interruptions: int
    begun_at: datetime | None = instant_column(nullable=True)
    status_code: int | None = None
    error: str | None = Field(sa_column=Column(Text, nullable=True))
    due_at: datetime = instant_column()
    redeliveries: int
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class WebhookAttempt(SQLModel, table=True):
    """One request to an endpoint and its answer, secrets redacted."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index(None, "delivery_id", "id"),)

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    delivery_id: UUID = Field(
        sa_column=Column(
            Uuid(), ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False
        )
    )
    attempt: int
    status_code: int | None = None
    error: str | None = Field(sa_column=Column(Text, nullable=True))
    milliseconds: int
    request: dict[str, Any] = json_column()
    response: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()
