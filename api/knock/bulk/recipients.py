"""Bulk operations over users, objects and tenants."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import secret_limit
from api.kit.shapes import read_large_body
from api.knock.bulk.schemas import BulkOperationOut, answer_bulk
from api.knock.recipients.paths import new_collection
from domain.bulk.requests import BulkIdentifyIn, BulkSetObjectsIn, BulkSetTenantsIn
from services.bulk import recipients

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
    """Identify up to 1,000 users, each as if by a request of its own."""
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
    """Set up to 1,000 objects of a collection, each as if by a request of its own."""
    named = new_collection(collection)
    given = await read_large_body(request, BulkSetObjectsIn)
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
    """Set up to 1,000 tenants, each as if by a request of its own."""
    given = await read_large_body(request, BulkSetTenantsIn)
    view = await recipients.set_tenants(engine, principal.environment, given)
    return answer_bulk(request, view)
