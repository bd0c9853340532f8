"""Admin API, bulk operations: which are not over, what holds them up, and stop one."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.admin.schemas.bulk import OpenBulkOut
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id, known_uuid
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from api.management.requests import PAGE_HELP, read_limit
from services.account.environments import get_scope
from services.bulk import accept

router = APIRouter(
    prefix="/v1/admin/environments/{slug}/bulk_operations",
    tags=["Admin: bulk operations"],
    responses=ERROR_RESPONSES,
)


@router.get("", response_model=PlainEntriesOut[OpenBulkOut], openapi_extra=takes(query=PAGE_HELP))
async def list_open_bulk_operations(
    slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the bulk operations that are not over, newest first, and what holds them up."""
    environment = await get_scope(engine, known_id(slug))
    page = await accept.list_open_operations(engine, environment, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[OpenBulkOut].of(page, map(OpenBulkOut.of, page.rows)))


@router.get("/{operation_id}", response_model=BulkOperationOut)
async def get_bulk_operation_of(
    slug: str, operation_id: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Get a bulk operation of an environment: its progress, and what has failed."""
    environment = await get_scope(engine, known_id(slug))
    view = await accept.get_operation(engine, environment, known_uuid(operation_id))
    return answer_bulk(request, view, environment=environment.slug)


@router.put(
    "/{operation_id}/stop",
    response_model=BulkOperationOut,
    responses=refusals({422: "bulk_operation_over"}),
)
async def stop_bulk_operation(
    slug: str, operation_id: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Stop a bulk operation: it fails, what it has done stays done, and the rest is forgotten."""
    environment = await get_scope(engine, known_id(slug))
    view = await accept.stop_operation(engine, environment, known_uuid(operation_id))
    return answer_bulk(request, view, environment=environment.slug)
