"""The world most tests start from; import `world` where it is needed."""

from __future__ import annotations

import pytest

from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.world import World


@pytest.fixture
async def world(engine: Engine, make: Builder, environment: Environment) -> World:
    """Return a world with a feed and an e-mail channel."""
    world = World(engine, make, environment)
    await world.channel("in_app_feed")
    await world.channel("email", channel_settings={"from_address": "hello@example.com"})
    return world
