"""What is stored of sources and their events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject

MAX_EVENT_NAME = 255
MAX_IDEMPOTENCY_KEY = 255
# What verification says of an event that was tried out, and not sent.
REHEARSED = "rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of the account."""

    id: UUID
    key: str
    name: str
    description: str | None
    custom_image_url: str | None
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEnvironment:
    """How a source works in one environment; its secret is sealed. `environment` is a slug."""

    source_id: UUID
    source_key: str
    environment_id: UUID
    environment: str
    endpoint_id: str
    settings: JsonObject
    verification: JsonObject | None
    sealed_secret: bytes | None
    mappings: list[Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """An event that a source has sent; its fields are columns."""

    id: UUID
    environment_id: UUID
    source_key: str
    event: str
    body: JsonObject
    headers: JsonObject
    verification_status: str
    idempotency_key: str | None
    happened_at: datetime
    inserted_at: datetime
    processed_at: datetime | None = None

    def content(self) -> JsonObject:
        """Return what paths lead into."""
        return {"body": self.body, "headers": self.headers}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """An action that was taken for an event; its fields are columns."""

    event_id: UUID
    position: int
    id: UUID
    environment_id: UUID
    action_type: str
    parameters: JsonObject | None
    payload: JsonObject | None
    status: str
    result: JsonObject | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """A name under which a source has sent events."""

    event: str
    last_received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """What a source has sent in the last 30 days."""

    events_count: int
    last_event_received: datetime | None


@dataclass(frozen=True, slots=True)
class SourceLog:
    """An event, with what was done for it where that was asked for."""

    event: SourceEvent
    actions: list[ActionRow] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class LogFilters:
    """Which events of a source a list is asked for."""

    date: Annotated[str | None, Filter("Only events of this day in UTC.")] = None
    starting_at: Annotated[datetime | None, Filter("Only events since this time.")] = None
    ending_at: Annotated[datetime | None, Filter("Only events until this time.")] = None
    event: Annotated[str | None, Filter("Only events with this name.")] = None
    id: Annotated[UUID | None, Filter("Only this event.")] = None
    include: Annotated[
        list[str] | None, Filter("What to add to each event.", choices=("actions",))
    ] = None
