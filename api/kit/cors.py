"""Which paths a browser of another origin may call: those that are open to public keys.

A secret key has no place in a browser, so a page that holds one gets nowhere (Knock docs:
"Security and authentication").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.kit.auth import require_feed_key

_ALLOW_ORIGIN = (b"access-control-allow-origin", b"*")
# What every answer to a browser carries. No cookies are used, so any origin may call.
HEADERS = [
    _ALLOW_ORIGIN,
    (
        b"access-control-expose-headers",
        b"x-request-id, retry-after, x-ratelimited-message_ids",
    ),
]
PREFLIGHT = [
    _ALLOW_ORIGIN,
    (b"access-control-allow-methods", b"GET, PUT, POST, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Accept, Authorization, Content-Type, X-Knock-User-Token, X-Knock-Client, "
        b"X-Knock-Branch, Idempotency-Key",
    ),
    (b"access-control-max-age", b"7200"),
]


class BrowserPaths:
    """The paths of all operations that take a public key."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._patterns: tuple[re.Pattern[str], ...] = tuple(
            route.path_regex
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and require_feed_key in calls_of(route.dependant)
        )

    def __contains__(self, path: str) -> bool:
        return any(pattern.match(path) for pattern in self._patterns)


def calls_of(dependant: Dependant) -> Iterator[object]:
    """Yield a route's function and all its dependencies."""
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls_of(inner)
