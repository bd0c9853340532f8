"""Admin API, batches: look at what is gathered, close a batch early, take an item out."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from api.admin.schemas.batches import BatchBodyOut, BatchItemOut, BatchOut
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID, BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.batches.rows import BatchFilters
from services.batches import operating

router = APIRouter(prefix="/v1/admin/batches", tags=["Admin: batches"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=PlainEntriesOut[BatchOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **filter_parameters(BatchFilters, PAGE_HELP)}),
)
async def list_batches(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List open batches, in the order in which they close."""
    environment = await read_environment(engine, query)
    wanted, request = read_list(query, BatchFilters, BY_TIME_AND_UUID, page=read_limit)
    page = await operating.list_open_batches(engine, environment, wanted, request)
    return answer(PlainEntriesOut[BatchOut].of(page, map(BatchOut.of, page.rows)))


@router.get("/{batch_id}", response_model=BatchBodyOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def get_batch(
    batch_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one batch, open or closed."""
    environment = await read_environment(engine, query)
    return answer(
        BatchBodyOut.of(await operating.get_batch(engine, environment, known_uuid(batch_id)))
    )


@router.get(
    "/{batch_id}/items",
    response_model=PlainEntriesOut[BatchItemOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_batch_items(
    batch_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the items of a batch, oldest first."""
    environment = await read_environment(engine, query)
    page = await operating.list_items(
        engine, environment, known_uuid(batch_id), read_limit(query, BY_UUID)
    )
    entries = [BatchItemOut.of(run_id, item) for run_id, item in page.rows]
    return answer(PlainEntriesOut[BatchItemOut].of(page, entries))


@router.post(
    "/{batch_id}/close", response_model=BatchBodyOut, openapi_extra=takes(query=ENVIRONMENT_HELP)
)
async def close_batch(
    batch_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Close a batch now; its run continues with its items."""
    environment = await read_environment(engine, query)
    closed = await operating.close_batch(engine, environment, known_uuid(batch_id))
    return answer(BatchBodyOut.of(closed))


@router.delete(
    "/{batch_id}/items/{run_id}",
    status_code=204,
    responses=refusals({422: "batch_closed"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def drop_batch_item(
    batch_id: str, run_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> Response:
    """Remove the item of a run from an open batch."""
    environment = await read_environment(engine, query)
    await operating.drop_item(engine, environment, known_uuid(batch_id), known_uuid(run_id))
    return Response(status_code=204)
