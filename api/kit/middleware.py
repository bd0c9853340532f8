"""What surrounds every request: its id, CORS, and one log line.

Plain ASGI, because it runs on every request. Nothing personal is logged: the route's template
instead of the path, no query, no body.
"""

from __future__ import annotations

import base64
import logging
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.kit import cors
from api.kit.errors import internal_error
from api.kit.routing import path_to_match
from runtime.logs import get_logger

_log = get_logger(__name__)
_PROBES = ("/health", "/ready")
# What nginx writes when the caller went away before the answer; nobody reads it but the log.
_CLIENT_GONE = 499
_READ_HEADERS = frozenset((b"origin", b"access-control-request-method"))


def new_request_id() -> str:
    """Make a request id: 20 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(15)).decode()


@dataclass(slots=True)
class _Exchange:
    """One request and what has been answered so far."""

    scope: Scope
    request_id: str
    status_code: int = 0
    has_origin: bool = False

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that every response carries."""
        extra = [(b"x-request-id", self.request_id.encode())]
        if self.has_origin:
            extra += cors.HEADERS
        return extra


class RequestFrame:
    """The outermost middleware of ours; catches faults, so that they too carry a request id."""

    def __init__(self, app: ASGIApp, browser_paths: cors.BrowserPaths) -> None:
        self._app = app
        self._browser_paths = browser_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        # Knock's Go client asks for `/v1/users/`; a slash that is escaped is part of an id.
        if len(path) > 1 and path.endswith("/") and scope.get("raw_path", b"/").endswith(b"/"):
            scope["path"] = path[:-1]
            scope["raw_path"] = scope.get("raw_path", path.encode())[:-1]
        exchange = _Exchange(scope, new_request_id())
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        names = {name: value for name, value in scope["headers"] if name in _READ_HEADERS}
        exchange.has_origin = b"origin" in names and path_to_match(scope) in self._browser_paths
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            if (
                exchange.has_origin
                and scope["method"] == "OPTIONS"
                and b"access-control-request-method" in names
            ):
                exchange.status_code = 204
                headers = [*cors.PREFLIGHT, (b"x-request-id", exchange.request_id.encode())]
                await send({"type": "http.response.start", "status": 204, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._serve(exchange, receive, send)
            _log_access(exchange, time.perf_counter() - started)

    async def _serve(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        async def send_framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status_code = message["status"]
                message = {**message, "headers": [*message["headers"], *exchange.headers()]}
            await send(message)

        try:
            # What a route takes for the time of its request, it leaves here.
            async with AsyncExitStack() as held:
                exchange.scope["state"]["held"] = held
                await self._app(exchange.scope, receive, send_framed)
        except ClientDisconnect:
            exchange.status_code = _CLIENT_GONE
        except Exception:
            _log.exception("request_failed", route=_route(exchange.scope))
            if exchange.status_code:
                raise  # the answer has begun; only the server can still cut the connection
            await internal_error()(exchange.scope, receive, send_framed)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return getattr(route, "path", "unmatched")


def _log_access(exchange: _Exchange, seconds: float) -> None:
    route = _route(exchange.scope)
    # Probes ask every few seconds and say nothing when all is well.
    is_probe = route in _PROBES and exchange.status_code == HTTPStatus.OK
    _log.log(
        logging.DEBUG if is_probe else logging.INFO,
        "request",
        method=exchange.scope["method"],
        route=route,
        status_code=exchange.status_code,
        milliseconds=round(seconds * 1000, 2),
    )
