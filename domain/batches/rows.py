"""What is stored of batches; the fields name columns of `batches` and `batch_items`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.batches.windows import Window
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch that is locked, or that has closed.

    Attributes:
        branch_id: the branch that its runs are on, if they are.
        identity: of what belongs together; one batch of an identity is open at a time.
        batch_key: what the step's key gave, for people.
        is_latest: whether the newest version of the workflow goes on.
        leader_run_id: the run that opened it.
        carrier_run_id: the run that waits for its end and goes on with all items; None while only
            an item is known that went through at once.
        closed_at: None while it is open.
        resumed_at: when its carrier went on.
        version_id: what the carrier goes on with; None for its own. Known when it has closed, like
            both totals.
    """

    id: UUID
    environment_id: UUID
    workflow_key: str
    step_ref: str
    collection: str
    recipient_id: str
    identity: bytes
    batch_key: str
    is_latest: bool
    leader_run_id: UUID
    carrier_run_id: UUID | None
    opened_at: datetime
    closes_at: datetime
    extends_to: datetime | None
    max_items: int | None
    item_count: int
    closed_at: datetime | None = None
    resumed_at: datetime | None = None
    version_id: UUID | None = None
    total_activities: int | None = None
    total_actors: int | None = None
    branch_id: UUID | None = None

    @property
    def window(self) -> Window:
        """Return what its rules are about."""
        return Window(self.closes_at, self.extends_to, self.max_items, self.item_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """What one trigger contributes to a batch.

    Attributes:
        workflow_run_id: of the trigger; items are in the order of these ids.
        data: what is kept of the run's data, to be combined.
        inserted_at: when the trigger was accepted.
    """

    batch_id: UUID
    recipient_run_id: UUID
    step_ref: str
    environment_id: UUID
    workflow_run_id: UUID
    workflow_key: str
    cancellation_key: str | None
    actor_collection: str | None
    actor_id: str | None
    data: JsonObject
    inserted_at: datetime

    @property
    def actor(self) -> RecipientRef | None:
        """Return who triggered it, if that was said."""
        if self.actor_id is None or self.actor_collection is None:
            return None
        return RecipientRef(self.actor_collection, self.actor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueBatch:
    """An open batch whose window nobody has closed in time."""

    id: UUID
    environment_id: UUID
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedBatch:
    """A closed batch whose carrier has not gone on.

    Attributes:
        environment: slug.
        end_reason: of the carrier, once it has ended; None for a run that is not there, too.
    """

    id: UUID
    environment_id: UUID
    environment: str
    workflow_key: str
    carrier_run_id: UUID
    total_activities: int
    closed_at: datetime
    is_carrier_open: bool
    end_reason: str | None

    @property
    def is_lost(self) -> bool:
        """Tell whether there is something to tell, and its carrier was ended from outside."""
        was_ended = self.end_reason is None or self.end_reason.endswith("_temporal")
        return not self.is_carrier_open and was_ended and self.total_activities > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A batch as operators see it; `closed_at` is None while it takes items.

    Attributes:
        branch: slug of the branch that its runs are on; None without one.
    """

    id: UUID
    workflow_key: str
    branch: str | None
    step_ref: str
    collection: str
    recipient_id: str
    batch_key: str
    carrier_run_id: UUID | None
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    max_items: int | None
    item_count: int

    @property
    def recipient(self) -> RecipientRef:
        """Return for whom it gathers."""
        return RecipientRef(self.collection, self.recipient_id)


@dataclass(frozen=True, slots=True)
class BatchFilters:
    """Which open batches a list holds."""

    workflow_key: Annotated[
        str | None, Filter("Only batches of the workflow with this key.", name="workflow")
    ] = None
    recipient: Annotated[
        RecipientRef | None,
        Filter("Only batches for this recipient: a user id, or recipient[id] and [collection]."),
    ] = None
