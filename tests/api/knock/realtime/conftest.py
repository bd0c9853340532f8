"""The application on a port, because only there are sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from api.main import create_app
from services.engine import Engine
from tests.support.server import serving
from tests.support.world import another_process


@asynccontextmanager
async def api_process(engine: Engine) -> AsyncIterator[str]:
    """Serve what an API process does, as a second one does beside the first."""
    app = create_app(engine=another_process(engine))
    async with serving(app) as address:
        yield address
    if app.state.hub is not None:
        await app.state.hub.close()


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application of the test."""
    async with serving(app) as address:
        yield address
    if app.state.hub is not None:
        await app.state.hub.close()
