"""Users: identify, get, list, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey, IdentityKey, SecretKey
from api.kit.bodies import read_object
from api.kit.pagination import BY_TIME_AND_ID, page_body, read_page
from api.kit.parameters import ERROR_RESPONSES, choice, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.strings import known_id, new_id_of
from api.knock.common import PAGING
from api.knock.recipients.schemas import UserIn, UserOut, UserPageOut
from domain.recipients.recipients import public_row, user_wire
from domain.recipients.refs import USERS, RecipientRef
from services.recipients import recipients

router = APIRouter(prefix="/v1/users", tags=["Users"], responses=ERROR_RESPONSES)
_ORDERS = ("asc", "desc")


@router.get(
    "",
    response_model=UserPageOut,
    dependencies=[secret_limit(4)],
    openapi_extra=takes(
        query={"order": choice("asc (default): oldest first; desc: newest first.", _ORDERS)}
        | PAGING
    ),
)
async def list_users(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List users, oldest first unless asked otherwise."""
    page = await recipients.list_recipients(
        engine,
        principal.environment,
        USERS,
        read_page(query, BY_TIME_AND_ID),
        newest_first=query.choice("order", _ORDERS) == "desc",
    )
    return JSONResponse(page_body(page, map(user_wire, page.rows)))


@router.get("/{user_id}", response_model=UserOut, dependencies=[feed_limit(4)])
async def get_user(user_id: str, principal: FeedKey, engine: EngineDep) -> JSONResponse:
    """Get a user; with a public key outside development only id, name and avatar."""
    user = RecipientRef.user(known_id(user_id))
    row = await recipients.load_recipient(engine, principal.environment, user)
    return JSONResponse(user_wire(public_row(row) if principal.is_anonymous else row))


@router.put(
    "/{user_id}",
    response_model=UserOut,
    dependencies=[feed_limit(3)],
    openapi_extra=takes(UserIn),
)
async def identify_user(
    user_id: str, request: Request, principal: IdentityKey, engine: EngineDep
) -> JSONResponse:
    """Identify a user: made when new, else properties are merged deeply into what is stored.

    A public key may do this in development only.
    """
    user = RecipientRef.user(new_id_of(user_id, field="user_id", forbidden="/#"))
    body = await read_object(request)
    row = await recipients.store_recipient(engine, principal.environment, user, body)
    return JSONResponse(user_wire(row))


@router.delete("/{user_id}", status_code=204, dependencies=[secret_limit(2)])
async def delete_user(user_id: str, principal: SecretKey, engine: EngineDep) -> Response:
    """Delete a user with messages, runs, channel data and preferences; open runs end."""
    user = RecipientRef.user(known_id(user_id))
    await recipients.delete_recipient(engine, principal.environment, user)
    return Response(status_code=204)
