"""Schedules, and recipients whose time zone has moved them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class Schedule(SQLModel, table=True):
    """When a workflow is to run for a recipient; its row decides whether an occurrence happens.

    Whoever changes, deletes or fires it holds the row's lock, after that of any recipient.

    `due_at` is when a clock looks at it: with its next occurrence, or some time later when that
    could not be fired for a fault. It is null when nothing is to come, and while it is paused.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        Index(None, "environment_id", "workflow_key", "id"),
        Index(None, "environment_id", "recipient_id", "collection", "id"),
        Index(
            "ix_schedules_tenant",
            "environment_id",
            "workflow_key",
            "tenant_id",
            "id",
            postgresql_where=text("tenant_id IS NOT NULL"),
        ),
        Index(
            "ix_schedules_branch_id", "branch_id", postgresql_where=text("branch_id IS NOT NULL")
        ),
        Index("ix_schedules_due", "due_at", "id", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    branch_id: UUID | None = None
    workflow_key: str = text_column()
    collection: str = text_column()
    recipient_id: str = text_column()
    tenant_id: str | None = text_column(nullable=True)
    actor_collection: str | None = text_column(nullable=True)
    actor_id: str | None = text_column(nullable=True)
    data: dict[str, Any] | None = json_column(nullable=True)
    repeats: list[Any] = json_column()
    scheduled_at: datetime | None = instant_column(nullable=True)
    ending_at: datetime | None = instant_column(nullable=True)
    paused_at: datetime | None = instant_column(nullable=True)
    next_occurrence_at: datetime | None = instant_column(nullable=True)
    last_occurrence_at: datetime | None = instant_column(nullable=True)
    due_at: datetime | None = instant_column(nullable=True)
    failures: int
    dropped_at: datetime | None = instant_column(nullable=True)
    drop_reason: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class MovedRecipient(SQLModel, table=True):
    """A recipient whose time zone was changed lately; the sweep deletes it once all have followed.

    A trigger of the database writes it, whoever changes the recipient.
    """

    __tablename__ = "moved_recipients"
    __table_args__ = (Index(None, "moved_at"),)

    environment_id: UUID = Field(primary_key=True)
    collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    moved_at: datetime = instant_column()
