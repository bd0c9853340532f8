"""Admin API, triggers: who has a run of one, and who has none, and why."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PageEndsOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.kit.answers import Moment, Out
from domain.recipients.answers import Reference, reference
from domain.runs.rows import RecipientRun
from services.runs.explaining import TriggerExplanation, explain_runs

router = APIRouter(prefix="/v1/admin/triggers", tags=["Admin: runs"], responses=ERROR_RESPONSES)


class RunOfTriggerOut(Out):
    """A recipient run; how it ended, where that needs a word."""

    id: UUID
    recipient: Reference
    tenant: str | None
    status: str
    reason: str | None
    created_at: Moment

    @classmethod
    def of(cls, run: RecipientRun) -> Self:
        """Write a run."""
        return cls(
            id=run.id,
            recipient=reference(run.recipient),
            tenant=run.tenant_id,
            status=run.status,
            reason=run.end_reason,
            created_at=run.inserted_at,
        )


class TriggerExplanationOut(Out):
    """Who has no run of a trigger, and why, in sentences; and a page of its runs."""

    workflow_run_id: UUID
    workflow: str
    branch: str | None = Field(description="The branch whose content it uses, if any.")
    lines: list[str]
    created_at: Moment
    entries: list[RunOfTriggerOut]
    page_info: PageEndsOut

    @classmethod
    def of(cls, found: TriggerExplanation) -> Self:
        """Write an explanation."""
        return cls(
            workflow_run_id=found.trigger.id,
            workflow=found.trigger.workflow_key,
            branch=found.trigger.branch,
            lines=found.lines,
            created_at=found.trigger.accepted_at,
            entries=[RunOfTriggerOut.of(run) for run in found.runs.rows],
            page_info=PageEndsOut.of(found.runs),
        )


@router.get(
    "/{workflow_run_id}/explanation",
    response_model=TriggerExplanationOut,
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def explain(
    workflow_run_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Explain which recipients of a trigger have a run, and why others have none."""
    environment = await read_environment(engine, query)
    request = read_limit(query, BY_UUID)
    found = await explain_runs(engine, environment, known_uuid(workflow_run_id), request)
    return answer(TriggerExplanationOut.of(found))
