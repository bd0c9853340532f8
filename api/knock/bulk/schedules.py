"""Bulk creation of schedules."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.bodies import read_large_object
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import secret_limit
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from domain.bulk.requests import BulkCreateSchedulesIn
from domain.kit.shapes import read_shape
from services.bulk import schedules

router = APIRouter(tags=["Schedules"], responses=ERROR_RESPONSES)


@router.post(
    "/v1/schedules/bulk/create",
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkCreateSchedulesIn),
)
async def bulk_create_schedules(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Create up to 1,000 schedules, each for one recipient, as if by its own request."""
    body = await read_large_object(request, BulkCreateSchedulesIn)
    given = read_shape(BulkCreateSchedulesIn, body.content)
    view = await schedules.create_schedules(engine, principal.environment, given, size=body.size)
    return answer_bulk(request, view)
