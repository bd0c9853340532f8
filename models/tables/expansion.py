"""Triggers for objects: whose followers they reach, and how far their runs are made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class FollowedObject(SQLModel, table=True):
    """An object whose followers a trigger reaches.

    Its id is that of the object's own run, whether there is one or not; `depth` is that of its
    followers. `root_id` is the object that the trigger named, whose `$trigger_data` all inherit
    that are reached through it. `subscribed_at` is since when it follows the one that leads to it.
    """

    __tablename__ = "followed_objects"
    __table_args__ = (Index(None, "workflow_run_id", "depth", "id"),)

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    workflow_run_id: UUID
    depth: int
    collection: str = text_column()
    object_id: str = text_column()
    root_id: UUID
    trigger_data: dict[str, Any] | None = json_column(nullable=True)
    subscribed_at: datetime | None = instant_column(nullable=True)


class TriggerExpansion(SQLModel, table=True):
    """How far the runs of those are made who follow the objects of a trigger.

    Stored with the trigger and deleted with the last page; whoever makes a page, or cancels, holds
    it. The place is behind one subscription to one followed object, at one depth. Cancels of single
    recipients that came meanwhile are in `cancellation_ids`.
    """

    __tablename__ = "trigger_expansions"
    __table_args__ = (
        Index(
            "ix_trigger_expansions_cancellation_key",
            "environment_id",
            "workflow_key",
            "cancellation_key",
            postgresql_where=text("cancellation_key IS NOT NULL"),
        ),
    )

    workflow_run_id: UUID = Field(primary_key=True)
    environment_id: UUID
    workflow_key: str = text_column()
    cancellation_key: str | None = text_column(nullable=True)
    cancellation_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid()), nullable=False))
    depth: int
    through_id: UUID
    after_at: datetime = instant_column()
    after_collection: str = text_column()
    after_id: str = text_column()
