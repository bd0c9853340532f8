"""Admin API, messages: try a failed delivery again."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import PlatformDep, ServiceToken
from api.documents import ERROR_RESPONSES, takes
from api.management.requests import ENVIRONMENT_HELP, read_environment
from api.management.schemas.common import ResultOut
from api.queries import QueryDep
from api.strings import known_uuid
from domain.json_types import JsonObject
from domain.principals import EnvironmentScope
from services.message_retries import retry_message

router = APIRouter(prefix="/v1/admin/messages", tags=["Admin: messages"], responses=ERROR_RESPONSES)


@router.post(
    "/{message_id}/retry",
    responses={200: {"model": ResultOut}},
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def retry(
    message_id: str, _token: ServiceToken, platform: PlatformDep, query: QueryDep
) -> JsonObject:
    """Send an undelivered or bounced message once more."""
    async with platform.database.transaction() as connection:
        environment = await read_environment(connection, query)
    scope = EnvironmentScope(environment["id"], environment["slug"])
    await retry_message(platform, scope, known_uuid(message_id))
    return {"result": "success"}
