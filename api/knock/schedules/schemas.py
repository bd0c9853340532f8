"""Wire shapes of schedules."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.knock.recipients.schemas import RecipientOut, recipient_out
from domain.kit.answers import Moment, Out
from domain.kit.json_types import JsonObject
from domain.schedules.rows import ScheduleView


class RepeatOut(Out):
    """A rule by which a schedule repeats, in its recipient's time zone."""

    typename: Annotated[Literal["ScheduleRepeat"], Field(alias="__typename")] = "ScheduleRepeat"
    frequency: Literal["hourly", "daily", "weekly", "monthly"]
    interval: int
    day_of_month: int | None
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None
    hours: int | None
    minutes: int | None

    @classmethod
    def of(cls, repeat: JsonObject) -> Self:
        """Write a rule as it is stored."""
        return cls.model_validate({name: repeat.get(name) for name in _REPEAT})


_REPEAT = tuple(name for name in RepeatOut.model_fields if name != "typename")


class ScheduleOut(Out):
    """When a workflow runs for a recipient."""

    typename: Annotated[Literal["Schedule"], Field(alias="__typename")] = "Schedule"
    id: UUID
    workflow: str
    recipient: RecipientOut
    actor: RecipientOut | None
    tenant: str | None
    data: dict[str, Any] | None = Field(description="Also null if it is larger than 256 kB.")
    repeats: list[RepeatOut]
    scheduled_at: Moment | None
    ending_at: Moment | None
    next_occurrence_at: Moment | None = Field(
        description="null if there are no more occurrences, or while it is paused."
    )
    last_occurrence_at: Moment | None
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: ScheduleView) -> Self:
        """Write a schedule."""
        schedule = view.schedule
        return cls(
            id=schedule.id,
            workflow=schedule.workflow_key,
            recipient=recipient_out(view.recipient),
            actor=recipient_out(view.actor) if view.actor else None,
            tenant=schedule.tenant_id,
            data=schedule.data,
            repeats=[RepeatOut.of(repeat) for repeat in schedule.repeats],
            scheduled_at=schedule.scheduled_at,
            ending_at=schedule.ending_at,
            next_occurrence_at=schedule.next_occurrence_at,
            last_occurrence_at=schedule.last_occurrence_at,
            inserted_at=schedule.inserted_at,
            updated_at=schedule.updated_at,
        )
