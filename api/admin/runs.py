"""Admin API, runs: which wait and what for, cancel them, let them go on, explain them."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.admin.schemas.runs import WaitingRunBodyOut, WaitingRunOut
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.kit.answers import Moment, Out
from domain.runs.waiting import CancelRunsRequest, WaitingFilters, WaitRequest
from services.runs.explaining import Explanation, explain_run
from services.triggers import moved_waits, open_runs

router = APIRouter(prefix="/v1/admin/runs", tags=["Admin: runs"], responses=ERROR_RESPONSES)


class CancelledOut(Out):
    """How many runs were cancelled, and how many items were taken out of open batches."""

    runs: int
    items: int
    addressees: int = Field(
        description="Recipients of broadcasts that had no run yet and will not get one."
    )


class LineOut(Out):
    """A sentence of an explanation."""

    at: Moment
    step_ref: str | None
    text: str


class ExplainedMessageOut(Out):
    """A message of the run, and what became of it."""

    id: UUID
    text: str


class ExplanationOut(Out):
    """What a run did in order, and what became of its messages."""

    run_id: UUID
    branch: str | None = Field(description="The branch whose content it uses, if any.")
    status: str
    lines: list[LineOut]
    messages: list[ExplainedMessageOut]

    @classmethod
    def of(cls, found: Explanation) -> Self:
        """Write an explanation."""
        return cls(
            run_id=found.run.id,
            branch=found.run.branch,
            status=found.run.status,
            lines=[
                LineOut(at=line.at, step_ref=line.step_ref, text=line.text) for line in found.lines
            ],
            messages=[
                ExplainedMessageOut(id=message.id, text=text) for message, text in found.messages
            ],
        )


@router.get(
    "/waiting",
    response_model=PlainEntriesOut[WaitingRunOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **filter_parameters(WaitingFilters, PAGE_HELP)}),
)
async def list_waiting_runs(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List waiting runs, newest first, with what they wait for and until when."""
    environment = await read_environment(engine, query)
    wanted, request = read_list(query, WaitingFilters, BY_UUID, page=read_limit)
    page = await open_runs.list_waiting(engine, environment, wanted, request)
    return answer(PlainEntriesOut[WaitingRunOut].of(page, map(WaitingRunOut.of, page.rows)))


@router.post(
    "/cancel",
    response_model=CancelledOut,
    responses=refusals({400: "nothing_named"}),
    openapi_extra=takes(CancelRunsRequest, query=ENVIRONMENT_HELP),
)
async def cancel_runs(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Cancel open runs: one, or all of a workflow, a tenant or a recipient."""
    wanted = await read_body(request, CancelRunsRequest)
    environment = await read_environment(engine, query)
    done = await open_runs.cancel_open_runs(engine, environment, wanted)
    return answer(CancelledOut(runs=done.runs, items=done.items, addressees=done.addressees))


@router.post(
    "/{run_id}/wait",
    response_model=WaitingRunBodyOut,
    responses=refusals({422: "run_not_delayed, wait_too_long, batch_closed"}),
    openapi_extra=takes(WaitRequest, query=ENVIRONMENT_HELP),
)
async def move_wait(
    run_id: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Let a waiting run continue at another time, or at once.

    Then a delay is over, a wait for an event ends without it, a batch closes, or the next attempt
    at a request is made.
    """
    wanted = await read_body(request, WaitRequest)
    environment = await read_environment(engine, query)
    run = await moved_waits.move_wait(engine, environment, known_uuid(run_id), wanted.until)
    return answer(WaitingRunBodyOut(run=WaitingRunOut.of(run)))


@router.get(
    "/{run_id}/explanation",
    response_model=ExplanationOut,
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def explain(
    run_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Say in sentences what a run did, and why each message came or did not."""
    environment = await read_environment(engine, query)
    found = await explain_run(engine, environment, known_uuid(run_id))
    return answer(ExplanationOut.of(found))
