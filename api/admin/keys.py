"""Admin API, API keys and service tokens: what Knock does in its dashboard only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.admin.schemas import (
    ApiKeyBodyOut,
    ApiKeyIn,
    ApiKeyPageOut,
    RotateIn,
    ServiceTokenBodyOut,
    ServiceTokenIn,
    ServiceTokenPageOut,
)
from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_object
from api.kit.pagination import BY_UUID, page_body
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.management.requests import (
    DEFAULT_ENVIRONMENT,
    ENVIRONMENT_HELP,
    PAGE_HELP,
    read_limit,
    read_slug,
)
from domain.kit.clock import iso, utc_now
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from services.account import api_keys as service
from services.account.environments import find_environment

router = APIRouter(prefix="/v1/admin", tags=["Admin: credentials"], responses=ERROR_RESPONSES)


@router.get(
    "/api_keys",
    responses={200: {"model": ApiKeyPageOut}},
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_api_keys(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """List the keys of an environment, newest first, without their tokens."""
    async with engine.database.transaction() as connection:
        environment = await find_environment(connection, read_slug(query))
        page = await service.list_api_keys(connection, environment, read_limit(query, BY_UUID))
    return page_body(page, [render_key(row) for row in page.rows], typename=False)


@router.post("/api_keys", responses={200: {"model": ApiKeyBodyOut}}, openapi_extra=takes(ApiKeyIn))
async def create_api_key(request: Request, _token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Make a key. Its token is shown in this answer and never again."""
    body = await read_object(request)
    slug = body.get("environment", DEFAULT_ENVIRONMENT)
    if not isinstance(slug, str):
        raise InvalidParams.of("environment", "must be the slug of an environment")
    async with engine.database.transaction() as connection:
        environment = await find_environment(connection, slug)
        issued = await service.create_api_key(
            connection,
            environment,
            kind=body.get("kind"),
            name=body.get("name"),
            now=utc_now(),
        )
    return {"api_key": {**render_key(issued.row), "token": issued.token}}


@router.post(
    "/api_keys/{key_id}/rotate",
    responses={200: {"model": ApiKeyBodyOut}},
    openapi_extra=takes(RotateIn),
)
async def rotate_api_key(
    key_id: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JsonObject:
    """Make a new key in the place of this one, which ends at once or after a grace period."""
    grace = (await read_object(request)).get("grace_seconds", 0)
    async with engine.database.transaction() as connection:
        issued = await service.rotate_api_key(connection, _uuid(key_id), grace=grace, now=utc_now())
    return {"api_key": {**render_key(issued.row), "token": issued.token}}


@router.delete("/api_keys/{key_id}", status_code=204)
async def revoke_api_key(key_id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """End a key at once."""
    async with engine.database.transaction() as connection:
        await service.revoke_api_key(connection, _uuid(key_id), now=utc_now())
    return Response(status_code=204)


@router.get(
    "/service_tokens",
    responses={200: {"model": ServiceTokenPageOut}},
    openapi_extra=takes(query=PAGE_HELP),
)
async def list_service_tokens(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """List the service tokens, newest first, without the tokens themselves."""
    async with engine.database.transaction() as connection:
        page = await service.list_service_tokens(connection, read_limit(query, BY_UUID))
    return page_body(page, [render_token(row) for row in page.rows], typename=False)


@router.post(
    "/service_tokens",
    responses={200: {"model": ServiceTokenBodyOut}},
    openapi_extra=takes(ServiceTokenIn),
)
async def create_service_token(
    request: Request, _token: ServiceToken, engine: EngineDep
) -> JsonObject:
    """Make a service token. It is shown in this answer and never again."""
    body = await read_object(request)
    async with engine.database.transaction() as connection:
        issued = await service.create_service_token(
            connection, name=body.get("name"), now=utc_now()
        )
    return {"service_token": {**render_token(issued.row), "token": issued.token}}


@router.delete("/service_tokens/{token_id}", status_code=204)
async def revoke_service_token(token_id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """End a service token at once; the last one cannot be ended."""
    async with engine.database.transaction() as connection:
        await service.revoke_service_token(connection, _uuid(token_id), now=utc_now())
    return Response(status_code=204)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("The credential does not exist.") from None


def render_key(row: Any) -> JsonObject:
    """Return an API key as it is shown, without its token."""
    return {
        "id": str(row["id"]),
        "environment": row["environment"],
        "kind": row["kind"],
        "name": row["name"],
        "hint": row["hint"],
        "created_at": iso(row["inserted_at"]),
        "expires_at": iso(row["expires_at"]),
    }


def render_token(row: Any) -> JsonObject:
    """Return a service token as it is shown, without the token itself."""
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "hint": row["hint"],
        "created_at": iso(row["inserted_at"]),
    }
