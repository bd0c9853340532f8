"""The engine most tests start from; import `engine` where it is needed."""

from __future__ import annotations

import pytest

from runtime.platform import Platform
from tests.support.builders import Builder, Environment
from tests.support.engine import Engine


@pytest.fixture
async def engine(platform: Platform, make: Builder, environment: Environment) -> Engine:
    """Return an engine with a feed and an e-mail channel."""
    engine = Engine(platform, make, environment)
    await engine.channel("in_app_feed")
    await engine.channel("email", channel_settings={"from_address": "hello@example.com"})
    return engine
