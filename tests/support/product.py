"""The product's own workers in this process, on a real database and a real Temporal server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from temporalio.client import Client

from commands.worker import build_workers
from domain.contract.queues import ALL_QUEUES
from runtime.database import Database
from runtime.settings import Settings
from runtime.vault import Vault
from services.composition import close_engine, compose_engine
from services.engine import Engine

# Waits between attempts are minutes in production, and no customer's server is on loopback.
_QUICK = {
    "delivery_retry_factor": 0.0001,
    "step_retry_factor": 0.02,
    "allow_private_egress": True,
}


@contextlib.asynccontextmanager
async def running_product(
    database: Database, client: Client, **settings: object
) -> AsyncIterator[Engine]:
    """Run a worker for every queue until the block ends; answers the parts of the process."""
    chosen = Settings(rate_limits=False, shutdown_seconds=2, starts_ahead=0).model_copy(
        update={**_QUICK, **settings}
    )
    engine = compose_engine(chosen, database, client, Vault(["k" * 16]))
    async with contextlib.AsyncExitStack() as running:
        for worker in build_workers(engine, ALL_QUEUES):
            await running.enter_async_context(worker)
        yield engine
    await engine.deliveries_under_way.end(grace=1.0)
    await close_engine(engine)
