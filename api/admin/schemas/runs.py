"""Wire shapes of runs that wait."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import Moment, Out
from domain.recipients.answers import Reference, reference
from domain.runs.waiting import WaitingRun


class WaitOut(Out):
    """What a run waits for: `delay`, `event`, `batch`, `fetch`, `retry`, or another kind."""

    step_ref: str
    kind: str
    label: str


class WaitingRunOut(Out):
    """A recipient run that waits, and until when."""

    id: UUID
    workflow_run_id: UUID
    workflow: str
    branch: str | None = Field(description="The branch whose content it uses, if any.")
    status: str
    recipient: Reference
    tenant: str | None
    cancellation_key: str | None
    waits_for: WaitOut | None
    until: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, run: WaitingRun) -> Self:
        """Write a run."""
        wait = run.wait
        return cls(
            id=run.id,
            workflow_run_id=run.workflow_run_id,
            workflow=run.workflow_key,
            branch=run.branch,
            status=run.status,
            recipient=reference(run.recipient),
            tenant=run.tenant_id,
            cancellation_key=run.cancellation_key,
            waits_for=WaitOut(step_ref=wait.step_ref, kind=wait.kind, label=wait.label)
            if wait
            else None,
            until=run.resumes_at,
            created_at=run.inserted_at,
        )


class WaitingRunBodyOut(Out):
    """The run as it is now."""

    run: WaitingRunOut
