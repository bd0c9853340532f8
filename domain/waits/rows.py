"""What is stored of a run that waits for an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from domain.runs.rows import RunInTemporal

# A transaction may store an event some time after the instant that the event has. So a look begins
# this long before the last one; what was judged then is known.
OVERLAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that a wait may be for.

    Attributes:
        id: tells it from all others of its kind.
        at: when it was stored, or its row says that it happened.
        variables: what conditions see as `event`.
    """

    id: str
    at: datetime
    variables: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWait:
    """A wait as the walk writes it that arrives at its step; its fields are columns.

    Attributes:
        event_type: a kind of event, such as `message`.
        event_key: what happens, such as `read`.
        source_type: what makes a message that is waited for; else `workflow`.
        source_key: of the workflow, source, audience and the like; empty where there is none.
        recipient_path: where an event of a source names its recipient; else empty.
        collection: with `recipient_id`, whose run it is.
        looks_from: events before it need not be looked at.
        judged: ids of those since then that did not match, with when they happened.
    """

    recipient_run_id: UUID
    step_ref: str
    environment_id: UUID
    workflow_key: str
    event_type: str
    event_key: str
    source_key: str
    recipient_path: str
    collection: str
    recipient_id: str
    registered_at: datetime
    expires_at: datetime
    looks_from: datetime
    source_type: str = "workflow"
    judged: dict[str, float] = field(default_factory=dict)

    def after(self, judged: Sequence[Candidate], now: datetime) -> Self:
        """Return the wait as it is when some more events were judged, and did not match."""
        looks_from = max(self.looks_from, now - OVERLAP)
        known = {**self.judged, **{each.id: each.at.timestamp() for each in judged}}
        since = looks_from.timestamp()
        return replace(
            self,
            looks_from=looks_from,
            judged={name: at for name, at in known.items() if at >= since},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWait(NewWait):
    """A wait as it is found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsettledWait(EventWait):
    """A wait that was registered some time ago; `environment` is a slug."""

    environment: str

    @property
    def run(self) -> RunInTemporal:
        """Return what names its run in Temporal."""
        return RunInTemporal(
            id=self.recipient_run_id,
            environment=self.environment,
            workflow_key=self.workflow_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedRun:
    """A step of a run that waits for something that has happened."""

    environment_id: UUID
    recipient_run_id: UUID
    step_ref: str
    workflow_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingRecipient(AwaitedRun):
    """The same with whose run it is."""

    collection: str
    recipient_id: str
    registered_at: datetime

    @property
    def recipient(self) -> RecipientRef:
        """Return whose run it is."""
        return RecipientRef(self.collection, self.recipient_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """A change of a recipient for a wait that may be for it; the fields are columns."""

    recipient_run_id: UUID
    step_ref: str
    id: UUID
    environment_id: UUID
    variables: JsonObject
    happened_at: datetime
