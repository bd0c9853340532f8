"""Bulk operations, and what is left of their items."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.bulk.operations import OPEN_BULK
from models.tables.base import instant_column, json_column, text_column

_OPEN = ", ".join(f"'{status}'::text" for status in OPEN_BULK)


class BulkOperation(SQLModel, table=True):
    """One accepted bulk request; whoever works on it holds the row's lock before any other.

    `position` is how far it has come where its rows are looked for instead of being given.
    """

    __tablename__ = "bulk_operations"
    __table_args__ = (
        Index(
            "ix_bulk_operations_open",
            "updated_at",
            "id",
            postgresql_where=text(f"status = ANY (ARRAY[{_OPEN}])"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    name: str = text_column()
    settings: dict[str, Any] = json_column()
    position: dict[str, Any] | None = json_column(nullable=True)
    status: str = text_column()
    estimated_total_rows: int
    processed_rows: int
    success_count: int
    error_count: int
    started_at: datetime | None = instant_column(nullable=True)
    completed_at: datetime | None = instant_column(nullable=True)
    failed_at: datetime | None = instant_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class BulkItem(SQLModel, table=True):
    """An item that was not dealt with, or that failed; one that succeeded leaves no row."""

    __tablename__ = "bulk_items"
    __table_args__ = (
        Index(
            "ix_bulk_items_open",
            "operation_id",
            "number",
            postgresql_where=text("NOT is_settled"),
        ),
    )

    operation_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    environment_id: UUID
    collection: str | None = text_column(nullable=True)
    item_id: str = text_column()
    content: dict[str, Any] | None = json_column(nullable=True)
    error: str | None = text_column(nullable=True)
    is_settled: bool
