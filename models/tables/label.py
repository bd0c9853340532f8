"""Labels of the account: tags of content, and categories that preferences refer to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from models.tables.base import instant_column, text_column


class Tag(SQLModel, table=True):
    """A tag that authors may put on content."""

    __tablename__ = "tags"

    name: str = text_column(primary_key=True)
    description: str | None = text_column(nullable=True)
    color: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class PreferenceCategory(SQLModel, table=True):
    """A category that workflows may belong to; an archived one may be made anew."""

    __tablename__ = "preference_categories"

    name: str = text_column(primary_key=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
    archived_at: datetime | None = instant_column(nullable=True)
