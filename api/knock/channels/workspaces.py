"""Slack workspaces and Teams tenants: is one connected, which channels has it, end its access."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, IdentityKey, ability_of, check_object
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, refusals, takes, whole
from api.kit.query_strings import Query, QueryDep
from api.kit.rate_limits import feed_limit
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.knock.channels.schemas import (
    RevokedOut,
    SlackChannelsOut,
    SlackConnectionOut,
    TeamsChannelsOut,
    TeamsConnectionOut,
    TeamsOut,
)
from domain.channels.workspaces import ALL_TYPES, SlackOptions, TeamsOptions
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.principals import Principal
from domain.kit.violations import Violations
from domain.recipients.refs import RecipientRef
from services.channels import workspaces
from services.channels.workspaces import Place

router = APIRouter(prefix="/v1/providers", tags=["Providers"], responses=ERROR_RESPONSES)

_SLACK_OWNER, _TEAMS_OWNER = "access_token_object", "ms_teams_tenant_object"
_REFUSALS = refusals({404: "resource_missing", 422: "channel_invalid"})
_MOST = 1000
_ODATA = ("$filter", "$select", "$top", "$skiptoken")


def _owner(name: str) -> dict[str, str | Param]:
    """Document who has stored the credentials."""
    return {
        name: Param(
            "JSON with `object_id` and `collection`: the object that has stored the credentials "
            "for the channel, such as a tenant.",
            {"type": "string"},
            is_required=True,
        )
    }


def _place(
    channel_id: str, request: Request, principal: Principal, query: Query, name: str
) -> Place:
    """Read which channel is asked about, and with whose credentials.

    Raises:
        NotFound: nothing has such an id.
        InvalidParams: it is not said whose.
        Forbidden: the caller's user token does not grant it.
    """
    given = query.json_object(name)
    if given is None:
        raise InvalidParams.of(name, "is required")
    object_id, collection = given.get("object_id"), given.get("collection")
    wrong = [
        FieldError(f"{name}.{member}", "must be a string")
        for member, value in (("object_id", object_id), ("collection", collection))
        if not isinstance(value, str) or not value or "\x00" in value
    ]
    if wrong:
        raise InvalidParams(wrong)
    ability = ability_of(request)
    if principal.user_token is not None and ability is not None:
        check_object(principal.user_token, ability, str(collection), str(object_id))
    known = known_uuid(channel_id, "The channel does not exist.")
    return Place(known, RecipientRef(str(collection), str(object_id)))


async def _slack_place(
    channel_id: str, request: Request, principal: IdentityKey, query: QueryDep
) -> Place:
    return _place(channel_id, request, principal, query, _SLACK_OWNER)


async def _teams_place(
    channel_id: str, request: Request, principal: IdentityKey, query: QueryDep
) -> Place:
    return _place(channel_id, request, principal, query, _TEAMS_OWNER)


SlackPlace = Annotated[Place, Depends(_slack_place)]
TeamsPlace = Annotated[Place, Depends(_teams_place)]


@router.get(
    "/slack/{channel_id}/auth_check",
    response_model=SlackConnectionOut,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(query=_owner(_SLACK_OWNER)),
)
async def check_slack(principal: IdentityKey, engine: EngineDep, place: SlackPlace) -> JSONResponse:
    """Check whether a Slack workspace is connected; 403 if no token is stored."""
    found = await workspaces.check_slack(engine, principal.environment, place)
    return answer(SlackConnectionOut.of(found))


@router.get(
    "/slack/{channel_id}/channels",
    response_model=SlackChannelsOut,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(
        query={
            **_owner(_SLACK_OWNER),
            "query_options.limit": whole("Channels per page", 1, _MOST, 200),
            "query_options.cursor": "`next_cursor` of the previous page.",
            "query_options.exclude_archived": boolean("Default: true."),
            "query_options.types": "Default: public_channel,private_channel.",
            "query_options.team_id": "The workspace of an organisation to list.",
        }
    ),
)
async def list_slack_channels(
    channel_id: str, request: Request, principal: IdentityKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the channels of a Slack workspace."""
    violations = Violations()
    place = violations.read(_place, channel_id, request, principal, query, _SLACK_OWNER)
    wanted = violations.read(_slack_options, query)
    violations.raise_any()
    page = await workspaces.list_slack_channels(engine, principal.environment, place, wanted)
    return answer(SlackChannelsOut.of(page))


@router.put(
    "/slack/{channel_id}/revoke_access",
    response_model=RevokedOut | str,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(query=_owner(_SLACK_OWNER)),
)
@router.get(
    "/slack/{channel_id}/revoke_access",
    name="revoke_slack_by_get",
    description="The older form of the operation.",
    deprecated=True,
    response_model=RevokedOut | str,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(query=_owner(_SLACK_OWNER)),
)
async def revoke_slack(
    request: Request, principal: IdentityKey, engine: EngineDep, place: SlackPlace
) -> JSONResponse:
    """Revoke the access to a Slack workspace, and delete its token."""
    await workspaces.revoke_slack(engine, principal.environment, place)
    return _done(request)


@router.get(
    "/ms-teams/{channel_id}/auth_check",
    response_model=TeamsConnectionOut,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(query=_owner(_TEAMS_OWNER)),
)
async def check_teams(principal: IdentityKey, engine: EngineDep, place: TeamsPlace) -> JSONResponse:
    """Check whether a Microsoft Teams tenant is connected; 403 if none is stored."""
    found = await workspaces.check_teams(engine, principal.environment, place)
    return answer(TeamsConnectionOut.of(found))


@router.get(
    "/ms-teams/{channel_id}/teams",
    response_model=TeamsOut,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(
        query={
            **_owner(_TEAMS_OWNER),
            **{f"query_options.{name}": "As in Microsoft Graph." for name in _ODATA},
        }
    ),
)
async def list_teams(
    channel_id: str, request: Request, principal: IdentityKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the teams of a Microsoft Teams tenant."""
    violations = Violations()
    place = violations.read(_place, channel_id, request, principal, query, _TEAMS_OWNER)
    options = violations.read(_odata, query)
    violations.raise_any()
    page = await workspaces.list_teams(engine, principal.environment, place, options)
    return answer(TeamsOut.of(page))


@router.get(
    "/ms-teams/{channel_id}/channels",
    response_model=TeamsChannelsOut,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(
        query={
            **_owner(_TEAMS_OWNER),
            "team_id": Param(
                "The team whose channels are listed.", {"type": "string"}, is_required=True
            ),
            "query_options.$filter": "As in Microsoft Graph; by default, archived and private "
            "channels are not shown.",
            "query_options.$select": "As in Microsoft Graph.",
        }
    ),
)
async def list_teams_channels(
    channel_id: str, request: Request, principal: IdentityKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the channels of a team in Microsoft Teams."""
    violations = Violations()
    place = violations.read(_place, channel_id, request, principal, query, _TEAMS_OWNER)
    team_id = violations.read(query.required, "team_id")
    options = violations.read(_odata, query)
    violations.raise_any()
    found = await workspaces.list_teams_channels(
        engine, principal.environment, place, team_id, options
    )
    return answer(TeamsChannelsOut.of(found))


@router.put(
    "/ms-teams/{channel_id}/revoke_access",
    response_model=RevokedOut | str,
    responses=_REFUSALS,
    dependencies=[feed_limit(2)],
    openapi_extra=takes(query=_owner(_TEAMS_OWNER)),
)
async def revoke_teams(
    request: Request, principal: IdentityKey, engine: EngineDep, place: TeamsPlace
) -> JSONResponse:
    """Disconnect a Microsoft Teams tenant."""
    await workspaces.revoke_teams(engine, principal.environment, place)
    return _done(request)


def _slack_options(query: Query) -> SlackOptions:
    violations, options = Violations(), query.spread("query_options")
    archived = violations.read(options.boolean, "query_options.exclude_archived")
    wanted = SlackOptions(
        limit=violations.read(
            options.integer, "query_options.limit", default=200, low=1, high=_MOST
        ),
        cursor=violations.read(options.text, "query_options.cursor"),
        exclude_archived=True if archived is None else archived,
        types=violations.read(options.text, "query_options.types") or ALL_TYPES,
        team_id=violations.read(options.text, "query_options.team_id"),
    )
    violations.raise_any()
    return wanted


def _odata(query: Query) -> TeamsOptions:
    violations, options = Violations(), query.spread("query_options")
    given = {name: violations.read(options.text, f"query_options.{name}") for name in _ODATA}
    violations.raise_any()
    return TeamsOptions({name: value for name, value in given.items() if value is not None})


def _done(request: Request) -> JSONResponse:
    """Answer what the caller takes for success.

    Knock documents an object; its browser client compares the whole answer with the word alone.
    """
    is_browser = request.headers.get("x-knock-client", "").startswith("Knock/ClientJS")
    return JSONResponse("ok" if is_browser else {"ok": "ok"})
