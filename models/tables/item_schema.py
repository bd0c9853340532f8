"""What people have said about the properties of users, tenants and objects."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, text_column


class SchemaProperty(SQLModel, table=True):
    """A property of all recipients of a collection, as it was described."""

    __tablename__ = "schema_properties"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    collection: str = text_column(primary_key=True)
    key: str = text_column(primary_key=True)
    label: str | None = text_column(nullable=True)
    description: str | None = text_column(nullable=True)
    type: str | None = text_column(nullable=True)
    item_type: str | None = text_column(nullable=True)
    preview_text: str | None = text_column(nullable=True)
    visible: bool
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
