"""Users: identify, get, list, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, FeedKey, IdentityKey, SecretKey, check_set, check_user
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer, read_body, read_both
from api.knock.recipients.paths import InPath, known_user, new_user
from api.knock.recipients.schemas import UserOut
from domain.bulk.requests import MergeIn
from domain.kit.user_tokens import Ability, UserToken
from domain.recipients.recipients import UserFilters
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from services.bulk import departures
from services.recipients import recipients

router = APIRouter(prefix="/v1/users", tags=["Users"], responses=ERROR_RESPONSES)

KnownUser = Annotated[RecipientRef, Depends(known_user)]
NewUser = Annotated[InPath[RecipientRef], Depends(new_user)]


@router.get(
    "",
    response_model=EntriesOut[UserOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=filter_parameters(UserFilters)),
)
async def list_users(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List users, oldest first unless asked otherwise."""
    wanted, request = read_list(query, UserFilters, BY_TIME_AND_ID)
    page = await recipients.list_users(engine, principal.environment, wanted, request)
    users = (UserOut.of(found.recipient, found.preferences) for found in page.rows)
    return answer(EntriesOut[UserOut].of(page, users))


@router.get("/{user_id}", response_model=UserOut, dependencies=[feed_limit(4)])
async def get_user(user: KnownUser, principal: FeedKey, engine: EngineDep) -> JSONResponse:
    """Get a user."""
    found = await recipients.load_recipient(engine, principal.environment, user)
    return answer(UserOut.of(found))


@router.put(
    "/{user_id}",
    response_model=UserOut,
    dependencies=[feed_limit(3)],
    openapi_extra=takes(UserIn),
)
async def identify_user(
    named: NewUser, request: Request, principal: IdentityKey, engine: EngineDep
) -> JSONResponse:
    """Identify a user: create it, or merge the properties deeply into what is stored.

    With a public key this needs a user token, except in development; and one that allows to write
    channel data or preferences, if the body has some.
    """
    user, given = await read_both(named, read_body(request, UserIn))
    if principal.user_token is not None:
        _check_said(principal.user_token, user.id, given)
    stored = await recipients.store_recipient(engine, principal.environment, user, given)
    return answer(UserOut.of(stored))


def _check_said(token: UserToken, user_id: str, given: UserIn) -> None:
    """Check that a token allows what else a user is identified with, as for paths of its own.

    Raises:
        Forbidden: it does not grant it, or not for the tenant of a preference set.
    """
    if given.channel_data:
        check_user(token, Ability.CHANNEL_DATA_WRITE, user_id)
    for set_id in given.preferences or {}:
        check_user(token, Ability.PREFERENCES_WRITE, user_id)
        check_set(token, Ability.PREFERENCES_WRITE, set_id)


@router.post(
    "/{user_id}/merge",
    response_model=UserOut,
    dependencies=[secret_limit(2)],
    openapi_extra=takes(MergeIn),
)
async def merge_user(
    user: KnownUser, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Merge another user into this one, and delete the other one.

    Properties are merged, and those of this user win; of channel data and preference sets what is
    missing is added; subscriptions move, and messages and runs of the last 30 days. Open runs of
    the other user end.
    """
    given = await read_body(request, MergeIn)
    merged = await departures.merge_users(
        engine, principal.environment, user.id, given.from_user_id
    )
    return answer(UserOut.of(merged))


@router.delete("/{user_id}", status_code=204, dependencies=[secret_limit(2)])
async def delete_user(user: KnownUser, principal: SecretKey, engine: EngineDep) -> Response:
    """Delete a user with messages, runs, channel data and preferences; open runs end.

    A user with very much data is gone some moments after the answer.
    """
    await departures.delete_recipient(engine, principal.environment, user)
    return Response(status_code=204)
