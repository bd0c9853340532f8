"""The application on a port, because only there are sockets; and Ellie's feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI

from api.main import create_app
from services.engine import Engine
from tests.support.server import serving
from tests.support.world import World, another_process


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


@pytest.fixture
async def feed(world: World) -> str:
    """Return the topic of Ellie's feed."""
    return f"feeds:{await channel_of(world)}:ellie"


async def channel_of(world: World) -> UUID:
    """Return the in-app channel of a world."""
    (row,) = await world.make.rows("SELECT id FROM channels WHERE key = 'in-app'")
    return UUID(str(row["id"]))


def counts(total: int, unread: int, unseen: int) -> dict[str, object]:
    """Return badge counts as they are told."""
    return {
        "__typename": "FeedMetadata",
        "total_count": total,
        "unread_count": unread,
        "unseen_count": unseen,
    }
