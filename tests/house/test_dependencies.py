"""No request waits for a thread: FastAPI runs plain functions in one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.admin.routers import ROUTERS as ADMIN
from api.knock.routers import ROUTERS as KNOCK
from api.management.routers import ROUTERS as MANAGEMENT


def _calls(dependant: Dependant) -> Iterator[object]:
    if dependant.call is not None:
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


def test_routes_and_dependencies_are_coroutines() -> None:
    """The hops to a thread and back cost a request more than all its dependencies together."""
    calls = {
        call
        for router in (*KNOCK, *MANAGEMENT, *ADMIN)
        for route in router.routes
        if isinstance(route, APIRoute)
        for call in _calls(route.dependant)
    }
    plain = sorted(str(call) for call in calls if not inspect.iscoroutinefunction(call))
    assert len(calls) > 50
    assert plain == []
