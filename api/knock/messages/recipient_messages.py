"""The messages of one user or object."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.pagination import BY_TIME_AND_UUID, page_body, read_page
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.knock.messages import filters as message_filters
from api.knock.messages.schemas import MessagePageOut, message_wire
from api.knock.recipients.paths import RECIPIENT_PATHS, RecipientPath
from domain.recipients.refs import RecipientRef
from services.messages import messages

router = APIRouter(responses=ERROR_RESPONSES)


def _add(of: RecipientPath) -> None:
    @router.get(
        f"{of.path}/messages",
        name=f"list_{of.kind}_messages",
        tags=[of.tag],
        response_model=MessagePageOut,
        dependencies=[secret_limit(4)],
        openapi_extra=takes(query=message_filters.PARAMETERS),
    )
    async def list_recipient_messages(
        principal: SecretKey,
        engine: EngineDep,
        query: QueryDep,
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """List the messages of a recipient, newest first."""
        wanted = message_filters.read_message_filter(query, recipient)
        request = read_page(query, BY_TIME_AND_UUID)
        page = await messages.list_messages(engine, principal.environment, wanted, request)
        return JSONResponse(page_body(page, map(message_wire, page.rows), wrapper="items"))


for path in RECIPIENT_PATHS:
    _add(path)
