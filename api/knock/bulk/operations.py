"""Bulk operations: how far they have come."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES
from api.kit.rate_limits import secret_limit
from api.kit.strings import known_uuid
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from services.bulk import accept

router = APIRouter(
    prefix="/v1/bulk_operations", tags=["Bulk operations"], responses=ERROR_RESPONSES
)


@router.get("/{operation_id}", response_model=BulkOperationOut, dependencies=[secret_limit(4)])
async def get_bulk_operation(
    operation_id: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Get a bulk operation: its progress, and what has failed."""
    view = await accept.get_operation(engine, principal.environment, known_uuid(operation_id))
    return answer_bulk(request, view)
