"""Workflow recipient runs: lists, and single ones with their stories."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.answers import ItemsOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.knock.runs.schemas import RecipientRunDetailOut, RecipientRunOut
from domain.runs.filters import RunFilters
from services.runs import runs

router = APIRouter(
    prefix="/v1/workflow_recipient_runs",
    tags=["Workflow recipient runs"],
    responses=ERROR_RESPONSES,
)


@router.get(
    "",
    response_model=ItemsOut[RecipientRunOut],
    dependencies=[secret_limit(2)],
    openapi_extra=takes(query=filter_parameters(RunFilters)),
)
async def list_runs(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List recipient runs, newest first."""
    wanted, request = read_list(query, RunFilters, BY_UUID)
    page = await runs.list_runs(engine, principal.environment, wanted, request)
    return answer(ItemsOut[RecipientRunOut].of(page, map(RecipientRunOut.of, page.rows)))


@router.get("/{run_id}", response_model=RecipientRunDetailOut, dependencies=[secret_limit(2)])
async def get_run(run_id: str, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Get a recipient run with its events, oldest first."""
    run, story = await runs.load_run(engine, principal.environment, known_uuid(run_id))
    return answer(RecipientRunDetailOut.of_story(run, story))
