"""Admin API, API keys and service tokens: things that Knock offers only in its dashboard."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.admin.schemas.keys import ApiKeyBodyOut, ApiKeyOut, ServiceTokenBodyOut, ServiceTokenOut
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body, read_named
from api.kit.strings import known_uuid
from api.management.requests import (
    ENVIRONMENT_HELP,
    PAGE_HELP,
    read_environment,
    read_limit,
)
from domain.account.credentials import ApiKeyRequest, RotationRequest, ServiceTokenRequest
from domain.kit.principals import KeyKind
from services.account import api_keys
from services.account.environments import get_scope

router = APIRouter(prefix="/v1/admin", tags=["Admin: credentials"], responses=ERROR_RESPONSES)


@router.get(
    "/api_keys",
    response_model=PlainEntriesOut[ApiKeyOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_api_keys(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the keys of an environment, newest first, without their tokens."""
    environment = await read_environment(engine, query)
    page = await api_keys.list_api_keys(engine, environment, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[ApiKeyOut].of(page, map(ApiKeyOut.of, page.rows)))


@router.post(
    "/api_keys",
    response_model=ApiKeyBodyOut,
    responses=refusals({404: "resource_missing"}),
    openapi_extra=takes(ApiKeyRequest, name="api_key"),
)
async def create_api_key(request: Request, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Create a key. Its token is shown only in this answer."""
    wanted = await read_named(request, ApiKeyRequest, "api_key")
    environment = await get_scope(engine, wanted.environment)
    issued = await api_keys.create_api_key(engine, environment, KeyKind(wanted.kind), wanted.name)
    return answer(ApiKeyBodyOut.of(issued))


@router.post(
    "/api_keys/{key_id}/rotate",
    response_model=ApiKeyBodyOut,
    openapi_extra=takes(RotationRequest),
)
async def rotate_api_key(
    key_id: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Replace a key; the old one stops working at once or after a grace period."""
    wanted = await read_body(request, RotationRequest)
    grace = timedelta(seconds=wanted.grace_seconds)
    return answer(
        ApiKeyBodyOut.of(await api_keys.rotate_api_key(engine, _credential_id(key_id), grace))
    )


@router.delete("/api_keys/{key_id}", status_code=204)
async def revoke_api_key(key_id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Revoke a key at once."""
    await api_keys.revoke_api_key(engine, _credential_id(key_id))
    return Response(status_code=204)


@router.get(
    "/service_tokens",
    response_model=PlainEntriesOut[ServiceTokenOut],
    openapi_extra=takes(query=PAGE_HELP),
)
async def list_service_tokens(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the service tokens, newest first, without the tokens themselves."""
    page = await api_keys.list_service_tokens(engine, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[ServiceTokenOut].of(page, map(ServiceTokenOut.of, page.rows)))


@router.post(
    "/service_tokens",
    response_model=ServiceTokenBodyOut,
    openapi_extra=takes(ServiceTokenRequest, name="service_token"),
)
async def create_service_token(
    request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a service token. It is shown only in this answer."""
    wanted = await read_named(request, ServiceTokenRequest, "service_token")
    return answer(ServiceTokenBodyOut.of(await api_keys.create_service_token(engine, wanted.name)))


@router.delete(
    "/service_tokens/{token_id}",
    status_code=204,
    responses=refusals({422: "last_service_token"}),
)
async def revoke_service_token(token_id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Revoke a service token at once; the last one cannot be revoked."""
    await api_keys.revoke_service_token(engine, _credential_id(token_id))
    return Response(status_code=204)


def _credential_id(text: str) -> UUID:
    return known_uuid(text, "The credential does not exist.")
