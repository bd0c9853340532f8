"""Environments and the credentials that open them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, instant_column, text_column


class Environment(SQLModel, table=True):
    """An isolated data plane; `position` is its place in the promotion chain.

    `config_version` is raised by the database whenever a channel or published content changes, so
    that processes can keep both in memory and still see every change at once. `enhanced_security`
    says whether public keys need a user token; nobody has said when it is null. One that has
    `removed_at` is none any more: its row goes with the last of what it had.
    """

    __tablename__ = "environments"

    id: UUID = Field(primary_key=True)
    slug: str = Field(unique=True)
    name: str
    position: int = Field(unique=True)
    config_version: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    enhanced_security: bool | None = None
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
    removed_at: datetime | None = instant_column(nullable=True)


class ApiKey(SQLModel, table=True):
    """A secret or public key of one environment, stored as a hash."""

    __tablename__ = "api_keys"

    id: UUID = Field(primary_key=True)
    environment_id: UUID = Field(foreign_key="environments.id", index=True)
    kind: str
    name: str
    token_hash: bytes = bytes_column(unique=True)
    hint: str
    inserted_at: datetime = instant_column()
    expires_at: datetime | None = instant_column(nullable=True)
    revoked_at: datetime | None = instant_column(nullable=True)


class ServiceToken(SQLModel, table=True):
    """A credential of the Management API, account-wide, stored as a hash."""

    __tablename__ = "service_tokens"

    id: UUID = Field(primary_key=True)
    name: str = text_column()
    token_hash: bytes = bytes_column(unique=True)
    hint: str
    inserted_at: datetime = instant_column()
    revoked_at: datetime | None = instant_column(nullable=True)


class SigningKey(SQLModel, table=True):
    """The public half of a key that user tokens of an environment are signed with."""

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("environment_id", "public_key"),)

    id: UUID = Field(primary_key=True)
    environment_id: UUID = Field(foreign_key="environments.id")
    name: str = text_column()
    public_key: str = text_column()
    inserted_at: datetime = instant_column()
    revoked_at: datetime | None = instant_column(nullable=True)
