"""What the outbox holds for its readers: that something happened, and to whom.

Contents are not copied. A reader decides by what is here whether an event concerns it, and loads
the rest by id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

# A reader that is behind for longer is given up, so that the outbox stays small.
PATIENCE = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a message or to a recipient run.

    Attributes:
        event_type: a `MessageEventType` or a `RunEventType`.
        event_id: of a message event, stored or derived; None for a run event.
        position: of a run event in its run's story; None for a message event.
        message_id: None for a run event.
        step_ref: of the step that made the message, or that the run event belongs to.
        channel_id: None for a run event.
        collection: of the recipient, such as `$users`.
        happened_at: as the event itself tells it.
    """

    environment_id: UUID
    event_type: str
    event_id: UUID | None = None
    position: int | None = None
    message_id: UUID | None = None
    recipient_run_id: UUID | None
    workflow_run_id: UUID | None
    workflow_key: str
    step_ref: str | None
    channel_id: UUID | None = None
    collection: str
    recipient_id: str
    tenant_id: str | None
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow(Happening):
    """A happening in the outbox.

    Attributes:
        id: its place. Of the events of one message or one run, a later one has a greater id.
    """

    id: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one reader wants to hear of.

    Attributes:
        reader: its name, the same in every environment.
        event_types: message events and run events.
        patience: how far it may be behind before it is forgotten.
    """

    reader: str
    event_types: frozenset[str] = field(default_factory=frozenset)
    patience: timedelta = PATIENCE


@dataclass(frozen=True, slots=True)
class ReaderState:
    """How far a reader has come.

    Attributes:
        position: the id of the last row that it is done with.
        behind_since: when the oldest event happened that it has not come to; None: it has come to
            the end.
    """

    name: str
    position: int
    patience: timedelta
    behind_since: datetime | None

    def behind(self, now: datetime) -> timedelta:
        """Return how far it is behind."""
        return timedelta(0) if self.behind_since is None else now - self.behind_since
