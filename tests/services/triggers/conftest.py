"""A database of its own, for what looks at the schedules of everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from temporalio.client import Client

from commands.embedded.postgres import EmbeddedPostgres
from runtime.crypto import Vault
from runtime.database import Database
from runtime.settings import Settings
from services.composition import close_engine, compose_engine
from tests.support.builders import Builder
from tests.support.postgres import new_database
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World


@pytest.fixture(scope="session")
async def secluded_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Open a database that only the tests of clocks use."""
    database = Database(new_database(postgres), size=10)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def secluded(
    secluded_database: Database, settings: Settings, temporal: TemporalRecorder
) -> AsyncIterator[World]:
    """Return an environment with a feed, in a database without other schedules."""
    make = Builder(secluded_database)
    await make.rows("DELETE FROM schedules")
    engine = compose_engine(settings, secluded_database, cast(Client, temporal), Vault(["k" * 16]))
    world = World(engine, make, await make.environment())
    await world.channel("in_app_feed")
    yield world
    await close_engine(engine)
