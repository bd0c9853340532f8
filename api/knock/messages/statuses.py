"""What recipients did with messages: seen, read, archived, interacted, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey
from api.kit.bodies import read_object
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import feed_limit, get_limiter
from api.kit.strings import known_uuid
from api.knock.messages.schemas import (
    BatchIn,
    BatchInteractionIn,
    InteractionIn,
    MessageOut,
    message_wire,
)
from domain.kit.json_types import JsonObject
from domain.kit.principals import KeyKind, Principal
from domain.messages.engagement import Engagement, parse_message_ids, parse_metadata
from services.messages import messages
from services.messages.messages import StatusChange

router = APIRouter(prefix="/v1/messages", tags=["Messages"], responses=ERROR_RESPONSES)
_Endpoint = Callable[..., Awaitable[JSONResponse]]


def _change(principal: Principal, action: Engagement, body: JsonObject) -> StatusChange:
    """Metadata counts for interactions only; a public key reaches in-app messages only."""
    metadata = None
    if action is Engagement.INTERACTED:
        metadata = parse_metadata(body.get("metadata"))
    return StatusChange(action, metadata, feed_only=principal.kind is KeyKind.PUBLIC)


def _single(action: Engagement) -> _Endpoint:
    async def endpoint(
        message_id: str, request: Request, principal: FeedKey, engine: EngineDep
    ) -> JSONResponse:
        is_interaction = action is Engagement.INTERACTED
        body = await read_object(request) if is_interaction else {}
        row = await messages.engage_one(
            engine,
            principal.environment,
            known_uuid(message_id),
            _change(principal, action, body),
        )
        return JSONResponse(message_wire(row))

    return endpoint


def _batch(action: Engagement) -> _Endpoint:
    async def endpoint(request: Request, principal: FeedKey, engine: EngineDep) -> JSONResponse:
        body = await read_object(request)
        ids = parse_message_ids(body.get("message_ids"))
        change = _change(principal, action, body)
        scope = (principal.environment.id, "messages")
        allowed = get_limiter(request).first_this_second(scope, ids)
        rows = await messages.engage_many(
            engine,
            principal.environment,
            ids,
            [one for one in ids if one in allowed],
            change,
        )
        return JSONResponse([message_wire(row) for row in rows], headers=_skipped(ids, allowed))

    return endpoint


def _skipped(ids: list[UUID], allowed: set[UUID]) -> dict[str, str]:
    """Name the messages that were updated less than a second ago and so left as they are."""
    skipped = [str(one) for one in ids if one not in allowed]
    return {"x-ratelimited-message_ids": ",".join(skipped)} if skipped else {}


def _add(
    method: str, path: str, endpoint: _Endpoint, *, tier: int, summary: str, **options: Any
) -> None:
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        name=summary,
        summary=summary,
        operation_id=f"{method}_{path.strip('/').replace('/', '_')}",
        dependencies=[feed_limit(tier)],
        **options,
    )


_PAIRS = (
    (Engagement.SEEN, Engagement.UNSEEN),
    (Engagement.READ, Engagement.UNREAD),
    (Engagement.ARCHIVED, Engagement.UNARCHIVED),
)


def _add_routes() -> None:
    for done, undone in _PAIRS:
        for method, path, action in (
            ("PUT", done, done),
            ("DELETE", done, undone),
            ("DELETE", undone, undone),
        ):
            _add(
                method,
                f"/{{message_id}}/{path}",
                _single(action),
                tier=2,
                summary=f"Mark a message as {action}",
                response_model=MessageOut,
            )
    _add(
        "PUT",
        "/{message_id}/interacted",
        _single(Engagement.INTERACTED),
        tier=2,
        summary="Mark a message as interacted with",
        response_model=MessageOut,
        openapi_extra=takes(InteractionIn),
    )
    for action in Engagement:
        body = BatchInteractionIn if action is Engagement.INTERACTED else BatchIn
        _add(
            "POST",
            f"/batch/{action}",
            _batch(action),
            tier=3,
            summary=f"Mark messages as {action}",
            description="Messages that were updated less than a second ago are answered as they "
            "are, and named in `x-ratelimited-message_ids`.",
            response_model=list[MessageOut],
            openapi_extra=takes(body),
        )


_add_routes()
