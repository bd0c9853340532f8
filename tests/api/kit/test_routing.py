"""The table of routes finds what asking one route after the other would find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import unquote

import pytest
from starlette.routing import Match, Route, WebSocketRoute
from starlette.types import Scope

from api.kit.routing import RouteTable
from api.main import create_app
from runtime.settings import Settings

_Route: TypeAlias = Route | WebSocketRoute
_PARAMETER = re.compile(r"\{[^}]*\}")
_VALUES = ("x", "bulk", "batch", "feeds", "a/b", "$users", "")


@pytest.fixture(scope="module")
def routes() -> list[_Route]:
    """Return every route of the application."""
    app = create_app(Settings())
    return [
        route
        for router in app.state.routers
        for route in router.routes
        if isinstance(route, Route | WebSocketRoute)
    ]


def _paths(routes: list[_Route]) -> set[str]:
    paths = {"", "/", "*", "/v1", "/v1/", "/nothing", "/v1/nothing/at/all", "/v1/users/x" * 9}
    for route in routes:
        paths |= {_PARAMETER.sub(value, route.path) for value in _VALUES}
        paths |= {f"{route.path}/", f"/{route.path}", route.path.upper()}
    return paths


def _scopes(path: str) -> Iterator[Scope]:
    yield {"type": "websocket", "path": path}
    for method in ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"):
        yield {"type": "http", "path": path, "method": method}


def _asked_in_turn(routes: list[_Route], scope: Scope) -> tuple[Match, Scope]:
    partial: tuple[Match, Scope] = Match.NONE, {}
    for route in routes:
        match, found = route.matches(dict(scope))
        if match is Match.FULL:
            return match, {**found, "route": route}
        if match is Match.PARTIAL and not partial[1]:
            partial = match, {**found, "route": route}
    return partial


def test_the_table_finds_what_asking_each_route_finds(routes: list[_Route]) -> None:
    """Whatever the path and the method: the same route, with the same parameters."""
    table, found = RouteTable(routes), set[int]()
    for path in _paths(routes):
        with_path = [route for route in routes if route.path_regex.match(path)]
        for scope in _scopes(path):
            told = table.matches(dict(scope))
            assert told == _asked_in_turn(with_path, scope), scope
            found.add(id(told[1].get("route")))
    assert {id(route) for route in routes} <= found


def test_few_routes_are_asked(routes: list[_Route]) -> None:
    """No path has more than a small part of the routes ask whether it is theirs."""
    table = RouteTable(routes)
    most = max(len(table.candidates({"path": path})) for path in _paths(routes))
    assert most < len(routes) / 10


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b"/v1/things/a%2Fb/parts", "a/b"),
        (b"/v1/things/%2f%2F/parts", "//"),
        (b"/v1/things/a%252Fb/parts", "a%2Fb"),
        (b"/v1/things/%F0%9F%94%94%2Fb%20/parts", "\N{BELL}/b "),
        (b"/v1/things/%2Fb%FF/parts", "/b\ufffd"),
    ],
)
def test_an_escaped_slash_is_a_part_of_an_id(raw: bytes, key: str) -> None:
    """Of whatever id: it separates nothing, and arrives as the slash that it stands for."""
    route = Route("/v1/things/{key}/parts", lambda request: None)
    path = unquote(raw.decode())
    scope = {"type": "http", "path": path, "raw_path": raw, "method": "GET"}
    match, found = RouteTable([route]).matches(scope)
    assert match is Match.FULL
    assert found["path_params"] == {"key": key}
    assert scope["path"] == path


@pytest.mark.parametrize("raw", [None, b"", b"/elsewhere/a%2Fb", b"/v1/things/a/b/parts"])
def test_a_slash_that_is_not_escaped_separates(raw: bytes | None) -> None:
    """Also where a server does not say what was escaped, or says it of another path."""
    route = Route("/v1/things/{key}/parts", lambda request: None)
    scope = {"type": "http", "path": "/v1/things/a/b/parts", "raw_path": raw, "method": "GET"}
    assert RouteTable([route]).matches(scope) == (Match.NONE, {})


def test_a_path_below_a_root_is_asked_of_every_route() -> None:
    """Where the application is put below a path, its routes are found as ever."""
    route = Route("/v1/things", lambda request: None)
    scope = {"type": "http", "path": "/below/v1/things", "root_path": "/below", "method": "GET"}
    match, found = RouteTable([route]).matches(scope)
    assert match is Match.FULL
    assert found["route"] is route
