"""Who belongs to the account, and the files that it has uploaded."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, text_column


class Member(SQLModel, table=True):
    """A person who belongs to the account."""

    __tablename__ = "members"
    # Nobody is two people because of a capital letter.
    __table_args__ = (Index("uq_members_email", text("lower(email)"), unique=True),)

    id: UUID = Field(primary_key=True)
    user_id: UUID
    email: str = text_column()
    name: str | None = text_column(nullable=True)
    avatar_url: str | None = text_column(nullable=True)
    role: str
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class Asset(SQLModel, table=True):
    """A file of the account that mails and pages may show."""

    __tablename__ = "assets"

    id: UUID = Field(primary_key=True)
    filename: str | None = text_column(nullable=True)
    mime_type: str
    asset_type: str
    content: bytes = bytes_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
