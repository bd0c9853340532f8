"""Bulk operations over users, objects and tenants."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES, takes, texts
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import read_body, read_both, read_large_body
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from api.knock.recipients.paths import known_collection, new_collection
from domain.bulk.operations import MAX_ITEMS
from domain.bulk.requests import (
    BulkDeleteObjectsIn,
    BulkDeleteUsersIn,
    BulkIdentifyIn,
    BulkSetObjectsIn,
    BulkSetTenantsIn,
)
from domain.kit.errors import InvalidParams
from services.bulk import departures, recipients

router = APIRouter(responses=ERROR_RESPONSES)


@router.post(
    "/v1/users/bulk/identify",
    tags=["Users"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkIdentifyIn),
)
async def bulk_identify_users(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Identify up to 1,000 users, each as if by its own request."""
    given = await read_large_body(request, BulkIdentifyIn)
    view = await recipients.identify_users(engine, principal.environment, given)
    return answer_bulk(request, view)


@router.post(
    "/v1/objects/{collection}/bulk/set",
    tags=["Objects"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkSetObjectsIn),
)
async def bulk_set_objects(
    collection: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Set up to 1,000 objects of a collection, each as if by its own request."""
    body = read_large_body(request, BulkSetObjectsIn)
    named, given = await read_both(partial(new_collection, collection), body)
    view = await recipients.set_objects(engine, principal.environment, named, given)
    return answer_bulk(request, view)


@router.post(
    "/v1/tenants/bulk/set",
    tags=["Tenants"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkSetTenantsIn),
)
async def bulk_set_tenants(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Set up to 1,000 tenants, each as if by its own request."""
    given = await read_large_body(request, BulkSetTenantsIn)
    view = await recipients.set_tenants(engine, principal.environment, given)
    return answer_bulk(request, view)


@router.post(
    "/v1/users/bulk/delete",
    tags=["Users"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkDeleteUsersIn),
)
async def bulk_delete_users(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Delete up to 1,000 users, each as if by its own request."""
    given = await read_body(request, BulkDeleteUsersIn)
    view = await departures.delete_users(engine, principal.environment, given)
    return answer_bulk(request, view)


@router.post(
    "/v1/objects/{collection}/bulk/delete",
    tags=["Objects"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkDeleteObjectsIn),
)
async def bulk_delete_objects(
    collection: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Delete up to 1,000 objects of a collection, each as if by its own request."""
    given = await read_body(request, BulkDeleteObjectsIn)
    view = await departures.delete_objects(
        engine, principal.environment, known_collection(collection), given
    )
    return answer_bulk(request, view)


@router.post(
    "/v1/tenants/bulk/delete",
    tags=["Tenants"],
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(
        query={"tenant_ids[]": texts("The tenants to delete.", MAX_ITEMS, is_required=True)}
    ),
)
async def bulk_delete_tenants(
    request: Request, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Delete up to 1,000 tenants, each as if by its own request."""
    tenant_ids = query.texts("tenant_ids", at_most=MAX_ITEMS)
    if tenant_ids is None:
        raise InvalidParams.of("tenant_ids", "is required")
    view = await departures.delete_tenants(engine, principal.environment, tenant_ids)
    return answer_bulk(request, view)
