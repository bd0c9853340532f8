"""Bulk operations over the messages of a channel."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import (
    EngineDep,
    FeedKey,
    check_tenant,
    not_granted,
    tenants_of,
    token_of_another,
)
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.rate_limits import feed_limit
from api.kit.shapes import read_body
from api.kit.strings import known_uuid
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from domain.bulk.messages import BulkAction, BulkMessagesIn
from domain.kit.errors import NotFound
from domain.kit.principals import KeyKind, Principal
from domain.kit.user_tokens import Ability
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
    interacted, delete. With a public key the channel must be an in-app feed, and the body must name
    one user, that of the user token if there is one; nothing can be deleted with it.
    """
    if action not in BulkAction.__members__.values():
        raise NotFound("There is no such action.")
    given = _own(request, principal, await read_body(request, BulkMessagesIn))
    view = await messages.update_messages(
        engine,
        principal.environment,
        known_uuid(channel_id),
        BulkAction(action),
        given,
        by_anybody=principal.kind is KeyKind.PUBLIC,
    )
    return answer_bulk(request, view)


def _own(request: Request, principal: Principal, given: BulkMessagesIn) -> BulkMessagesIn:
    """Keep a caller with a user token to its user's messages, within the granted tenants.

    Raises:
        Unauthenticated: somebody else's are named.
        Forbidden: those of a tenant that is not granted.
    """
    token = principal.user_token
    if token is None:
        return given
    if given.filters().user_ids not in (None, [], [token.user_id]):
        raise token_of_another()
    names_no_tenant = given.tenants is None and given.has_tenant is not False
    if names_no_tenant and tenants_of(request, principal) is not None:
        raise not_granted(Ability.FEED_WRITE)
    for tenant_id in [None] if given.tenants is None else given.tenants:
        check_tenant(request, principal, tenant_id)
    return given.model_copy(update={"recipient_ids": [token.user_id]})
