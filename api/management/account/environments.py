"""Environments: list, get."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_POSITION
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id
from api.management.account.schemas import EnvironmentOut
from api.management.requests import PAGE_HELP, read_limit
from services.account import environments

router = APIRouter(prefix="/v1/environments", tags=["Environments"], responses=ERROR_RESPONSES)


@router.get(
    "", response_model=PlainEntriesOut[EnvironmentOut], openapi_extra=takes(query=PAGE_HELP)
)
async def list_environments(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List environments in the order of promotion."""
    page = await environments.list_environments(engine, read_limit(query, BY_POSITION))
    return answer(PlainEntriesOut[EnvironmentOut].of(page, map(EnvironmentOut.of, page.rows)))


@router.get("/{slug}", response_model=EnvironmentOut)
async def get_environment(slug: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get one environment."""
    return answer(EnvironmentOut.of(await environments.get_environment(engine, known_id(slug))))
