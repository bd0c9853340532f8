"""A recipient run as clients are told of it: by the API, and by webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs
from domain.recipients.answers import Reference, reference
from domain.runs.rows import RecipientRun
from domain.runs.statuses import RunStatus


class TriggerSourceOut(Out):
    """What caused a run."""

    type: Annotated[
        str,
        DocumentedAs(
            Literal[
                "api",
                "audience",
                "schedule",
                "broadcast",
                "workflow_step",
                "integration",
                "rehearsal",
            ]
        ),
    ]
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
