"""Composes the HTTP face: both APIs, their documents, health, errors, middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import assets, health
from api.admin.routers import ROUTERS as ADMIN
from api.admin.what_if import TRIES_AT_ONCE
from api.kit import errors
from api.kit.bodies import FILES_AT_ONCE, LARGE_AT_ONCE
from api.kit.cors import BrowserPaths
from api.kit.middleware import RequestFrame
from api.kit.rate_limits import RateLimiter
from api.kit.routing import RouteTable
from api.knock.routers import ROUTERS as KNOCK
from api.management.routers import ROUTERS as MANAGEMENT
from api.reference import routes as reference
from runtime.logs import configure_logs
from runtime.memory import settle_memory
from runtime.settings import Settings, get_settings
from services.composition import open_engine
from services.engine import Engine


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> FastAPI:
    """Build the application.

    Args:
        settings: those of the environment by default.
        engine: parts to use, which the caller opens and closes; by default the application
            opens its own, and neither PostgreSQL nor Temporal has to be up for it to start.
    """
    settings = settings or (engine.settings if engine else get_settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if engine is not None:
            yield
            return
        configure_logs(settings, process="api")
        async with open_engine(settings, process="api", lazy=True) as opened:
            app.state.engine = opened
            settle_memory()
            yield
            if app.state.hub is not None:
                await app.state.hub.close()

    app = FastAPI(
        title="Carillon",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.engine = engine
    app.state.settings = settings
    app.state.hub = None  # made by the first socket, which knows the engine
    app.state.rate_limiter = RateLimiter(settings)
    app.state.readiness = health.Readiness()
    app.state.large_bodies = asyncio.Semaphore(LARGE_AT_ONCE)
    app.state.large_files = asyncio.Semaphore(FILES_AT_ONCE)
    app.state.tries = asyncio.Semaphore(TRIES_AT_ONCE)
    errors.install(app)
    app.add_middleware(RequestFrame, browser_paths=BrowserPaths(KNOCK))
    app.state.routers = (
        health.router,
        assets.router,
        reference.router,
        *KNOCK,
        *MANAGEMENT,
        *ADMIN,
    )
    app.router.routes.append(
        RouteTable(route for router in app.state.routers for route in router.routes)
    )
    return app
