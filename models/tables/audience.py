"""Who is in which audience."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, text_column


class AudienceMember(SQLModel, table=True):
    """That a user is in an audience; `tenant_id` is empty when it is for no tenant."""

    __tablename__ = "audience_members"
    __table_args__ = (
        Index(
            "ix_audience_members_newest",
            "environment_id",
            "audience_key",
            "added_at",
            "user_id",
            "tenant_id",
        ),
        Index(None, "environment_id", "user_id"),
    )

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    audience_key: str = text_column(primary_key=True)
    user_id: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    added_at: datetime = instant_column()


class AudienceBuild(SQLModel, table=True):
    """How far all users were compared with a dynamic audience, and when that is done again.

    Attributes:
        version_id: of the audience.
        position: id of the user who was compared last.
        passes: how often all of them were.
    """

    __tablename__ = "audience_builds"
    __table_args__ = (Index(None, "due_at"),)

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    audience_key: str = text_column(primary_key=True)
    version_id: UUID
    position: str = text_column()
    passes: int
    due_at: datetime = instant_column()
