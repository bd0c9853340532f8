"""One bench run's hands on its stack: HTTP clients, Temporal, the database, the CPU meter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import TupleRow
from temporalio.client import Client

from bench.cost import CpuMeter
from bench.floor import connect, floor_workers
from bench.workflows import WORKFLOWS
from commands.dev.client import DevStack
from commands.dev.fresh import fresh_stack

# What every trigger carries.
DATA = {"page": "Overview"}
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How many there are of what is measured in large numbers.

    Attributes:
        sleepers: runs that sleep at once.
        schedules: schedules that wait while others occur.
    """

    sleepers: int = 10_000
    schedules: int = 100_000


@dataclass(frozen=True, slots=True)
class Session:
    """What measures work with.

    Attributes:
        api: the Knock API with the development secret key.
        temporal: a plain client for the floor.
        database: reads how far the product is.
        meter: CPU by part; the floor's workers are the part `floor`.
    """

    stack: DevStack
    api: httpx.AsyncClient
    temporal: Client
    database: psycopg.AsyncConnection[TupleRow]
    meter: CpuMeter
    scale: Scale

    async def trigger(
        self, workflow: str, recipients: Sequence[str | Mapping[str, str]], **fields: Any
    ) -> str:
        """Trigger a workflow and return its workflow run id."""
        response = await self.api.post(
            f"/v1/workflows/{workflow}/trigger",
            json={"recipients": list(recipients), "data": DATA, **fields},
        )
        response.raise_for_status()
        return str(response.json()["workflow_run_id"])

    async def count(self, query: str, *parameters: Any) -> int:
        """Return the single number that a query returns."""
        cursor = await self.database.execute(query, parameters)
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def wait_for(
        self, query: str, *parameters: Any, until: int, seconds: float = _PATIENCE_SECONDS
    ) -> None:
        """Wait until a query returns at least a number. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while await self.count(query, *parameters) < until:
                await asyncio.sleep(_POLL_SECONDS)


@contextlib.asynccontextmanager
async def session(*, workers: int, scale: Scale) -> AsyncIterator[Session]:
    """Start a fresh stack with the bench's workflows and people, and the floor's workers."""
    async with contextlib.AsyncExitStack() as exits:
        stack = await exits.enter_async_context(
            # The server that fetch steps call is the benchmark's own, on loopback.
            fresh_stack(workers=workers, allow_private_egress="true")
        )
        floor = await exits.enter_async_context(
            floor_workers(stack.temporal_address, processes=workers)
        )
        secret_key = stack.environments["development"].secret_key
        api = await exits.enter_async_context(_client(stack.api_url, secret_key))
        database = await exits.enter_async_context(
            await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True)
        )
        async with management_client(stack) as management:
            for key, steps in WORKFLOWS.items():
                response = await management.put(
                    f"/v1/workflows/{key}",
                    params={"environment": "development", "commit": "true"},
                    json={"workflow": {"name": key, "steps": steps}},
                )
                response.raise_for_status()
        opened = Session(
            stack,
            api,
            await connect(stack.temporal_address),
            database,
            CpuMeter(stack, {"floor": floor}),
            scale,
        )
        # A thousand people are identified with one trigger, so that later triggers only name them.
        names = [(person(number), f"Person {number}") for number in range(1000)]
        run = await opened.trigger(
            "bench-nothing",
            [{"id": who, "name": name, "email": f"{who}@example.com"} for who, name in names],
        )
        await opened.wait_for(
            "SELECT count(*) FROM recipient_runs"
            " WHERE workflow_run_id = %s AND status = 'completed'",
            run,
            until=1000,
        )
        yield opened


def management_client(stack: DevStack) -> httpx.AsyncClient:
    """Open a client of the Management API."""
    return _client(stack.api_url, stack.service_token)


def _client(base_url: str, credential: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"authorization": f"Bearer {credential}"},
        timeout=60.0,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=100),
    )


def person(number: int) -> str:
    """Return the id of one of the bench's thousand people."""
    return f"person-{number % 1000}"
