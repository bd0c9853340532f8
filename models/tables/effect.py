"""What a committed transaction still owes to Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class OwedEffect(SQLModel, table=True):
    """One call that follows a commit; its row goes when the call was made."""

    __tablename__ = "owed_effects"
    __table_args__ = (Index(None, "due_at"),)

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    kind: str = text_column()
    payload: dict[str, Any] = json_column()
    inserted_at: datetime = instant_column()
    attempts: int
    due_at: datetime = instant_column()
