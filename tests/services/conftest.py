"""Two set-ups: a seeded account, and an engine whose Temporal is replaced at its edge."""

from __future__ import annotations

import pytest

from runtime.platform import Platform
from tests.support.account import account, seeded
from tests.support.builders import Builder, Environment
from tests.support.engine import Engine

__all__ = ["account", "engine", "seeded"]


@pytest.fixture
async def engine(platform: Platform, make: Builder, environment: Environment) -> Engine:
    """Return an engine with a feed and an e-mail channel."""
    engine = Engine(platform, make, environment)
    await engine.channel("in_app_feed")
    await engine.channel("email", channel_settings={"from_address": "hello@example.com"})
    return engine
