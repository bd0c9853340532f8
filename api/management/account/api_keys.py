"""A secret API key for who has a service token."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.management.account.schemas import ExchangedOut
from api.management.requests import ENVIRONMENT_HELP, read_environment
from services.account.api_keys import exchange_for_api_key

router = APIRouter(prefix="/v1/api_keys", tags=["Account"], responses=ERROR_RESPONSES)


@router.post(
    "/exchange",
    response_model=ExchangedOut,
    responses=refusals({404: "resource_missing"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def exchange_api_key(token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """Get a secret key of an environment: the same each time, until it is revoked."""
    environment = await read_environment(engine, query)
    key = await exchange_for_api_key(engine, environment, token)
    return answer(ExchangedOut(api_key=key))
