"""Providers of language models, with settings per environment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, text_column


class ModelProvider(SQLModel, table=True):
    """Where the models of a name are asked; the key is sealed."""

    __tablename__ = "model_providers"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    name: str = text_column(primary_key=True)
    adapter: str = text_column()
    base_url: str | None = text_column(nullable=True)
    sealed: bytes = bytes_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
