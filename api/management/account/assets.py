"""Assets: list. They are uploaded by the admin API."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.management.account.schemas import AssetOut
from api.management.requests import PAGE_HELP, read_limit
from services.account import assets

router = APIRouter(prefix="/v1/assets", tags=["Account"], responses=ERROR_RESPONSES)


@router.get("", response_model=PlainEntriesOut[AssetOut], openapi_extra=takes(query=PAGE_HELP))
async def list_assets(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the images of the account, newest first."""
    page = await assets.list_assets(engine, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[AssetOut].of(page, map(AssetOut.of, page.rows)))
