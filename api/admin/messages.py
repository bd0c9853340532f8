"""Admin API, messages: try a failed delivery again, and move when one that waits is made."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.admin.schemas.messages import MovedOut
from api.kit.answers import CountOut, SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.deliveries.claims import DeliveryWaitRequest, RetryRequest
from services.deliveries import retries, waits

router = APIRouter(prefix="/v1/admin/messages", tags=["Admin: messages"], responses=ERROR_RESPONSES)


@router.post(
    "/retry", response_model=CountOut, openapi_extra=takes(RetryRequest, query=ENVIRONMENT_HELP)
)
async def retry_messages(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Retry all failed messages that match the filter."""
    wanted = await read_body(request, RetryRequest)
    environment = await read_environment(engine, query)
    return answer(CountOut(count=await retries.retry_messages(engine, environment, wanted)))


@router.post(
    "/{message_id}/retry",
    response_model=SuccessOut,
    responses=refusals({422: "message_not_retriable"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def retry_message(
    message_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Retry an undelivered or bounced message."""
    environment = await read_environment(engine, query)
    await retries.retry_message(engine, environment, known_uuid(message_id))
    return answer(SuccessOut())


@router.post(
    "/{message_id}/wait",
    response_model=MovedOut,
    responses=refusals({422: "message_not_waiting, wait_too_long"}),
    openapi_extra=takes(DeliveryWaitRequest, query=ENVIRONMENT_HELP),
)
async def move_wait(
    message_id: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Send a waiting message at another time, or at once.

    It may wait for another attempt after a failure of its provider, or for its send window.
    """
    wanted = await read_body(request, DeliveryWaitRequest)
    environment = await read_environment(engine, query)
    moved = await waits.move_delivery(engine, environment, known_uuid(message_id), wanted.until)
    return answer(MovedOut.of(moved))
