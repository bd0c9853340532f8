"""Guides of users: which ones to show, and what was done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey, SecretKey
from api.kit.parameters import ERROR_RESPONSES, boolean, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, known_uuid
from api.knock.guides.schemas import DoneOut, GuidesOut
from domain.guides.requests import (
    GuideArchivedIn,
    GuideInteractedIn,
    GuideKeyIn,
    GuideSeenIn,
    GuideStepIn,
)
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.violations import Violations
from domain.messages.engagement import Engagement, StatusChange
from services.guides import engaging
from services.guides.showing import show_guides

router = APIRouter(prefix="/v1/users/{user_id}/guides", tags=["Guides"], responses=ERROR_RESPONSES)
_MAX_DATA = 65_536
_Endpoint = Callable[..., Awaitable[JSONResponse]]
S = TypeVar("S", bound=GuideStepIn)


@router.get(
    "/{channel_id}",
    response_model=GuidesOut,
    dependencies=[feed_limit(2, per_user=True)],
    openapi_extra=takes(
        query={
            "tenant": "Tenant, for targeting and templates.",
            "data": "A JSON object, for targeting and templates.",
            "type": "Only guides whose first step is of this message type.",
            "force_all_guides": boolean("Accepted for the official client; has no effect."),
        }
    ),
)
async def list_guides(
    user_id: str, channel_id: str, principal: FeedKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the guides that a user may see, in order, and why others are left out."""
    violations = Violations()
    tenant_id = violations.read(query.text, "tenant")
    data = violations.read(data_of, query)
    guide_type = violations.read(query.text, "type")
    violations.raise_any()
    view = await show_guides(
        engine,
        principal.environment,
        known_id(user_id),
        known_uuid(channel_id),
        tenant_id=tenant_id,
        data=data,
        guide_type=guide_type,
    )
    return answer(GuidesOut.of(view))


def data_of(query: Query) -> JsonObject:
    """Read the data: JSON text of an object. Raises InvalidParams."""
    text = query.text("data", max_length=_MAX_DATA)
    # In a body an empty list stands for an empty object, but no client writes one here.
    if text is not None and not text.lstrip().startswith("{"):
        raise InvalidParams.of("data", "must be a JSON object")
    return query.json_object("data") or {}


def _engages(shape: type[S], action: Engagement) -> tuple[_Endpoint, _Endpoint]:
    """Make the endpoints of an action, without and with the id of a message."""

    async def act(
        user_id: str, request: Request, principal: FeedKey, engine: EngineDep, message_id: str
    ) -> JSONResponse:
        given = await read_body(request, shape)
        metadata = given.metadata if isinstance(given, GuideInteractedIn) else None
        await engaging.engage(
            engine,
            principal.environment,
            known_id(user_id),
            given,
            StatusChange(action, metadata),
            message_id=known_uuid(message_id) if message_id else None,
            is_anonymous=principal.is_anonymous,
        )
        return answer(DoneOut())

    async def by_step(
        user_id: str, request: Request, principal: FeedKey, engine: EngineDep
    ) -> JSONResponse:
        return await act(user_id, request, principal, engine, "")

    async def by_message(
        user_id: str, message_id: str, request: Request, principal: FeedKey, engine: EngineDep
    ) -> JSONResponse:
        return await act(user_id, request, principal, engine, message_id)

    return by_step, by_message


for _action, _shape in (
    (Engagement.SEEN, GuideSeenIn),
    (Engagement.INTERACTED, GuideInteractedIn),
    (Engagement.ARCHIVED, GuideArchivedIn),
):
    _by_step, _by_message = _engages(_shape, _action)
    for _path, _endpoint, _more in (
        (f"/messages/{_action}", _by_step, ""),
        (f"/messages/{{message_id}}/{_action}", _by_message, "_by_message"),
    ):
        router.add_api_route(
            _path,
            _endpoint,
            methods=["PUT"],
            name=f"mark_guide_as_{_action}{_more}",
            description=f"Note that a user has {_action.value} a step of a guide.",
            response_model=DoneOut,
            dependencies=[feed_limit(2, per_user=True)],
            openapi_extra=takes(_shape),
        )


# Knock opens archiving to public keys and not this, and no client of Knock's asks for it.
@router.delete(
    "/messages/archived",
    response_model=DoneOut,
    dependencies=[secret_limit(2)],
    openapi_extra=takes(GuideKeyIn),
)
async def mark_guide_as_unarchived(
    user_id: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Show a guide to a user again."""
    given = await read_body(request, GuideKeyIn)
    await engaging.unarchive(engine, principal.environment, known_id(user_id), given)
    return answer(DoneOut())


@router.put(
    "/engagements/reset",
    response_model=DoneOut,
    dependencies=[feed_limit(2, per_user=True)],
    openapi_extra=takes(GuideKeyIn),
)
async def reset_guide_engagement(
    user_id: str, request: Request, principal: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Reset a guide, so that it is new to a user."""
    given = await read_body(request, GuideKeyIn)
    await engaging.reset(engine, principal.environment, known_id(user_id), given)
    return answer(DoneOut())
