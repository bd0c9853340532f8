"""Messages whose vendors are asked what became of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column


class StatusCheck(SQLModel, table=True):
    """A message that its vendor has taken and is asked for; the row goes with the last check.

    Written with the vendor's answer, where the channel asks. A check is counted before it is made,
    so that a process which dies in it makes no eleventh.
    """

    __tablename__ = "status_checks"
    __table_args__ = (Index(None, "due_at"),)

    message_id: UUID = Field(primary_key=True)
    environment_id: UUID
    retry: int
    checks: int
    due_at: datetime = instant_column()
    inserted_at: datetime = instant_column()
