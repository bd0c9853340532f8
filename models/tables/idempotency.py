"""Answers that are replayed for a repeated `Idempotency-Key`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, json_column, text_column


class IdempotencyRecord(SQLModel, table=True):
    """The first answer to a key; the unique key makes a concurrent twin wait for it."""

    __tablename__ = "idempotency_records"
    __table_args__ = (Index(None, "expires_at"),)

    environment_id: UUID = Field(primary_key=True)
    path: str = text_column(primary_key=True)
    key: str = text_column(primary_key=True)
    request_digest: bytes = bytes_column()
    request_id: str
    status_code: int
    headers: dict[str, Any] = json_column()
    body: dict[str, Any] = json_column()
    inserted_at: datetime = instant_column()
    expires_at: datetime = instant_column()
