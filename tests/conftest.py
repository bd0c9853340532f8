"""Fixtures that everybody may use; `docs/testing.md` says which gives what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

import hypothesis
import pytest
from temporalio.client import Client

from commands.embedded.postgres import EmbeddedPostgres
from runtime.database import Database
from runtime.settings import Settings
from runtime.vault import Vault
from services.composition import compose_engine
from services.engine import Engine
from tests.support.account import Account, Seeded, make_engine
from tests.support.builders import Builder, Environment
from tests.support.documented_answers import (
    pytest_addoption,
    pytest_configure,
    pytest_runtest_call,
)
from tests.support.postgres import new_database, running_cluster
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.temporal_server import running_temporal
from tests.support.world import World

__all__ = ["pytest_addoption", "pytest_configure", "pytest_runtest_call"]

# How long an example takes says something about the machine, not about the rule.
hypothesis.settings.register_profile("carillon", deadline=None)
hypothesis.settings.load_profile("carillon")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Run one PostgreSQL for all tests of the session."""
    with running_cluster() as server:
        yield server


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    """Make one migrated database; tests keep apart by environments of their own."""
    return new_database(postgres)


@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    """Return settings of the tests: nothing from files or the environment matters here.

    A request waits for its start, so that a test sees what was started.
    """
    return Settings(
        database_url=database_url, rate_limits=False, database_pool_size=10, starts_ahead=0
    )


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open the database."""
    database = Database(database_url, size=10)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Run one Temporal server for all tests of the session; see its namespaces."""
    async with running_temporal(tmp_path_factory.mktemp("temporal")) as address:
        yield address


@pytest.fixture
def temporal() -> TemporalRecorder:
    """Record what Temporal is asked to do."""
    return TemporalRecorder()


@pytest.fixture
def engine(settings: Settings, database: Database, temporal: TemporalRecorder) -> Engine:
    """Compose the parts of a process, with Temporal replaced at its edge."""
    return compose_engine(settings, database, cast(Client, temporal), Vault(["k" * 16]))


@pytest.fixture
def make(database: Database) -> Builder:
    """Make rows."""
    return Builder(database)


@pytest.fixture
async def environment(make: Builder) -> Environment:
    """Make an environment that only this test uses."""
    return await make.environment()


@pytest.fixture
async def world(engine: Engine, make: Builder, environment: Environment) -> World:
    """Return the parts of a process in an environment with a feed and an e-mail channel."""
    world = World(engine, make, environment)
    await world.channel("in_app_feed")
    await world.channel("email", channel_settings={"from_address": "hello@example.com"})
    return world


@pytest.fixture(scope="session")
def seeded(postgres: EmbeddedPostgres) -> Seeded:
    """Seed one database for the accounts of all tests."""
    return Seeded.on(new_database(postgres))


@pytest.fixture
async def account(seeded: Seeded, temporal: TemporalRecorder) -> AsyncIterator[Account]:
    """Return the account as it is after the seed."""
    seeded.restore()
    engine = make_engine(seeded.url, temporal)
    await engine.database.open()
    yield Account(engine, seeded.keys)
    await engine.database.close()
