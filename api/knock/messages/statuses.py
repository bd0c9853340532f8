"""What recipients did with messages: seen, read, archived, interacted, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import feed_limit, get_limiter
from api.kit.shapes import answer, read_body
from api.kit.strings import known_uuid
from api.knock.messages.reach import reach_of
from api.knock.messages.schemas import MessageOut
from domain.messages.engagement import (
    BatchIn,
    BatchInteractionIn,
    Engagement,
    InteractionIn,
    StatusChange,
)
from services.messages import messages

router = APIRouter(prefix="/v1/messages", tags=["Messages"], responses=ERROR_RESPONSES)
_Endpoint = Callable[..., Awaitable[JSONResponse]]


def _single(action: Engagement) -> _Endpoint:
    async def endpoint(
        message_id: str, request: Request, principal: FeedKey, engine: EngineDep
    ) -> JSONResponse:
        metadata = None
        if action is Engagement.INTERACTED:
            metadata = (await read_body(request, InteractionIn)).metadata
        message = await messages.engage_one(
            engine,
            principal.environment,
            known_uuid(message_id),
            StatusChange(action, metadata),
            reach_of(request, principal),
        )
        return answer(MessageOut.of(message))

    return endpoint


def _batch(action: Engagement) -> _Endpoint:
    async def endpoint(request: Request, principal: FeedKey, engine: EngineDep) -> JSONResponse:
        batch: BatchIn
        metadata = None
        if action is Engagement.INTERACTED:
            batch = interaction = await read_body(request, BatchInteractionIn)
            metadata = interaction.metadata
        else:
            batch = await read_body(request, BatchIn)
        ids = batch.known_ids
        scope = (principal.environment.id, "messages")
        allowed = get_limiter(request).first_this_second(scope, ids)
        found = await messages.engage_many(
            engine,
            principal.environment,
            ids,
            [one for one in ids if one in allowed],
            StatusChange(action, metadata),
            reach=reach_of(request, principal),
        )
        response = answer([MessageOut.of(message) for message in found])
        skipped = [str(one) for one in ids if one not in allowed]
        if skipped:
            response.headers["x-ratelimited-message_ids"] = ",".join(skipped)
        return response

    return endpoint


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
            description=(
                "Messages that were updated less than a second ago are returned "
                "unchanged, and listed in `x-ratelimited-message_ids`."
            ),
            response_model=list[MessageOut],
            openapi_extra=takes(body),
        )


_add_routes()
