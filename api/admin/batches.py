"""Admin API, batches: look at what is gathered, close a batch early, take an item out."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID, BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import Moment, Out, PlainEntriesOut, answer
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.batches.gathered import Contribution
from domain.batches.rows import BatchFilters, OpenBatch
from domain.recipients.answers import Reference, reference
from services.batches import operating

router = APIRouter(prefix="/v1/admin/batches", tags=["Admin: batches"], responses=ERROR_RESPONSES)


class BatchOut(Out):
    """A batch; `closed_at` is null while it takes items."""

    id: UUID
    workflow: str
    branch: str | None = Field(description="The branch that its runs are on, if any.")
    step_ref: str
    recipient: Reference
    batch_key: str
    carrier_run_id: UUID | None
    item_count: int
    max_items: int | None
    opened_at: Moment
    closes_at: Moment
    closed_at: Moment | None

    @classmethod
    def of(cls, batch: OpenBatch) -> Self:
        """Write a batch."""
        return cls(
            id=batch.id,
            workflow=batch.workflow_key,
            branch=batch.branch,
            step_ref=batch.step_ref,
            recipient=reference(batch.recipient),
            batch_key=batch.batch_key,
            carrier_run_id=batch.carrier_run_id,
            item_count=batch.item_count,
            max_items=batch.max_items,
            opened_at=batch.opened_at,
            closes_at=batch.closes_at,
            closed_at=batch.closed_at,
        )


class BatchBodyOut(Out):
    """The batch as it is now."""

    batch: BatchOut

    @classmethod
    def of(cls, batch: OpenBatch) -> Self:
        """Write a batch."""
        return cls(batch=BatchOut.of(batch))


class BatchItemOut(Out):
    """What one run has brought."""

    run_id: UUID
    workflow_run_id: UUID
    actor: Reference | None
    data: dict[str, Any]
    created_at: Moment

    @classmethod
    def of(cls, run_id: UUID, item: Contribution) -> Self:
        """Write an item."""
        return cls(
            run_id=run_id,
            workflow_run_id=item.id,
            actor=reference(item.actor_ref) if item.actor_ref else None,
            data=item.data,
            created_at=item.inserted_at,
        )


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
