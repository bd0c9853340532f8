"""Somebody who hears of everything that happens in a test's environment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.outbox import Listener, listening
from tests.support.world import World


@pytest.fixture
async def listener(world: World) -> AsyncIterator[Listener]:
    """Subscribe to all events of the world's environment."""
    async with listening(world.engine, world.environment.id) as one:
        yield one
