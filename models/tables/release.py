"""What waits for Temporal, and how far the sweep has looked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column


class TriggerRelease(SQLModel, table=True):
    """A trigger some of whose runs may not have begun.

    Stored with the trigger and deleted once every run has begun, so it stays small, and the wide
    row of the trigger is never touched again. `due_at` is when the sweep looks at it next;
    `fanout` numbers the Temporal workflow that starts its runs when there are many.
    """

    __tablename__ = "trigger_releases"
    __table_args__ = (
        Index(
            "ix_trigger_releases_unreleased",
            "due_at",
            postgresql_where=text("released_at IS NULL"),
        ),
        Index(
            "ix_trigger_releases_unconfirmed",
            "due_at",
            postgresql_where=text("released_at IS NOT NULL"),
        ),
    )

    workflow_run_id: UUID = Field(primary_key=True)
    environment_id: UUID
    accepted_at: datetime = instant_column()
    due_at: datetime = instant_column()
    released_at: datetime | None = instant_column(nullable=True)
    attempts: int
    fanout: int


class SweepPosition(SQLModel, table=True):
    """How far a duty of the sweep has come, so that the next sweep goes on from there."""

    __tablename__ = "sweep_positions"

    duty: str = Field(primary_key=True)
    position: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()
