"""Batches and what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, json_column, text_column


class Batch(SQLModel, table=True):
    """What is gathered for one recipient under one key; its row decides what belongs to it.

    Whoever adds, removes or closes holds the row's lock, after that of any run.
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index(
            "ix_batches_open",
            "identity",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_batches_closes_at",
            "closes_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "environment_id", "recipient_id", "collection"),
        Index(
            "ix_batches_carrier",
            "carrier_run_id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        # Closed, and its carrier has not gone on yet.
        Index(
            "ix_batches_not_resumed",
            "closed_at",
            "id",
            postgresql_where=text("resumed_at IS NULL AND carrier_run_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    branch_id: UUID | None = None
    workflow_key: str = text_column()
    step_ref: str = text_column()
    collection: str = text_column()
    recipient_id: str = text_column()
    identity: bytes = bytes_column()
    batch_key: str = text_column()
    is_latest: bool
    leader_run_id: UUID
    carrier_run_id: UUID | None = None
    opened_at: datetime = instant_column()
    closes_at: datetime = instant_column()
    extends_to: datetime | None = instant_column(nullable=True)
    max_items: int | None = None
    item_count: int
    closed_at: datetime | None = instant_column(nullable=True)
    resumed_at: datetime | None = instant_column(nullable=True)
    version_id: UUID | None = None
    total_activities: int | None = None
    total_actors: int | None = None


class BatchItem(SQLModel, table=True):
    """A run in a batch; at one step a run is in one batch at most."""

    __tablename__ = "batch_items"
    __table_args__ = (
        Index(None, "batch_id", "workflow_run_id"),
        Index(
            "ix_batch_items_key",
            "environment_id",
            "workflow_key",
            "cancellation_key",
            postgresql_where=text("cancellation_key IS NOT NULL AND removed_at IS NULL"),
        ),
    )

    recipient_run_id: UUID = Field(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    batch_id: UUID
    environment_id: UUID
    workflow_run_id: UUID
    workflow_key: str = text_column()
    cancellation_key: str | None = text_column(nullable=True)
    actor_collection: str | None = text_column(nullable=True)
    actor_id: str | None = text_column(nullable=True)
    data: dict[str, Any] = json_column()
    removed_at: datetime | None = instant_column(nullable=True)
    inserted_at: datetime = instant_column()
