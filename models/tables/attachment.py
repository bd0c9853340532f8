"""Files that go with messages."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import bytes_column, text_column


class StoredAttachment(SQLModel, table=True):
    """The bytes of a file, once for all messages of a trigger that have it.

    A message's content names it by the digest (SHA-256), so that a message which is sent again
    sends the same. It goes with the trigger.
    """

    __tablename__ = "attachments"

    workflow_run_id: UUID = Field(primary_key=True)
    digest: str = text_column(primary_key=True)
    environment_id: UUID
    content: bytes = bytes_column()
