"""Wire shapes of workflow recipient runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from api.knock.common import ObjectReference, Out, PageInfoOut, child_id, recipient_reference
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.messages.statuses import RunStatus
from domain.recipients.refs import RecipientRef


class TriggerSourceOut(Out):
    """What caused a run."""

    type: str = Field(examples=["api"])
    cancellation_key: str | None = None


class RecipientRunOut(Out):
    """The run of a workflow for one recipient of a trigger."""

    typename: str = Field(alias="__typename", examples=["WorkflowRecipientRun"])
    id: str
    workflow_run_id: str
    workflow: str
    status: RunStatus
    recipient: str | ObjectReference
    actor: str | ObjectReference | None
    tenant: str | None
    error_count: int
    trigger_source: TriggerSourceOut
    inserted_at: datetime
    updated_at: datetime


class RunEventOut(Out):
    """A line in the story of a run."""

    typename: str = Field(alias="__typename", examples=["WorkflowRecipientRunEvent"])
    id: str
    event: str
    status: Literal["ok", "error"]
    attempt: int
    step_ref: str | None
    step_type: str | None
    data: dict[str, Any] | None
    inserted_at: datetime


class RecipientRunDetailOut(RecipientRunOut):
    """A run with its story."""

    events: list[RunEventOut]


class RecipientRunPageOut(Out):
    """A page of runs."""

    items: list[RecipientRunOut]
    page_info: PageInfoOut


def run_wire(row: dict[str, Any]) -> JsonObject:
    """Write a recipient run."""
    actor = None
    if row["actor_id"] is not None:
        actor = RecipientRef(row["actor_collection"], row["actor_id"]).wire()
    return {
        "__typename": "WorkflowRecipientRun",
        "id": str(row["id"]),
        "workflow_run_id": str(row["workflow_run_id"]),
        "workflow": row["workflow_key"],
        "status": row["status"],
        "recipient": recipient_reference(row),
        "actor": actor,
        "tenant": row["tenant_id"],
        "error_count": row["error_count"],
        "trigger_source": row["source"],
        "inserted_at": iso(row["inserted_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def run_event_wire(run_id: UUID, row: dict[str, Any]) -> JsonObject:
    """Write a run event; its id is derived, because its place in the run is what names it."""
    return {
        "__typename": "WorkflowRecipientRunEvent",
        "id": child_id(run_id, "event", str(row["position"])),
        "event": row["event"],
        "status": row["status"],
        "attempt": row["attempt"],
        "step_ref": row["step_ref"],
        "step_type": row["step_type"],
        "data": row["data"],
        "inserted_at": iso(row["inserted_at"]),
    }
