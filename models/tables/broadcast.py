"""Broadcasts, whom files name for them, and who is left to receive them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class Broadcast(SQLModel, table=True):
    """A broadcast in one environment; it is neither committed nor promoted.

    `sends` numbers what was asked for, so that what belongs to an earlier one is told apart.
    `upload_is_sent` is said by whoever sends to those of a file: a process that knows of no files
    cannot say it, and would send to every user.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index(None, "environment_id", "inserted_at", "key"),
        Index(
            "ix_broadcasts_due",
            "scheduled_at",
            postgresql_where=text("status = 'scheduled'"),
        ),
        CheckConstraint(
            "status <> 'sent' OR upload_id IS NULL OR upload_is_sent", name="sent_to_upload"
        ),
    )

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    key: str = text_column(primary_key=True)
    content: dict[str, Any] = json_column()
    sha: str
    status: str
    scheduled_at: datetime | None = instant_column(nullable=True)
    sent_at: datetime | None = instant_column(nullable=True)
    sends: int
    version_id: UUID | None = None
    workflow_run_id: UUID | None = None
    stopped_at: datetime | None = instant_column(nullable=True)
    upload_id: UUID | None = None
    upload_is_complete: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    upload_is_sent: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class BroadcastRecipient(SQLModel, table=True):
    """Whom a file names that was uploaded for a broadcast, with what it tells this one alone.

    The rows are there until the broadcast is sent, or another file takes the place of theirs.
    """

    __tablename__ = "broadcast_recipients"
    __table_args__ = (Index(None, "environment_id", "user_id"),)

    upload_id: UUID = Field(primary_key=True)
    user_id: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    environment_id: UUID
    data: dict[str, Any] | None = json_column(nullable=True)


class BroadcastAddressee(SQLModel, table=True):
    """A member of the audience as it was when the broadcast was sent, who has no run yet.

    The rows are written by one statement and taken page by page; `tenant_id` is empty for a member
    without a tenant.
    """

    __tablename__ = "broadcast_addressees"

    workflow_run_id: UUID = Field(primary_key=True)
    environment_id: UUID
    user_id: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    data: dict[str, Any] | None = json_column(nullable=True)
