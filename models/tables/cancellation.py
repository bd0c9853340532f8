"""Cancel requests that were accepted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class Cancellation(SQLModel, table=True):
    """One cancel request; `released_at` says that every Temporal workflow was told.

    `due_at` is when the sweep tells them, unless that was done by then.
    """

    __tablename__ = "cancellations"
    __table_args__ = (
        Index(
            "ix_cancellations_unreleased",
            "due_at",
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    workflow_key: str = text_column()
    cancellation_key: str = text_column()
    recipients: list[Any] | None = json_column(nullable=True)
    run_count: int
    requested_at: datetime = instant_column()
    due_at: datetime = instant_column()
    attempts: int
    released_at: datetime | None = instant_column(nullable=True)
