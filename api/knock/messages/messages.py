"""Messages: lists, single ones, contents, events, delivery logs, activities."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.answers import ItemsOut
from api.kit.auth import EngineDep, FeedKey, SecretKey
from api.kit.lists import PAGING, filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID, BY_UUID, read_page
from api.kit.parameters import ERROR_RESPONSES, takes, texts
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.knock.messages.contents import ContentOut
from api.knock.messages.reach import reach_of
from api.knock.messages.schemas import ActivityOut, DeliveryLogOut, EventOut, MessageOut
from domain.kit.shapes import read_shape
from domain.kit.violations import Violations
from domain.messages.engagement import MAX_MESSAGE_IDS, BatchIn
from domain.messages.filters import MessageFilters
from services.messages import messages

router = APIRouter(prefix="/v1/messages", tags=["Messages"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=ItemsOut[MessageOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=filter_parameters(MessageFilters)),
)
async def list_messages(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List messages, newest first."""
    page = await messages.list_messages(
        engine,
        principal.environment,
        *read_list(query, MessageFilters, BY_TIME_AND_UUID),
    )
    return answer(ItemsOut[MessageOut].of(page, map(MessageOut.of, page.rows)))


@router.get(
    "/batch/content",
    response_model=list[ContentOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(
        query={"message_ids[]": texts("1 to 50 message ids.", MAX_MESSAGE_IDS, is_required=True)}
    ),
)
async def batch_get_content(
    principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get the rendered contents of several messages; unknown ids are left out."""
    ids = query.texts("message_ids", at_most=MAX_MESSAGE_IDS)
    batch = read_shape(BatchIn, {} if ids is None else {"message_ids": ids})
    found = await messages.get_contents(engine, principal.environment, batch.known_ids)
    return answer([ContentOut.of(content) for content in found])


@router.get("/{message_id}", response_model=MessageOut, dependencies=[feed_limit(4)])
async def get_message(
    message_id: str, request: Request, principal: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Get a message; with a public key and a user token, one of that user.

    With a public key alone it must be a feed item, except in `development`.
    """
    message = await messages.get_message(
        engine, principal.environment, known_uuid(message_id), reach_of(request, principal)
    )
    return answer(MessageOut.of(message))


@router.get("/{message_id}/content", response_model=ContentOut, dependencies=[secret_limit(4)])
async def get_content(message_id: str, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Get the rendered content of a message."""
    content = await messages.get_content(engine, principal.environment, known_uuid(message_id))
    return answer(ContentOut.of(content))


@router.get(
    "/{message_id}/events",
    response_model=ItemsOut[EventOut],
    dependencies=[secret_limit(3)],
    openapi_extra=takes(query=PAGING),
)
async def list_events(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List what happened to a message, newest first."""
    message, page = await messages.list_events(
        engine, principal.environment, known_uuid(message_id), read_page(query, BY_UUID)
    )
    events = (EventOut.of(message, event) for event in page.rows)
    return answer(ItemsOut[EventOut].of(page, events))


@router.get(
    "/{message_id}/delivery_logs",
    response_model=ItemsOut[DeliveryLogOut],
    dependencies=[secret_limit(3)],
    openapi_extra=takes(query=PAGING),
)
async def list_delivery_logs(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the calls of the provider, newest first; always empty for in-app messages."""
    page = await messages.list_attempts(
        engine, principal.environment, known_uuid(message_id), read_page(query, BY_UUID)
    )
    return answer(ItemsOut[DeliveryLogOut].of(page, map(DeliveryLogOut.of, page.rows)))


@router.get(
    "/{message_id}/activities",
    response_model=ItemsOut[ActivityOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(
        query={"trigger_data": "JSON object: values that the data must have.", **PAGING}
    ),
)
async def list_activities(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the triggers that made a message, oldest first: one, or all that were batched."""
    violations = Violations()
    wanted = violations.read(query.data_filter, "trigger_data")
    request = violations.read(read_page, query, BY_UUID)
    violations.raise_any()
    page = await messages.list_trigger_activities(
        engine, principal.environment, known_uuid(message_id), wanted, request
    )
    return answer(ItemsOut[ActivityOut].of(page, map(ActivityOut.of, page.rows)))
