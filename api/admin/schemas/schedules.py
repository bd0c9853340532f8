"""Wire shapes of schedules as an operator sees them."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import Moment, Out
from domain.schedules.rows import DropReason, Schedule


class ScheduleStateOut(Out):
    """When a schedule occurs, and why not; what it triggers is in the Knock API."""

    id: UUID
    workflow: str
    paused_at: Moment | None
    next_occurrence_at: Moment | None
    last_occurrence_at: Moment | None
    dropped_at: Moment | None = Field(description="The last occurrence that made no run.")
    drop_reason: DropReason | None = Field(description="Why it made no run.")

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Write the state of a schedule."""
        reason = schedule.drop_reason
        return cls(
            id=schedule.id,
            workflow=schedule.workflow_key,
            paused_at=schedule.paused_at,
            next_occurrence_at=schedule.next_occurrence_at,
            last_occurrence_at=schedule.last_occurrence_at,
            dropped_at=schedule.dropped_at,
            drop_reason=None if reason is None else DropReason(reason),
        )


class ScheduleStateBodyOut(Out):
    """The schedule as it is now."""

    schedule: ScheduleStateOut

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Write the state of a schedule."""
        return cls(schedule=ScheduleStateOut.of(schedule))
