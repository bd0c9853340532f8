"""Guides: in which order an environment shows them, and what users did with them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, text_column, text_list_column


class GuideGroup(SQLModel, table=True):
    """The order of an environment's guides, and how long none is shown after one was dismissed.

    Guides that neither list names come last, the oldest first.
    """

    __tablename__ = "guide_groups"

    environment_id: UUID = Field(foreign_key="environments.id", primary_key=True)
    display_interval: int | None = None
    display_sequence: list[str] = text_list_column()
    unthrottled: list[str] = text_list_column()
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class GuideEngagement(SQLModel, table=True):
    """That a user has done something with a step of a guide; the message tells what.

    `is_final` says that the user is done with the whole guide once that message is archived.
    """

    __tablename__ = "guide_engagements"

    environment_id: UUID = Field(primary_key=True)
    user_id: str = text_column(primary_key=True)
    guide_key: str = text_column(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    message_id: UUID
    is_final: bool


class GuideTenantEngagement(SQLModel, table=True):
    """The same of a guide that is new to a user for each tenant; `tenant_id` is empty for none."""

    __tablename__ = "guide_tenant_engagements"

    environment_id: UUID = Field(primary_key=True)
    user_id: str = text_column(primary_key=True)
    guide_key: str = text_column(primary_key=True)
    step_ref: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    message_id: UUID
    is_final: bool


class GuideDisplay(SQLModel, table=True):
    """When a user has last dismissed a guide, after which no other one is shown for a while."""

    __tablename__ = "guide_displays"

    environment_id: UUID = Field(primary_key=True)
    user_id: str = text_column(primary_key=True)
    dismissed_at: datetime = instant_column()
