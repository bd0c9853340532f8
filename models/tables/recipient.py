"""Recipients (users, objects, tenants), what they store with us, and what they follow.

One table for all three, as Knock has it: users are the collection `$users`, tenants `$tenants`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class Recipient(SQLModel, table=True):
    """A user, object or tenant; `created_at` is the caller's, `inserted_at` ours."""

    __tablename__ = "recipients"
    __table_args__ = (
        Index(None, "environment_id", "collection", "inserted_at", "id"),
        Index(
            "ix_recipients_tenant_name",
            "environment_id",
            # An index entry takes some 2,700 bytes; a name may be longer.
            text("\"left\"(properties ->> 'name', 200)"),
            "inserted_at",
            "id",
            postgresql_where=text("collection = '$tenants'"),
        ),
    )

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    collection: str = text_column(primary_key=True)
    id: str = text_column(primary_key=True)
    properties: dict[str, Any] = json_column()
    settings: dict[str, Any] | None = json_column(nullable=True)
    created_at: datetime | None = instant_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class ChannelData(SQLModel, table=True):
    """What a recipient needs to be reached on one channel (device tokens, connections)."""

    __tablename__ = "channel_data"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    channel_id: UUID = Field(primary_key=True)
    data: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()


class PreferenceSet(SQLModel, table=True):
    """What a recipient allows; `id` is `default` or a tenant's id."""

    __tablename__ = "preference_sets"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    id: str = text_column(primary_key=True)
    content: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()


class DefaultPreferenceSet(SQLModel, table=True):
    """What counts for the recipients of an environment that say nothing else."""

    __tablename__ = "default_preference_sets"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    content: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()


class Subscription(SQLModel, table=True):
    """That a recipient follows an object."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index(
            "ix_subscriptions_object",
            "environment_id",
            "object_collection",
            "object_id",
            "inserted_at",
            "recipient_collection",
            "recipient_id",
        ),
        Index(
            "ix_subscriptions_recipient",
            "environment_id",
            "recipient_collection",
            "recipient_id",
            "inserted_at",
            "object_collection",
            "object_id",
        ),
    )

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    object_collection: str = text_column(primary_key=True)
    object_id: str = text_column(primary_key=True)
    recipient_collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    properties: dict[str, Any] = json_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
