"""Broadcasts as they are stored, and what is to be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import Instant, Shape


class BroadcastStatus(StrEnum):
    """How far a broadcast has come (Management API reference, Broadcast)."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENT = "sent"


class SendIn(Shape):
    """When a broadcast is to be sent."""

    send_at: Instant | None = Field(
        None, description="When to send it; at once if it is left out or in the past."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBroadcast:
    """A broadcast in one environment.

    Attributes:
        content: what its author wrote, normalised.
        scheduled_at: when it will be sent, or was to be; None for a draft.
        sends: how often somebody has asked for it to be sent; a cancel takes none back.
        version_id: what its runs walk through; None for a draft.
        workflow_run_id: the trigger that it became; None before it is sent.
        upload_id: the bulk operation that reads who receives it from a file; None when that
            follows from its audience.
        upload_is_complete: whether all of the file was read.
    """

    environment_id: UUID
    key: str
    content: JsonObject
    sha: str
    status: str
    scheduled_at: datetime | None
    sent_at: datetime | None
    sends: int
    version_id: UUID | None
    workflow_run_id: UUID | None
    upload_id: UUID | None
    upload_is_complete: bool
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueBroadcast:
    """A broadcast whose time has come, and that is not sent; `environment` is a slug."""

    environment_id: UUID
    environment: str
    key: str
    sends: int
    scheduled_at: datetime

    @property
    def scope(self) -> EnvironmentScope:
        """Return where it is sent."""
        return EnvironmentScope(self.environment_id, self.environment)
