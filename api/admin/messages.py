"""Admin API, messages: try a failed delivery again."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import Out, answer
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, read_environment
from services.deliveries import retries

router = APIRouter(prefix="/v1/admin/messages", tags=["Admin: messages"], responses=ERROR_RESPONSES)


class ResultOut(Out):
    """Done."""

    result: Literal["success"] = "success"


@router.post(
    "/{message_id}/retry",
    response_model=ResultOut,
    responses=refusals({422: "message_not_retriable"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def retry_message(
    message_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Send an undelivered or bounced message once more."""
    environment = await read_environment(engine, query)
    await retries.retry_message(engine, environment, known_uuid(message_id))
    return answer(ResultOut())
