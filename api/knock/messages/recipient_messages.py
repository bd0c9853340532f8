"""The messages of one user or object."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from api.kit.answers import ItemsOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer
from api.knock.messages.schemas import MessageOut
from api.knock.recipients.paths import RECIPIENT_PATHS, RecipientPath
from domain.messages.filters import MessageFilters
from domain.recipients.refs import RecipientRef
from services.messages import messages

router = APIRouter(responses=ERROR_RESPONSES)


def _add(of: RecipientPath) -> None:
    @router.get(
        f"{of.path}/messages",
        name=f"list_{of.kind}_messages",
        tags=[of.tag],
        response_model=ItemsOut[MessageOut],
        dependencies=[secret_limit(4)],
        openapi_extra=takes(query=filter_parameters(MessageFilters)),
    )
    async def list_recipient_messages(
        principal: SecretKey,
        engine: EngineDep,
        query: QueryDep,
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """List the messages of a recipient, newest first."""
        page = await messages.list_messages(
            engine,
            principal.environment,
            *read_list(query, MessageFilters, BY_TIME_AND_UUID, recipient=recipient),
        )
        return answer(ItemsOut[MessageOut].of(page, map(MessageOut.of, page.rows)))


for _path in RECIPIENT_PATHS:
    _add(_path)
