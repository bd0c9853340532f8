"""Opens the socket on which a page hears of its feeds and guides.

Who comes is proved by the query, as Knock's client writes it: `api_key`, perhaps `user_token` and
`branch_slug`, and `vsn=2.0.0`. It holds credentials, so nothing logs it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from fastapi import APIRouter, WebSocket
from starlette.responses import JSONResponse

from api.kit.rate_limits import RateLimiter
from api.knock.realtime.session import Credentials, Session
from domain.kit.errors import AppError, BadRequest, Unauthenticated
from domain.kit.principals import Principal
from runtime.logs import get_logger
from services.account.authentication import authenticate
from services.content.branches import on_branch
from services.engine import Engine
from services.realtime.hub import Hub, SocketHolder

_log = get_logger(__name__)

router = APIRouter()
_VERSION = "2.0.0"
# What the client writes that has no branch.
_NO_BRANCH = ("", "null", "undefined")
# Sockets are counted by these tiers of requests: those of a user, and all together.
_TIER_OF_USER, _TIER_OF_ALL = 3, 5


@router.websocket("/ws/v1/websocket")
async def serve_socket(websocket: WebSocket) -> None:
    """Let a page listen to the feeds and guides of its user."""
    state = websocket.app.state
    engine, limiter = cast(Engine, state.engine), cast(RateLimiter, state.rate_limiter)
    if state.hub is None:
        state.hub = Hub(engine)
    hub = cast(Hub, state.hub)
    query = websocket.query_params
    credentials = Credentials(query.get("api_key", ""), query.get("user_token"))
    try:
        principal = await _find_principal(engine, limiter, websocket, credentials)
        holder = _holder_of(principal)
        hub.count_in(holder)
    except AppError as refusal:
        await websocket.send_denial_response(_refused(refusal))
        return
    opened = time.perf_counter()
    code: int | None = None
    try:
        await websocket.accept()
        session = Session(
            websocket,
            engine=engine,
            hub=hub,
            limiter=limiter,
            principal=principal,
            credentials=credentials,
        )
        code = await session.serve()
    finally:
        hub.count_out(holder)
        _log.info("socket", code=code, seconds=round(time.perf_counter() - opened, 1))


async def _find_principal(
    engine: Engine, limiter: RateLimiter, websocket: WebSocket, credentials: Credentials
) -> Principal:
    """Return who opens a socket.

    Raises:
        Unauthenticated: as for the requests by which a page reads feeds.
        UnknownBranch, BadRequest: no such branch, or another version of the protocol.
        RateLimited: there were too many.
    """
    query = websocket.query_params
    if not credentials.api_key:
        raise Unauthenticated("Send an API key: `api_key=…`.", code="api_key_missing")
    caller = await authenticate(engine, credentials.api_key, credentials.user_token)
    if not isinstance(caller, Principal):
        raise Unauthenticated(
            "This operation needs a secret or public key.", code="incorrect_token_type"
        )
    branch = query.get("branch_slug", "")
    if branch not in _NO_BRANCH:
        environment = await on_branch(engine, caller.environment, branch)
        caller = replace(caller, environment=environment)
    if query.get("vsn") != _VERSION:
        raise BadRequest(f"The socket supports version {_VERSION} of the Phoenix protocol (`vsn`).")
    user_id = None if caller.user_token is None else caller.user_token.user_id
    tier = _TIER_OF_ALL if user_id is None else _TIER_OF_USER
    limiter.check((caller.environment.id, "socket"), tier, user_id)
    return caller


def _holder_of(principal: Principal) -> SocketHolder:
    token = principal.user_token
    return (principal.key_id, None) if token is None else (principal.environment.id, token.user_id)


def _refused(refusal: AppError) -> JSONResponse:
    """Return why there is no socket: 403 for whoever may have none, as Knock says."""
    passes = refusal.status_code >= HTTPStatus.TOO_MANY_REQUESTS
    status = refusal.status_code if passes else HTTPStatus.FORBIDDEN
    body = {**refusal.body(), "status": int(status)}
    return JSONResponse(body, status_code=status, headers=refusal.headers())
