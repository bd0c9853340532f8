"""Wire shapes of workflow recipient runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import Moment, Out
from domain.kit.ids import run_event_id
from domain.runs.answers import RecipientRunOut
from domain.runs.events import RunEventStatus
from domain.runs.rows import RecipientRun, RunEvent

__all__ = ["RecipientRunDetailOut", "RecipientRunOut", "RunEventOut"]


class RunEventOut(Out):
    """A line in the story of a run; its id is derived from the run and the line's place in it."""

    typename: Annotated[Literal["WorkflowRecipientRunEvent"], Field(alias="__typename")] = (
        "WorkflowRecipientRunEvent"
    )
    id: str
    event: str
    status: Literal["ok", "error"]
    attempt: int
    step_ref: str | None
    step_type: str | None
    data: dict[str, Any] | None
    inserted_at: Moment

    @classmethod
    def of(cls, run_id: UUID, event: RunEvent) -> Self:
        """Write an event of a run."""
        return cls(
            id=str(run_event_id(run_id, event.position)),
            event=event.event,
            status="error" if event.status == RunEventStatus.ERROR else "ok",
            attempt=event.attempt,
            step_ref=event.step_ref,
            step_type=event.step_type,
            data=event.data,
            inserted_at=event.inserted_at,
        )


class RecipientRunDetailOut(RecipientRunOut):
    """A run with its story."""

    events: list[RunEventOut]

    @classmethod
    def of_story(cls, run: RecipientRun, story: Sequence[RunEvent]) -> Self:
        """Write a run and its story."""
        return cls.of(run, events=[RunEventOut.of(run.id, event) for event in story])
