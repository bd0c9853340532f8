"""The HTTP application on the parts of a test, built once.

FastAPI prepares a route at its first request, which takes longer than most tests do, so tests share
the routes and bring what belongs to them: the state of an application of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import FastAPI

from api.main import create_app
from runtime.settings import Settings
from services.engine import Engine


def application(engine: Engine, more: Callable[[FastAPI], None] | None = None) -> FastAPI:
    """Return the application as `create_app` makes it for an engine.

    A test has one for each database at a time; a second one on the same takes the place of the
    first.

    Args:
        engine: the parts to work on.
        more: adds routes that only tests have.
    """
    app = _built(engine.settings.database_url, more)
    app.state = create_app(engine=engine).state
    return app


@cache
def _built(database_url: str, more: Callable[[FastAPI], None] | None) -> FastAPI:
    app = create_app(Settings(database_url=database_url))
    if more is not None:
        more(app)
    return app
