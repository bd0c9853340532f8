"""What is read for a try: content that is not published yet, and what past runs went through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.audiences.members import Membership
from domain.kit.json_types import JsonObject
from domain.messages.messages import Engaged
from domain.messages.statuses import ENGAGEMENT_COLUMNS
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import ReachedThrough
from domain.runs.rows import TakenRun
from domain.schedules.rows import Schedule
from domain.workflows import WorkflowDefinition


@dataclass(frozen=True, slots=True)
class PendingContent:
    """A piece of content as it would be published."""

    resource_type: str
    key: str
    content: JsonObject


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a trigger names for one of its recipients."""

    recipient: RecipientRef
    actor: RecipientRef | None
    tenant_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingSchedule(Schedule):
    """A schedule that is going to occur.

    Attributes:
        data: of its runs; None also where it is not readable.
        zone: the recipient's time zone as it was given, if it was.
        is_readable: whether there was room for its data.
    """

    zone: str | None
    is_readable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """Whom a file names for a broadcast.

    Attributes:
        data: for this one alone; None also where it is not readable.
        is_readable: whether there was room for the data.
    """

    user_id: str
    tenant_id: str
    data: JsonObject | None
    is_readable: bool

    @property
    def membership(self) -> Membership:
        """Return it without the data."""
        return Membership(self.user_id, self.tenant_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Whom an imagined trigger names, as PostgreSQL writes them in JSON."""

    recipient: JsonObject | None
    actor: JsonObject | None
    tenant: JsonObject | None
    preferences: JsonObject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMessage(Engaged):
    """Where a message stands that a run has made."""

    recipient_run_id: UUID
    step_ref: str
    channel_id: UUID
    delivery_status: str

    def engaged_by(self, now: datetime) -> list[str]:
        """Return what its recipient had done with it at an instant."""
        instants = {status: getattr(self, column) for status, column in ENGAGEMENT_COLUMNS.items()}
        return [status.value for status, at in instants.items() if at is not None and at <= now]


@dataclass(frozen=True, slots=True)
class WaitEnd:
    """How a wait for an event has ended, and when."""

    matched: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a past run went through, where a walk cannot find it out again.

    Attributes:
        patches: what its steps changed in its data, by position.
        outputs: variables of the events that it waited for, by step ref.
        wait_ends: how its waits ended, by step ref.
        messages: what it has made.
        cancelled_at: when somebody cancelled it.
        through: how its recipient was reached, if not by name.
    """

    patches: Mapping[int, JsonObject] = field(default_factory=dict)
    outputs: Mapping[str, JsonObject] = field(default_factory=dict)
    wait_ends: Mapping[str, WaitEnd] = field(default_factory=dict)
    messages: tuple[RecordedMessage, ...] = ()
    cancelled_at: datetime | None = None
    through: ReachedThrough | None = None


NO_RECORD: Record = Record()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunToWalk:
    """A run, recorded or imagined, with what a walk needs beside the configuration.

    Attributes:
        data: of its trigger.
        record: what it went through.
        then: what a recorded run walked through.
        definition: what it walks through in both worlds, where that is no workflow.
        unmade: for each world why there is no such run in it; None where there is.
        entered: for which tenants its recipient has entered the workflow before, in reality.
    """

    taken: TakenRun
    data: JsonObject
    record: Record
    then: WorkflowDefinition | None
    definition: WorkflowDefinition | None = None
    unmade: tuple[str | None, str | None] = (None, None)
    entered: frozenset[str] = frozenset()
