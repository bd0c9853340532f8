"""Requests of fetch steps that are under way."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, json_column, text_column


class PendingFetch(SQLModel, table=True):
    """A rendered request, sealed, and what came of the newest attempt at it.

    The walk that arrives at the step writes the row, whoever sends the request records the result
    in it, and the walk that goes on deletes it. When the run is ended in between, the sweep does.
    """

    __tablename__ = "fetches"

    recipient_run_id: UUID = Field(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    environment_id: UUID
    request: bytes = bytes_column()
    attempt: int
    interruptions: int
    begun_at: datetime | None = instant_column(nullable=True)
    result: str | None = text_column(nullable=True)
    trace: dict[str, Any] | None = json_column(nullable=True)
    answer: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()
