"""Messages on their way to a provider."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, text_column


class PendingDelivery(SQLModel, table=True):
    """A message that still needs its provider; the row goes with the message's final status.

    Whoever calls the provider claims the row first: it holds a lease, renews it while the provider
    talks, and stores the outcome under its own name. Nothing else may send the message meanwhile.
    Attempts count answers of the provider, interruptions the claims that never came back.

    An item of a feed that waits for its send window has a row, too, which says whose feed leaves it
    out; `collection` and `recipient_id` are null for everything else.
    """

    __tablename__ = "deliveries"
    # The lease is in no index, so that claiming and renewing stay HOT updates.
    __table_args__ = (
        Index(None, "due_at"),
        Index(
            "ix_deliveries_held_items",
            "environment_id",
            "recipient_id",
            "collection",
            postgresql_where=text("recipient_id IS NOT NULL"),
        ),
    )

    message_id: UUID = Field(primary_key=True)
    environment_id: UUID
    channel_id: UUID
    channel_type: str
    due_at: datetime = instant_column()
    retry: int
    attempts: int
    interruptions: int
    held_for: str | None = text_column(nullable=True)
    lease_until: datetime | None = instant_column(nullable=True)
    lease_owner: UUID | None = None
    inserted_at: datetime = instant_column()
    collection: str | None = text_column(nullable=True)
    recipient_id: str | None = text_column(nullable=True)
