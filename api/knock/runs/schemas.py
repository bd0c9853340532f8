"""Wire shapes of workflow recipient runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import LeftOut, Moment, Out
from api.knock.common import Reference, reference
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventStatus
from domain.runs.rows import RecipientRun, RunEvent
from domain.runs.statuses import RunStatus


class TriggerSourceOut(Out):
    """What caused a run."""

    type: str = Field(examples=["api"])
    cancellation_key: LeftOut[str] = None
    schedule_id: LeftOut[str] = None
    audience_key: LeftOut[str] = None

    @classmethod
    def of(cls, source: JsonObject) -> Self:
        """Write what a trigger has noted."""
        return cls(
            type=source["type"],
            cancellation_key=source.get("cancellation_key"),
            schedule_id=source.get("schedule_id"),
            audience_key=source.get("audience_key"),
        )


class RecipientRunOut(Out):
    """The run of a workflow for one recipient of a trigger."""

    typename: Annotated[Literal["WorkflowRecipientRun"], Field(alias="__typename")] = (
        "WorkflowRecipientRun"
    )
    id: UUID
    workflow_run_id: UUID
    workflow: str
    status: RunStatus
    recipient: Reference
    actor: Reference | None
    tenant: str | None
    error_count: int
    trigger_source: TriggerSourceOut
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, run: RecipientRun, **more: Any) -> Self:
        """Write a run; `more` are the members of a larger shape."""
        return cls(
            id=run.id,
            workflow_run_id=run.workflow_run_id,
            workflow=run.workflow_key,
            status=RunStatus(run.status),
            recipient=reference(run.recipient),
            actor=reference(run.actor) if run.actor else None,
            tenant=run.tenant_id,
            error_count=run.error_count,
            trigger_source=TriggerSourceOut.of(run.source),
            inserted_at=run.inserted_at,
            updated_at=run.updated_at,
            **more,
        )


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
            id=str(derived_id(run_id, "event", str(event.position))),
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
