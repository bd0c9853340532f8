"""What is stored of a recipient run, as each of its readers sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.kit.ids import FIRST_ID, FIRST_INSTANT, recipient_run_workflow_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.messages import Engaged, MessageSource
from domain.messages.statuses import DeliveryStatus
from domain.recipients.refs import RecipientRef
from domain.runs.events import RunEventStatus
from domain.runs.statuses import OPEN_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRun:
    """A run as lists and stories show it, with what its trigger says of it.

    Attributes:
        branch: slug of the branch whose content it uses; None for the environment's own.
    """

    id: UUID
    workflow_run_id: UUID
    workflow_key: str
    version_id: UUID
    status: str
    collection: str
    recipient_id: str
    tenant_id: str | None
    error_count: int
    event_count: int
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    inserted_at: datetime
    updated_at: datetime
    source: JsonObject
    actor_collection: str | None
    actor_id: str | None
    branch: str | None

    @property
    def recipient(self) -> RecipientRef:
        """Return whose run it is."""
        return RecipientRef(self.collection, self.recipient_id)

    @property
    def actor(self) -> RecipientRef | None:
        """Return who triggered it, if that was said."""
        if self.actor_id is None or self.actor_collection is None:
            return None
        return RecipientRef(self.actor_collection, self.actor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A line in the story of a run; `position` counts from 0 within the run."""

    position: int
    event: str
    status: str = RunEventStatus.OK
    attempt: int = 1
    step_ref: str | None = None
    step_type: str | None = None
    data: JsonObject
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRun:
    """A run that a walk has locked, with its trigger and its people.

    Attributes:
        environment: slug.
        branch_id: the branch whose content it uses; None for the environment's own.
        config_version: of the environment, as it is now.
        data: of the trigger; None when it is large and others share it.
        trigger_data: `$trigger_data` of the recipient, or of the object that has led to it.
        through_id: the followed object through which the recipient was reached, if it was.
        source: what caused the trigger.
        recipient, actor, tenant: their rows, as PostgreSQL writes them in JSON; None when there is
            none.
        preferences: the recipient's sets that may count, by id; None when it has none of them.
    """

    id: UUID
    environment_id: UUID
    environment: str
    branch_id: UUID | None
    config_version: int
    workflow_run_id: UUID
    workflow_key: str
    version_id: UUID
    collection: str
    recipient_id: str
    tenant_id: str | None
    cancellation_key: str | None
    status: str
    error_count: int
    event_count: int
    step_outcomes: JsonObject
    started_at: datetime | None
    accepted_at: datetime
    data: JsonObject | None
    trigger_data: JsonObject | None
    through_id: UUID | None
    settings: JsonObject
    source: JsonObject
    actor_collection: str | None
    actor_id: str | None
    recipient: JsonObject | None
    actor: JsonObject | None
    tenant: JsonObject | None
    preferences: JsonObject | None

    @property
    def is_open(self) -> bool:
        """Tell whether the run has not ended."""
        return self.status in OPEN_RUN

    @property
    def recipient_ref(self) -> RecipientRef:
        """Return whose run it is."""
        return RecipientRef(self.collection, self.recipient_id)

    @property
    def actor_ref(self) -> RecipientRef | None:
        """Return who triggered it, if that was said."""
        if self.actor_id is None or self.actor_collection is None:
            return None
        return RecipientRef(self.actor_collection, self.actor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message as a walk makes it; its fields are columns of `messages`.

    Attributes:
        batch_id: the batch whose items it tells of; None for its own trigger's alone.
        actors: as the API writes references to recipients.
        data: what is kept of the run's data.
        scheduled_at: the opening of its send window, or None for now.
        recipient_snapshot: what is remembered of the recipient's address.
    """

    id: UUID
    environment_id: UUID
    channel_id: UUID
    channel_type: str
    recipient_run_id: UUID
    workflow_run_id: UUID
    workflow_key: str
    version_id: UUID
    step_ref: str
    categories: list[str]
    collection: str
    recipient_id: str
    tenant_id: str | None
    actors: list[JsonValue]
    data: JsonObject
    content: JsonObject
    delivery_status: DeliveryStatus
    scheduled_at: datetime | None
    provider_metadata: JsonObject = field(default_factory=dict)
    recipient_snapshot: JsonObject | None
    batch_id: UUID | None = None
    source_type: MessageSource = MessageSource.WORKFLOW
    retry_count: int = 0
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPatch:
    """What a step changed in the data of its run; `position` counts the patches of the run."""

    recipient_run_id: UUID
    position: int
    step_ref: str
    patch: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMessage(Engaged):
    """A message that a run has made, as its later steps and walks see it."""

    id: UUID
    step_ref: str
    channel_type: str
    delivery_status: str
    scheduled_at: datetime | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInTemporal:
    """What names the Temporal workflow of a run; `environment` is a slug."""

    id: UUID
    environment: str
    workflow_key: str

    @property
    def temporal_id(self) -> str:
        """Return the id of the Temporal workflow."""
        return recipient_run_workflow_id(self.environment, self.workflow_key, str(self.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class StartableRun(RunInTemporal):
    """What the start of a run in Temporal needs."""

    environment_id: UUID
    workflow_run_id: UUID
    recipient_id: str
    tenant_id: str | None
    cancellation_key: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of open runs: by the end of their waits."""

    instant: str = FIRST_INSTANT
    run_id: str = str(FIRST_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun(StartableRun):
    """A run that has not ended, to be compared with Temporal.

    Attributes:
        event_count: tells whether it has moved since it was read.
        resumes_at: when its wait ends; None before it has begun.
        alive_at: its last sign of life.
        now: when it was read; like all of these, by the clock of the database.
    """

    event_count: int
    resumes_at: datetime | None
    alive_at: datetime
    now: datetime

    @property
    def place(self) -> Place:
        """Return its place among the runs that wait; one that has not begun stands before all."""
        if self.resumes_at is None:
            return Place(run_id=str(self.id))
        return Place(self.resumes_at.isoformat(), str(self.id))
