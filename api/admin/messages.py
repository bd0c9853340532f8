"""Admin API, messages: try a failed delivery again."""

from __future__ import annotations

from fastapi import APIRouter

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.strings import known_uuid
from api.management.common import ResultOut
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.kit.json_types import JsonObject
from services.deliveries.retries import retry_message

router = APIRouter(prefix="/v1/admin/messages", tags=["Admin: messages"], responses=ERROR_RESPONSES)


@router.post(
    "/{message_id}/retry",
    responses={200: {"model": ResultOut}, **refusals({422: "message_not_retriable"})},
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def retry(
    message_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Send an undelivered or bounced message once more."""
    environment = await read_environment(engine, query)
    await retry_message(engine, environment, known_uuid(message_id))
    return {"result": "success"}
