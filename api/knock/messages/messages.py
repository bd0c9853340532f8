"""Messages: lists, single ones, contents, events, delivery logs, activities."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey, SecretKey
from api.kit.pagination import BY_POSITION, BY_TIME_AND_UUID, BY_UUID, page_body, read_page
from api.kit.parameters import ERROR_RESPONSES, takes, texts
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.strings import known_uuid
from api.knock.common import PAGING
from api.knock.messages import filters as message_filters
from api.knock.messages.schemas import (
    ActivityPageOut,
    ContentOut,
    DeliveryLogPageOut,
    EventPageOut,
    MessageOut,
    MessagePageOut,
    activity_wire,
    content_wire,
    delivery_log_wire,
    event_wire,
    message_wire,
)
from domain.kit.errors import NotFound
from domain.kit.pages import Page
from domain.kit.principals import KeyKind
from domain.messages.engagement import MAX_MESSAGE_IDS, parse_message_ids
from services.messages import messages

router = APIRouter(prefix="/v1/messages", tags=["Messages"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=MessagePageOut,
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=message_filters.PARAMETERS),
)
async def list_messages(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List messages, newest first."""
    wanted = message_filters.read_message_filter(query)
    request = read_page(query, BY_TIME_AND_UUID)
    page = await messages.list_messages(engine, principal.environment, wanted, request)
    return JSONResponse(page_body(page, map(message_wire, page.rows), wrapper="items"))


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
    ids = parse_message_ids(query.texts("message_ids", at_most=MAX_MESSAGE_IDS))
    rows = await messages.load_contents(engine, principal.environment, ids)
    return JSONResponse([content_wire(row) for row in rows])


@router.get("/{message_id}", response_model=MessageOut, dependencies=[feed_limit(4)])
async def get_message(message_id: str, principal: FeedKey, engine: EngineDep) -> JSONResponse:
    """Get a message; with a public key only an in-app message."""
    row = await messages.load_message(
        engine,
        principal.environment,
        known_uuid(message_id),
        feed_only=principal.kind is KeyKind.PUBLIC,
    )
    return JSONResponse(message_wire(row))


@router.get("/{message_id}/content", response_model=ContentOut, dependencies=[secret_limit(4)])
async def get_content(message_id: str, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Get the rendered content of a message."""
    rows = await messages.load_contents(engine, principal.environment, [known_uuid(message_id)])
    if not rows:
        raise NotFound("The message does not exist.")
    return JSONResponse(content_wire(rows[0]))


@router.get(
    "/{message_id}/events",
    response_model=EventPageOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(query=PAGING),
)
async def list_events(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List what happened to a message, newest first."""
    request = read_page(query, BY_UUID)
    message, page = await messages.list_events(
        engine, principal.environment, known_uuid(message_id), request
    )
    events = [event_wire(message, row) for row in page.rows]
    return JSONResponse(page_body(page, events, wrapper="items"))


@router.get(
    "/{message_id}/delivery_logs",
    response_model=DeliveryLogPageOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(query=PAGING),
)
async def list_delivery_logs(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the calls of the provider, newest first; always empty for in-app messages."""
    request = read_page(query, BY_UUID)
    page = await messages.list_attempts(
        engine, principal.environment, known_uuid(message_id), request
    )
    return JSONResponse(page_body(page, map(delivery_log_wire, page.rows), wrapper="items"))


@router.get(
    "/{message_id}/activities",
    response_model=ActivityPageOut,
    dependencies=[secret_limit(4)],
    openapi_extra=takes(
        query={"trigger_data": "JSON object: values that the data must have.", **PAGING}
    ),
)
async def list_activities(
    message_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the triggers that made a message."""
    request = read_page(query, BY_POSITION)
    wanted = query.data_filter("trigger_data")
    found = await messages.load_trigger_activities(
        engine, principal.environment, known_uuid(message_id)
    )
    beyond = request.after is not None or request.before is not None
    shown = [
        activity_wire(one)
        for one in found
        if not beyond and (wanted is None or wanted.matches(one.data))
    ]
    return JSONResponse(page_body(Page([], request.size), shown, wrapper="items"))
