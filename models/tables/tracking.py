"""Links that stand for longer ones."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import SQLModel

from models.tables.base import instant_column, text_column


class ShortLink(SQLModel, table=True):
    """Where a short link in a message leads.

    It outlives the message, and goes with its recipient: people follow links of old messages.
    """

    __tablename__ = "short_links"
    __table_args__ = (
        Index(
            "ix_short_links_recipient",
            *("environment_id", "recipient_id", "collection", "inserted_at"),
        ),
    )

    key: str = text_column(primary_key=True)
    environment_id: UUID
    message_id: UUID
    collection: str = text_column()
    recipient_id: str = text_column()
    url: str
    inserted_at: datetime = instant_column()
