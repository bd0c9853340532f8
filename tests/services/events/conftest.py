"""A world, and somebody who hears of everything that happens in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.outbox import Listener, listening
from tests.support.world import World
from tests.support.world_fixture import world

__all__ = ["world"]


@pytest.fixture
async def listener(world: World) -> AsyncIterator[Listener]:
    """Subscribe to all events of the world's environment."""
    async with listening(world.engine, world.environment.id) as one:
        yield one
