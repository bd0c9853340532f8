"""Runs that a throttle let pass."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column


class ThrottlePass(SQLModel, table=True):
    """One run that passed a throttle step; those that were stopped leave no row.

    `throttle_id` is derived from what is counted together: workflow, step, recipient and key. A
    pass counts no more after `ends_at`; the sweep deletes it then.
    """

    __tablename__ = "throttle_passes"
    __table_args__ = (Index(None, "ends_at"),)

    throttle_id: UUID = Field(primary_key=True)
    passed_at: datetime = instant_column(primary_key=True)
    recipient_run_id: UUID = Field(primary_key=True)
    ends_at: datetime = instant_column()
