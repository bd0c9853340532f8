"""Finds the route of a request among hundreds by how its path begins and how long it is.

The framework asks one route after the other, twice for routers that are included in others, which
for the last ones takes longer than authentication. And it takes a path apart after it is unescaped,
so that an id with a slash in it would be two segments, however its caller wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import unquote

from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

# The first two segments of a path that are no parameters, and how many it has.
_Place: TypeAlias = tuple[str, str, int]
_PARAMETER = "{"
_OF_ANY_LENGTH = ":path}"
_ESCAPED_SLASH = re.compile("%2[fF]")
# Stands for an escaped slash while the route is looked for: half of a character, which no path has
# that was unescaped.
_MARK = "\udc2f"


def path_to_match(scope: Scope) -> str:
    """Return the path of a request as routes are to see it: what was escaped separates nothing."""
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or b""
    if b"%2" not in raw:  # nearly all
        return path
    parts = _ESCAPED_SLASH.split(raw.decode("latin-1"))
    marked = _MARK.join(map(unquote, parts))
    # A server may have changed one of them without the other.
    return marked if marked.replace(_MARK, "/") == path else path


def _unmarked(found: Scope) -> Scope:
    """Return what a route has found in a path, with slashes in the places of the marks."""
    params = found.get("path_params", {}).items()
    return {
        **found,
        "path_params": {
            name: value.replace(_MARK, "/") if isinstance(value, str) else value
            for name, value in params
        },
    }


class RouteTable(BaseRoute):
    """Routes that are judged as if each stood by itself, in their order: the first one counts."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = tuple(routes)
        shapes = [_shape(route) for route in self._routes]
        lengths = {length for _start, length in shapes if length is not None}
        starts = {start for start, _length in shapes if start is not None}
        longest = max(lengths, default=0) + 1
        self._longest = longest
        self._by_place: dict[_Place, tuple[BaseRoute, ...]] = {
            (*start, length): self._fitting(shapes, start, length)
            for start in starts
            for length in range(longest + 1)
        }
        # Of paths that begin in no such way.
        self._others = tuple(self._fitting(shapes, None, length) for length in range(longest + 1))

    def _fitting(
        self,
        shapes: Iterable[tuple[tuple[str, str] | None, int | None]],
        start: tuple[str, str] | None,
        length: int,
    ) -> tuple[BaseRoute, ...]:
        return tuple(
            route
            for route, (begins, has) in zip(self._routes, shapes, strict=True)
            if begins in (None, start) and has in (None, length)
        )

    def candidates(self, scope: Scope) -> tuple[BaseRoute, ...]:
        """Return the routes whose paths begin as that of a request, and are as long."""
        if scope.get("root_path"):  # of the path that follows it; nobody is served like that
            return self._routes
        segments = scope["path"].split("/")
        length = min(len(segments), self._longest)
        others = self._others[length]
        if len(segments) <= 2:
            return others
        return self._by_place.get((segments[1], segments[2], length), others)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return what the first route says that takes the request, else the first of its path."""
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        path = path_to_match(scope)
        if path == scope["path"]:
            return self._first(scope)
        match, found = self._first({**scope, "path": path})
        return match, _unmarked(found) if found else found

    def _first(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] | None = None
        for route in self.candidates(scope):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, {**found, "route": route}
            if match is Match.PARTIAL and partial is None:
                partial = match, {**found, "route": route}
        return partial or (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the route serve the request that was found for it."""
        await scope["route"].handle(scope, receive, send)


def _shape(route: BaseRoute) -> tuple[tuple[str, str] | None, int | None]:
    """Return the first two segments of a route's paths, and how many they have, if all agree."""
    if not isinstance(route, Route | WebSocketRoute):
        return None, None
    segments = route.path.split("/")
    length = None if _OF_ANY_LENGTH in route.path else len(segments)
    first = segments[1:3]
    if len(first) < 2 or any(_PARAMETER in segment for segment in first):
        return None, length
    return (first[0], first[1]), length
