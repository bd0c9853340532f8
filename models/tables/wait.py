"""Waits of runs for an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class EventWait(SQLModel, table=True):
    """A run that waits at a step for an event, and what it was given when one came.

    The walk that arrives writes the row, and the walk that goes on claims or deletes it. One that
    was claimed stays for as long as its run, whose later steps see `output`. Events are looked for
    from `looks_from` on, without those of `judged`, which did not match: their ids, with the epoch
    seconds at which they happened.
    """

    __tablename__ = "event_waits"
    __table_args__ = (
        Index(
            "ix_event_waits_awaited",
            "environment_id",
            "event_type",
            "source_key",
            "event_key",
            "recipient_id",
            "collection",
            postgresql_where=text("claimed_at IS NULL"),
        ),
        Index(
            "ix_event_waits_unsettled",
            "registered_at",
            postgresql_where=text("settled_at IS NULL AND claimed_at IS NULL"),
        ),
    )

    recipient_run_id: UUID = Field(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    environment_id: UUID
    workflow_key: str = text_column()
    event_type: str = text_column()
    event_key: str = text_column()
    source_type: str = Field(default="workflow", sa_column_kwargs={"server_default": "workflow"})
    source_key: str = text_column()
    recipient_path: str = text_column()
    collection: str = text_column()
    recipient_id: str = text_column()
    registered_at: datetime = instant_column()
    expires_at: datetime = instant_column()
    looks_from: datetime = instant_column()
    judged: dict[str, Any] = json_column()
    settled_at: datetime | None = instant_column(nullable=True)
    claimed_at: datetime | None = instant_column(nullable=True)
    output: dict[str, Any] | None = json_column(nullable=True)


class AwaitedChange(SQLModel, table=True):
    """A change of a recipient, or of an audience that they are in, for which a run of theirs waits.

    Written by the transaction that changes them, for each wait that may be for it, and deleted with
    the wait. `variables` is what conditions see of it.
    """

    __tablename__ = "awaited_changes"
    __table_args__ = (Index(None, "happened_at"),)

    recipient_run_id: UUID = Field(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    id: UUID = Field(primary_key=True)
    environment_id: UUID
    variables: dict[str, Any] = json_column()
    happened_at: datetime = instant_column()
