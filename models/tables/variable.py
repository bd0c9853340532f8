"""Variables of the account, their values per environment, and brandings."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Text
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, json_column, text_column


class Variable(SQLModel, table=True):
    """A variable; the value of a secret one is sealed."""

    __tablename__ = "variables"

    key: str = text_column(primary_key=True)
    type: str
    description: str | None = text_column(nullable=True)
    value: str | None = text_column(nullable=True)
    sealed_value: bytes | None = bytes_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class VariableValue(SQLModel, table=True):
    """The value that a variable has in one environment, in the place of the account's."""

    __tablename__ = "variable_values"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    key: str = Field(
        sa_column=Column(
            Text(collation="C"), ForeignKey("variables.key", ondelete="CASCADE"), primary_key=True
        )
    )
    value: str | None = text_column(nullable=True)
    sealed_value: bytes | None = bytes_column(nullable=True)


class Branding(SQLModel, table=True):
    """How an environment's messages look: logos, icons, colours."""

    __tablename__ = "brandings"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    branding: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()
