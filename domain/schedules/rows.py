"""What is stored of a schedule."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.windows import WindowRule, parse_window_rule
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from domain.schedules.occurrences import Timing
from domain.schedules.requests import NewSchedules

# What an answer shows of a schedule's data: a hundred schedules may share 10 MB.
MAX_SHOWN_DATA_BYTES = 256 * 1024


class DropReason(StrEnum):
    """Why an occurrence made no run."""

    TOO_LATE = "too_late"
    WORKFLOW_MISSING = "workflow_missing"
    WORKFLOW_INACTIVE = "workflow_inactive"
    DATA_INVALID = "data_invalid"
    SCHEMA_INVALID = "workflow_schema_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule of one recipient.

    Attributes:
        branch_id: the branch whose content its runs use, or None.
        data: of every run; None also when it is too large to be shown.
        repeats: rules as they were read, every member of each.
        paused_at: since when an operator lets nothing occur.
        next_occurrence_at: None when nothing is to come, or while it is paused.
        last_occurrence_at: the last one that made a run.
        dropped_at: the last one that made none.
        drop_reason: why it made none.
    """

    id: UUID
    branch_id: UUID | None
    workflow_key: str
    collection: str
    recipient_id: str
    tenant_id: str | None
    actor_collection: str | None
    actor_id: str | None
    data: JsonObject | None
    repeats: list[JsonObject]
    scheduled_at: datetime | None
    ending_at: datetime | None
    paused_at: datetime | None
    next_occurrence_at: datetime | None
    last_occurrence_at: datetime | None
    dropped_at: datetime | None
    drop_reason: str | None
    inserted_at: datetime
    updated_at: datetime

    @property
    def recipient(self) -> RecipientRef:
        """Return whose it is."""
        return RecipientRef(self.collection, self.recipient_id)

    @property
    def actor(self) -> RecipientRef | None:
        """Return who does what it triggers, if that was said."""
        if self.actor_id is None or self.actor_collection is None:
            return None
        return RecipientRef(self.actor_collection, self.actor_id)

    @property
    def timing(self) -> Timing:
        """Return when it occurs; rules that this version cannot read are passed over."""
        return Timing(
            rules_of(self.repeats),
            self.scheduled_at,
            self.ending_at,
            self.scheduled_at or self.inserted_at,
        )


def rules_of(repeats: list[JsonObject]) -> tuple[WindowRule, ...] | None:
    """Read stored repeats; what another version stored and this one cannot read is passed over.

    Returns:
        The rules, or None when there is nothing to repeat.
    """
    if not repeats:
        return None
    rules = []
    for stored in repeats:
        with suppress(InvalidParams):
            rules.append(parse_window_rule(stored))
    return tuple(rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSchedule(Schedule):
    """A schedule whose time has come, locked.

    Attributes:
        data: of the run, however large.
        environment: slug.
        config_version: of the environment, as it is now.
        zone: the recipient's time zone as it was given, if it was.
        is_left_over: whether its branch was deleted while it was made.
    """

    environment_id: UUID
    environment: str
    config_version: int
    zone: str | None
    is_left_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSchedule:
    """Which schedule is due."""

    id: UUID
    environment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """A schedule with its people as they are now."""

    schedule: Schedule
    recipient: Recipient
    actor: Recipient | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """That something has to be looked at: a schedule's next occurrence, by the id of it."""

    schedule_id: UUID
    at: datetime | None

    def clock(self, clocks: int) -> int:
        """Return which of so many clocks looks after it: by the last byte, which is random."""
        return self.schedule_id.bytes[-1] % clocks


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """One schedule on its way to be stored.

    Attributes:
        wanted: what it has in common with others of the same request.
        own_data: data of its own, in place of the common one.
        appointment: its id, and when it occurs first.
    """

    wanted: NewSchedules
    recipient: RecipientRef
    own_data: JsonObject | None
    appointment: Appointment


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """That a recipient's time zone was changed."""

    environment_id: UUID
    collection: str
    recipient_id: str
    moved_at: datetime

    @property
    def recipient(self) -> RecipientRef:
        """Return who has moved."""
        return RecipientRef(self.collection, self.recipient_id)
