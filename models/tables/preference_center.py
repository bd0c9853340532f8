"""What the hosted page shows on which recipients tend to their preferences."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column


class PreferenceCenter(SQLModel, table=True):
    """The page of one environment; one without a row has the built-in texts, and is off."""

    __tablename__ = "preference_centers"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    enabled: bool
    config: dict[str, Any] = json_column()
    updated_at: datetime = instant_column()
