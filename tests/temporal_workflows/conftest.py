"""Workers of a real Temporal server: with scripted activities, and with the product's own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from commands.embedded.postgres import EmbeddedPostgres
from commands.worker import workflow_runner
from domain.contract.queues import ALL_QUEUES, RUNS
from runtime.database import Database
from runtime.settings import Settings
from services.engine import Engine
from temporal_workflows import WORKFLOWS
from tests.support.builders import Builder, Environment
from tests.support.postgres import new_database
from tests.support.product import running_product
from tests.support.scenarios import prepare
from tests.support.scripted_activities import Script, ScriptedActivities
from tests.support.stage import Stage
from tests.support.temporal_server import ALONE, PRODUCT, SANDBOXED, SCRIPTED, client_of
from tests.support.world import World


@pytest.fixture(scope="session")
def scripted_activities() -> ScriptedActivities:
    """Return the activities of all scripted workers."""
    return ScriptedActivities()


@pytest.fixture(scope="session")
async def scripted_clients(
    temporal_address: str, scripted_activities: ScriptedActivities
) -> AsyncIterator[dict[str, Client]]:
    """Run scripted workers: as in production, and in the sandbox without any cache.

    Without a cache every workflow task replays its run from the beginning, which shows whatever
    does not replay, or minds being evicted.
    """
    clients: dict[str, Client] = {}
    async with contextlib.AsyncExitStack() as running:
        for namespace in (SCRIPTED, SANDBOXED):
            client = clients[namespace] = await client_of(temporal_address, namespace)
            for queue in ALL_QUEUES:
                await running.enter_async_context(
                    _worker(client, queue, scripted_activities, sandbox=namespace == SANDBOXED)
                )
        yield clients


def _worker(client: Client, queue: str, activities: ScriptedActivities, *, sandbox: bool) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        activities=activities.all(),
        workflows=WORKFLOWS if queue == RUNS else (),
        workflow_runner=workflow_runner(Settings(worker_sandbox=sandbox)),
        max_cached_workflows=0 if sandbox else 100,
    )


@pytest.fixture(params=[SCRIPTED, SANDBOXED])
def stage(
    request: pytest.FixtureRequest,
    scripted_clients: dict[str, Client],
    scripted_activities: ScriptedActivities,
) -> Stage:
    """Return a stage with an empty script, once for each kind of worker."""
    stage = Stage(scripted_clients[request.param], Script())
    scripted_activities.scripts[stage.environment_id] = stage.script
    return stage


@pytest.fixture(scope="session")
async def product_engine(database: Database, temporal_address: str) -> AsyncIterator[Engine]:
    """Run the product's workers."""
    client = await client_of(temporal_address, PRODUCT)
    async with running_product(database, client) as engine:
        yield engine


@pytest.fixture(scope="session")
async def lonely_engine(postgres: EmbeddedPostgres, temporal_address: str) -> AsyncIterator[Engine]:
    """Run the product's workers on a database that no other test writes to."""
    database = Database(new_database(postgres), size=10)
    await database.open()
    client = await client_of(temporal_address, ALONE)
    async with running_product(database, client) as engine:
        yield engine
    await database.close()


@pytest.fixture
async def alone(lonely_engine: Engine) -> World:
    """Return the product with no runs in its database but those of this test."""
    make = Builder(lonely_engine.database)
    await make.rows(
        "UPDATE recipient_runs SET status = 'completed', resumes_at = NULL"
        " WHERE status IN ('queued', 'processing', 'paused') RETURNING 1"
    )
    for table in (
        "trigger_releases",
        "trigger_expansions",
        "sweep_positions",
        "deliveries",
        "schedules",
    ):
        await make.rows(f"DELETE FROM {table} RETURNING 1")
    world = World(lonely_engine, make, await make.environment())
    await prepare(world)
    return world


@pytest.fixture
async def product(product_engine: Engine, make: Builder, environment: Environment) -> World:
    """Return the product in an environment of this test, with channels."""
    world = World(product_engine, make, environment)
    await prepare(world)
    return world
