"""Events on their way to those who have subscribed to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, ForeignKey, Identity, Interval, Text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, text_column


class OutboxEntry(SQLModel, table=True):
    """That something happened, and to whom; written by the statement that stores the event.

    Never changed; deleted once every reader has come by. The id is drawn while the row of its
    message or run is locked, so it follows the order in which things happened to one of them.
    """

    __tablename__ = "outbox"

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    environment_id: UUID
    event_type: str
    event_id: UUID | None = None
    position: int | None = None
    message_id: UUID | None = None
    recipient_run_id: UUID | None = None
    workflow_run_id: UUID | None = None
    workflow_key: str = text_column()
    step_ref: str | None = text_column(nullable=True)
    channel_id: UUID | None = None
    collection: str = text_column()
    recipient_id: str = text_column()
    tenant_id: str | None = text_column(nullable=True)
    happened_at: datetime = instant_column()


class OutboxReader(SQLModel, table=True):
    """Somebody who reads the outbox: `position` is the id of the last row that they are done with.

    A reader that is behind for longer than `patience` is deleted, so that the outbox stays small.
    """

    __tablename__ = "outbox_readers"

    name: str = text_column(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    patience: timedelta = Field(sa_column=Column(Interval, nullable=False))
    inserted_at: datetime = instant_column()


class OutboxSubscription(SQLModel, table=True):
    """What a reader wants to hear of in one environment, from the row behind `since` on.

    Rows are written into the outbox only for what somebody has subscribed to.
    """

    __tablename__ = "outbox_subscriptions"

    reader: str = Field(
        sa_column=Column(
            Text(collation="C"),
            ForeignKey("outbox_readers.name", ondelete="CASCADE"),
            primary_key=True,
        )
    )
    environment_id: UUID = Field(primary_key=True)
    event_types: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    since: int = Field(sa_column=Column(BigInteger, nullable=False))
