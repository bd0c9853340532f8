"""Messages as they are stored, and what is stored beside them.

The fields of these rows name columns of `messages`, `message_events` and `delivery_attempts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.statuses import ENGAGEMENT_COLUMNS, EngagementStatus
from domain.recipients.refs import RecipientRef


class MessageSource(StrEnum):
    """What has made a message (Knock API reference, Message: `source.type`)."""

    WORKFLOW = "workflow"
    BROADCAST = "broadcast"
    GUIDE = "guide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged:
    """When a recipient did what with a message; see `ENGAGEMENT_COLUMNS`."""

    seen_at: datetime | None
    read_at: datetime | None
    interacted_at: datetime | None
    link_clicked_at: datetime | None
    archived_at: datetime | None

    @property
    def engagement_statuses(self) -> list[EngagementStatus]:
        """Return what holds, in the order in which a message lists it."""
        return [
            status
            for status, column in ENGAGEMENT_COLUMNS.items()
            if getattr(self, column) is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMessage(Engaged):
    """What is shown of a message in lists and in feeds.

    Attributes:
        batch_id: the batch whose items it tells of; None for its own trigger's alone.
        actors: references as the API writes them; of a batch the first ten that are rendered.
        data: what is kept of the trigger's data (`domain/messages/kept_data.py`).
        source_type: what has made it; `workflow_key` is the key of that.
    """

    id: UUID
    recipient_run_id: UUID | None
    batch_id: UUID | None
    source_type: str
    workflow_key: str
    version_id: UUID
    categories: list[str]
    collection: str
    recipient_id: str
    tenant_id: str | None
    actors: list[JsonValue]
    data: JsonObject
    inserted_at: datetime
    updated_at: datetime

    @property
    def recipient(self) -> RecipientRef:
        """Return whom it is for."""
        return RecipientRef(self.collection, self.recipient_id)

    @property
    def actor_refs(self) -> list[RecipientRef]:
        """Return who caused it."""
        return [RecipientRef.of_wire(actor) for actor in self.actors]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(BaseMessage):
    """A message with its channel, without its content, which may be large.

    Attributes:
        channel_key: like the other members that begin so, None when the channel is gone.
    """

    channel_id: UUID
    channel_type: str
    workflow_run_id: UUID | None
    step_ref: str
    delivery_status: str
    scheduled_at: datetime | None
    provider_metadata: JsonObject
    recipient_snapshot: JsonObject | None
    channel_key: str | None
    channel_name: str | None
    channel_provider: str | None
    channel_inserted_at: datetime | None
    channel_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem(BaseMessage):
    """An in-app message with its content, as a feed shows it.

    Attributes:
        total_activities: how many triggers its batch holds; None without a batch.
        total_actors: how many people caused those.
    """

    content: JsonObject
    total_activities: int | None
    total_actors: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCounts:
    """What the badges of a feed show."""

    total_count: int
    unread_count: int
    unseen_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChange(FeedCounts):
    """What the badges of a feed show after new items came, and whether it shows one of those."""

    has_news: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedContent:
    """What was rendered for a message."""

    id: UUID
    channel_type: str
    content: JsonObject
    recipient_snapshot: JsonObject | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """One change of a message's status."""

    id: UUID
    event_type: str
    data: JsonObject | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One call of a provider; `response` is None when no answer came."""

    id: UUID
    environment_id: UUID
    service_name: str
    request: JsonObject
    response: JsonObject | None
    inserted_at: datetime
