"""Bulk operations over the messages of a channel."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.rate_limits import feed_limit
from api.kit.shapes import read_body
from api.kit.strings import known_uuid
from api.knock.bulk.schemas import BulkOperationOut, answer_bulk
from domain.bulk.messages import BulkAction, BulkMessagesIn
from domain.kit.errors import NotFound
from domain.kit.principals import KeyKind
from services.bulk import messages

router = APIRouter(tags=["Bulk operations"], responses=ERROR_RESPONSES)


@router.post(
    "/v1/channels/{channel_id}/messages/bulk/{action}",
    response_model=BulkOperationOut,
    responses=refusals({403: "authorization"}),
    dependencies=[feed_limit(2)],
    openapi_extra=takes(BulkMessagesIn),
)
async def bulk_update_messages(
    channel_id: str, action: str, request: Request, principal: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Mark the messages of a channel that exist now, or delete them.

    Actions: seen, unseen, read, unread, archived (or archive), unarchived (or unarchive),
    interacted, delete. With a public key the channel has to be an in-app feed, and the body has to
    name one user; nothing can be deleted with it.
    """
    if action not in BulkAction.__members__.values():
        raise NotFound("There is no such action.")
    given = await read_body(request, BulkMessagesIn)
    view = await messages.update_messages(
        engine,
        principal.environment,
        known_uuid(channel_id),
        BulkAction(action),
        given,
        by_anybody=principal.kind is KeyKind.PUBLIC,
    )
    return answer_bulk(request, view)
