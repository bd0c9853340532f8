"""Subscriptions: who follows an object, and what a user or an object follows."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.bodies import read_object
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_REF
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body
from api.knock.recipients.paths import OBJECT_PATH, USER_PATH, RecipientPath, known_object
from api.knock.recipients.schemas import SubscriptionOut
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import (
    ObjectSubscriptionFilters,
    SubscribeIn,
    UnsubscribeIn,
    UserSubscriptionFilters,
    read_followers,
)
from services.recipients import subscriptions

router = APIRouter(responses=ERROR_RESPONSES)


def _add_list(of: RecipientPath, filters: type[UserSubscriptionFilters]) -> None:
    @router.get(
        f"{of.path}/subscriptions",
        name=f"list_{of.kind}_subscriptions",
        tags=[of.tag],
        response_model=EntriesOut[SubscriptionOut],
        dependencies=[secret_limit(4)],
        openapi_extra=takes(query=filter_parameters(filters)),
    )
    async def list_subscriptions(
        principal: SecretKey,
        engine: EngineDep,
        query: QueryDep,
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """List what a user or object follows, or who follows an object, newest first."""
        wanted, request = read_list(query, filters, BY_TIME_AND_REF)
        page = await subscriptions.list_subscriptions(
            engine, principal.environment, recipient, wanted, request
        )
        return answer(EntriesOut[SubscriptionOut].of(page, map(SubscriptionOut.of, page.rows)))


_add_list(USER_PATH, UserSubscriptionFilters)
_add_list(OBJECT_PATH, ObjectSubscriptionFilters)


@router.post(
    f"{OBJECT_PATH.path}/subscriptions",
    tags=[OBJECT_PATH.tag],
    response_model=list[SubscriptionOut],
    dependencies=[secret_limit(3)],
    openapi_extra=takes(SubscribeIn),
)
async def add_subscriptions(
    request: Request,
    principal: SecretKey,
    engine: EngineDep,
    target: RecipientRef = Depends(known_object),
) -> JSONResponse:
    """Subscribe up to 100 recipients to an object; those given inline are identified first.

    The object and every recipient that is only named must have been identified before.
    """
    given = read_followers(target, await read_object(request, SubscribeIn))
    made = await subscriptions.subscribe(engine, principal.environment, target, given)
    return answer(SubscriptionOut.of_one_object(made))


@router.delete(
    f"{OBJECT_PATH.path}/subscriptions",
    tags=[OBJECT_PATH.tag],
    response_model=list[SubscriptionOut],
    dependencies=[secret_limit(3)],
    openapi_extra=takes(UnsubscribeIn),
)
async def delete_subscriptions(
    request: Request,
    principal: SecretKey,
    engine: EngineDep,
    target: RecipientRef = Depends(known_object),
) -> JSONResponse:
    """End the subscriptions of up to 100 recipients to an object; returns those that were there."""
    given = await read_body(request, UnsubscribeIn)
    ended = await subscriptions.unsubscribe(engine, principal.environment, target, given)
    return answer(SubscriptionOut.of_one_object(ended))
