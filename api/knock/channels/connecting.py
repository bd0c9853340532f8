"""The pages that Slack and Microsoft send a person back to who has let an app in.

Source: Knock docs, "SlackKit", "TeamsKit"; `@knocklabs/react-core`, `useSlackAuth` and
`useMsTeamsAuth`, which write the `state`. It went through the browser and may be anybody's: the
public key and user token in it have to allow what is asked, and it sends nobody anywhere but where
an operator says.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import TypeAlias
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.kit.auth import EngineDep, check_object
from api.kit.bodies import parse_object
from api.kit.pages import new_nonce, render_page
from api.kit.query_strings import Query, QueryDep
from api.kit.rate_limits import get_limiter
from api.kit.strings import known_uuid, new_id_of, problem_of
from api.knock.recipients.paths import new_collection
from domain.channels.redirects import may_send_to
from domain.kit.errors import AppError, Forbidden, InvalidParams, Unauthenticated
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope, KeyKind, Principal
from domain.kit.user_tokens import Ability
from domain.recipients.refs import RecipientRef
from services.account.authentication import authenticate
from services.channels.workspaces import Place
from services.content.branches import on_branch
from services.engine import Engine
from services.recipients.connecting import connect_slack, connect_teams

router = APIRouter(prefix="/providers", include_in_schema=False)

# With a user token in it.
_LONGEST_STATE = 16_384
_LONGEST_NONCE = 255
# Of the words in which a vendor says why not.
_LONGEST_REASON = 255
_TIER = 2

_CLOSE = "<p>You may close this window.</p>"
_SCRIPT = """
<script nonce="{nonce}">
if (window.opener) window.opener.postMessage({message}, "*");
</script>"""

_Connect: TypeAlias = Callable[[Engine, EnvironmentScope, Place, Query], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Vendor:
    """A vendor that sends people back.

    Attributes:
        name: as people know it.
        owner: the member of the state that says for whom the workspace is connected.
        ability: what a user token has to grant for it.
        connect: does it, with what the vendor says.
    """

    name: str
    owner: str
    ability: Ability
    connect: _Connect


async def _slack(engine: Engine, environment: EnvironmentScope, place: Place, query: Query) -> None:
    code = query.text("code")
    if code is None:
        raise InvalidParams.of("code", "is required")
    await connect_slack(engine, environment, place, code)


async def _teams(engine: Engine, environment: EnvironmentScope, place: Place, query: Query) -> None:
    if (query.text("admin_consent") or "").lower() != "true":
        raise Forbidden("Microsoft did not confirm admin consent.")
    try:
        tenant_id = UUID(query.text("tenant") or "")
    except ValueError:
        raise InvalidParams.of("tenant", "must be a UUID") from None
    await connect_teams(engine, environment, place, str(tenant_id))


_SLACK = _Vendor("Slack", "access_token_object", Ability.SLACK_CHANNELS_READ, _slack)
_TEAMS = _Vendor(
    "Microsoft Teams", "ms_teams_tenant_object", Ability.MS_TEAMS_CHANNELS_READ, _teams
)


@router.get("/slack/authenticate")
async def finish_slack(request: Request, engine: EngineDep, query: QueryDep) -> Response:
    """Connect a Slack workspace, and say so to the page that has opened this one."""
    return await _finish(request, engine, query, _SLACK)


@router.get("/ms-teams/authenticate")
async def finish_teams(request: Request, engine: EngineDep, query: QueryDep) -> Response:
    """Connect a tenant of Microsoft Teams, and say so to the page that has opened this one."""
    return await _finish(request, engine, query, _TEAMS)


async def _finish(request: Request, engine: Engine, query: Query, vendor: _Vendor) -> Response:
    nonce: str | None = None
    try:
        state = _read_state(query)
        nonce = _text(state, "nonce", _LONGEST_NONCE)
        principal = await _find_principal(engine, state)
        place = _read_place(state, principal, vendor)
        redirect = _read_redirect(engine, principal.environment, state)
        user_id = principal.user_token.user_id if principal.user_token else None
        key = principal.environment.id, "connect"
        get_limiter(request).check(key, _TIER, user_id)
        if (reason := query.text("error")) is not None:
            raise Forbidden(f"{vendor.name} answered {reason[:_LONGEST_REASON]}.")
        await vendor.connect(engine, principal.environment, place, query)
    except AppError as error:
        title = f"{vendor.name} is not connected"
        return _page(title, f"<p>{escape(error.reasons)}</p>{_CLOSE}", error, nonce)
    if redirect is not None:
        return RedirectResponse(redirect, 303, headers={"referrer-policy": "no-referrer"})
    return _page(f"{vendor.name} is connected", _CLOSE, None, nonce)


def _read_state(query: Query) -> JsonObject:
    text = query.text("state", max_length=_LONGEST_STATE)
    if text is None:
        raise InvalidParams.of("state", "is required")
    try:
        return parse_object(text.encode())
    except InvalidParams as error:
        raise InvalidParams.of("state", "must be a JSON object") from error


async def _find_principal(engine: Engine, state: JsonObject) -> Principal:
    """Return who connects a workspace, as of a request of the browser's.

    Raises:
        Unauthenticated, Forbidden: see `require_identity_key`; also a secret key, which has no
            place in a browser.
    """
    token = _text(state, "user_token", _LONGEST_STATE)
    principal = await authenticate(engine, _text(state, "public_key") or "", token)
    if not isinstance(principal, Principal) or principal.kind is not KeyKind.PUBLIC:
        raise Unauthenticated("The state needs a public key.", code="incorrect_token_type")
    if principal.is_anonymous:
        raise Forbidden("Outside development the state needs a user token besides the public key.")
    branch = _text(state, "branch_slug")
    if branch:  # What is connected is the same on every branch, but the name may be wrong.
        await on_branch(engine, principal.environment, branch)
    return principal


def _read_place(state: JsonObject, principal: Principal, vendor: _Vendor) -> Place:
    """Read for whom a workspace is connected, and by which channel it is reached.

    Raises:
        InvalidParams, NotFound: the state does not say it.
        Forbidden: the user token does not grant it.
    """
    owner = state.get(vendor.owner)
    if not isinstance(owner, dict):
        raise InvalidParams.of(f"state.{vendor.owner}", "is required")
    object_id, collection = _text(owner, "object_id"), _text(owner, "collection")
    if not object_id or not collection:
        raise InvalidParams.of(f"state.{vendor.owner}", "needs object_id and collection")
    ref = RecipientRef(new_collection(collection), new_id_of(object_id, field="object_id"))
    if principal.user_token is not None:
        check_object(principal.user_token, vendor.ability, ref.collection, ref.id)
    return Place(known_uuid(_text(state, "channel_id") or "", "The channel does not exist."), ref)


def _read_redirect(engine: Engine, environment: EnvironmentScope, state: JsonObject) -> str | None:
    """Read where the person is to be sent back to, before anything is done.

    Raises:
        Forbidden: an operator does not allow it.
    """
    url = _text(state, "redirect_url", 2048)
    if not url:
        return None
    allowed = engine.settings.connect_redirects
    if not may_send_to(url, allowed, allows_this_machine=environment.is_development):
        raise Forbidden(
            "The redirect_url is not at an origin of CARILLON_CONNECT_REDIRECTS, so it was not "
            "used."
        )
    return url


def _text(given: JsonObject, name: str, longest: int = 1024) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or problem_of(value):
        raise InvalidParams.of(f"state.{name}", f"must be a string of at most {longest} characters")
    return value


def _page(title: str, body: str, error: AppError | None, told: str | None) -> Response:
    """Answer a page that tells its opener what became of it.

    It tells it to whatever page that is: there is nothing in it but the opener's own nonce.

    Args:
        title: of the page.
        body: HTML.
        error: what went wrong, if anything did.
        told: the nonce by which the opener knows that it is answered; older ones send none.
    """
    word = "authComplete" if error is None else "authFailed"
    message = json.dumps({"type": word, "nonce": told} if told else word)
    nonce = new_nonce()
    script = _SCRIPT.format(nonce=nonce, message=message.replace("<", "\\u003c"))
    status = 200 if error is None else error.status_code
    return render_page(title, body + script, nonce=nonce, status=status)
