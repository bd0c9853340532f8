"""Messages, what happened to them, and every attempt to deliver them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from domain.messages.statuses import ENGAGEMENT_COLUMNS, FAILED_DELIVERY
from models.tables.base import (
    column_while,
    instant_column,
    json_column,
    text_column,
    text_list_column,
)

# As PostgreSQL writes it back. A number, because SQLAlchemy does not know the type `xid8`.
_THIS_TRANSACTION = "((pg_current_xact_id())::text)::bigint"


class Message(SQLModel, table=True):
    """A notification for one recipient on one channel, with its rendered content.

    The id is derived from run, step and channel, so a step can never make two. `failed_status`
    stands in for the delivery status in an index, so that a message that is delivered touches none.
    `known_as` is what its vendor calls it, for the few vendors that tell of it by that name alone.
    `made_by` is the transaction that made it, by which a bulk operation tells what existed before.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "ix_messages_recipient_feed",
            "environment_id",
            "recipient_id",
            "collection",
            text("inserted_at DESC"),
            text("id DESC"),
            # Last, so that one index serves a user's messages and the feed of one channel.
            "channel_id",
            # What feeds are counted and filtered by, so that no message is read for that.
            postgresql_include=[
                "seen_at",
                "read_at",
                "archived_at",
                "tenant_id",
                "workflow_key",
                "categories",
            ],
        ),
        Index(
            "ix_messages_channel",
            "environment_id",
            "channel_id",
            text("inserted_at DESC"),
            text("id DESC"),
        ),
        Index("ix_messages_newest", "environment_id", text("inserted_at DESC"), text("id DESC")),
        Index(
            "ix_messages_workflow",
            "environment_id",
            "workflow_key",
            text("inserted_at DESC"),
            text("id DESC"),
        ),
        Index(
            "ix_messages_tenant",
            "environment_id",
            "tenant_id",
            text("inserted_at DESC"),
            text("id DESC"),
            postgresql_where=text("tenant_id IS NOT NULL"),
        ),
        Index("ix_messages_run", "workflow_run_id", "recipient_run_id"),
        Index(
            "ix_messages_known_as",
            "channel_id",
            "known_as",
            postgresql_where=text("known_as IS NOT NULL"),
        ),
        # What a few among all messages have; it finds no order.
        Index(
            "ix_messages_values",
            "data",
            "categories",
            postgresql_using="gin",
            postgresql_ops={"data": "jsonb_path_ops"},
        ),
        Index(
            "ix_messages_failed",
            "environment_id",
            "failed_status",
            text("inserted_at DESC"),
            text("id DESC"),
            postgresql_where=text("failed_status IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_messages_{status}",
                "environment_id",
                text("inserted_at DESC"),
                text("id DESC"),
                postgresql_where=text(f"{column} IS NOT NULL"),
            )
            for status, column in ENGAGEMENT_COLUMNS.items()
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    channel_id: UUID
    channel_type: str
    recipient_run_id: UUID | None = None
    workflow_run_id: UUID | None = None
    batch_id: UUID | None = None
    source_type: str = Field(default="workflow", sa_column_kwargs={"server_default": "workflow"})
    workflow_key: str = text_column()
    version_id: UUID
    step_ref: str = text_column()
    categories: list[str] = text_list_column()
    collection: str = text_column()
    recipient_id: str = text_column()
    tenant_id: str | None = text_column(nullable=True)
    actors: list[Any] = json_column()
    data: dict[str, Any] = json_column()
    content: dict[str, Any] = json_column()
    delivery_status: str = text_column()
    failed_status: str | None = column_while(
        "delivery_status", status="delivery_status", among=FAILED_DELIVERY
    )
    seen_at: datetime | None = instant_column(nullable=True)
    read_at: datetime | None = instant_column(nullable=True)
    interacted_at: datetime | None = instant_column(nullable=True)
    link_clicked_at: datetime | None = instant_column(nullable=True)
    archived_at: datetime | None = instant_column(nullable=True)
    scheduled_at: datetime | None = instant_column(nullable=True)
    provider_metadata: dict[str, Any] = json_column()
    known_as: str | None = text_column(nullable=True)
    recipient_snapshot: dict[str, Any] | None = json_column(nullable=True)
    retry_count: int = 0
    made_by: int = Field(
        sa_column=Column(BigInteger, server_default=text(_THIS_TRANSACTION), nullable=False)
    )
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class MessageEvent(SQLModel, table=True):
    """One change of a message's status."""

    __tablename__ = "message_events"

    message_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    event_type: str
    data: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()


class DeliveryAttempt(SQLModel, table=True):
    """One call of a provider, as the delivery log shows it; secrets are redacted.

    `attempt` is 0 for a call that asks what became of the message.
    """

    __tablename__ = "delivery_attempts"

    message_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    environment_id: UUID
    attempt: int
    service_name: str
    request: dict[str, Any] = json_column()
    response: dict[str, Any] | None = json_column(nullable=True)
    inserted_at: datetime = instant_column()
