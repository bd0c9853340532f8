"""Filters of lists, as the API reference names them: all apply, any value of a list is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.kit.filters import Bounds, DataFilter
from domain.recipients.refs import RecipientRef

ENGAGEMENT_FILTERS = (
    "seen",
    "unseen",
    "read",
    "unread",
    "archived",
    "unarchived",
    "link_clicked",
    "interacted",
)
FEED_STATUSES = ("unread", "read", "unseen", "seen", "all")


class Archived(StrEnum):
    """Whether a feed shows archived items."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list holds.

    Attributes:
        source: key of the workflow.
        trigger_data: top-level values that the message's data must have.
    """

    recipient: RecipientRef | None = None
    tenant: str | None = None
    channel_id: UUID | None = None
    statuses: list[str] | None = None
    engagement: list[str] | None = None
    message_ids: list[UUID] | None = None
    categories: list[str] | None = None
    source: str | None = None
    workflow_run_id: UUID | None = None
    recipient_run_id: UUID | None = None
    trigger_data: DataFilter | None = None
    inserted_at: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which items a feed shows; `tenant` also shows items without any, unless `has_tenant`."""

    status: str = "all"
    archived: Archived = Archived.EXCLUDE
    tenant: str | None = None
    has_tenant: bool | None = None
    source: str | None = None
    categories: list[str] | None = None
    trigger_data: DataFilter | None = None
    inserted_at: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which recipient runs a list holds."""

    workflow_key: str | None = None
    statuses: list[str] | None = None
    tenant: str | None = None
    has_errors: bool | None = None
    recipient: RecipientRef | None = None
    starting_at: datetime | None = None
    ending_at: datetime | None = None
