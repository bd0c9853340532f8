"""A real Temporal dev server for a test session, with the flags of the embedded stack."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from commands.dev.ports import free_port
from commands.embedded.temporal import ENVIRONMENT, TemporalPlace, find_temporal, start_command
from commands.embedded.tools import running
from runtime.process_environment import child_environment
from runtime.settings import Settings
from runtime.temporal import connect
from temporal_workflows.search_attributes import ALL

# Workflows of the product, twice, workflows over scripted activities, workflows inside the sandbox:
# the queues have fixed names, so each set of workers has a namespace of its own. One has none.
NAMESPACES = ("product", "alone", "scripted", "sandboxed", "spare")
PRODUCT, ALONE, SCRIPTED, SANDBOXED, SPARE = NAMESPACES
_START_SECONDS = 60.0


@contextlib.asynccontextmanager
async def running_temporal(folder: Path) -> AsyncIterator[str]:
    """Run a server until the block ends; answers its address."""
    settings = Settings()
    cache = (settings.cache or Path("~/.cache/carillon")).expanduser().absolute()
    port = free_port()
    place = TemporalPlace(
        database=folder / "temporal.db",
        namespace=NAMESPACES[0],
        port=port,
        ui_port=free_port(),
        keywords=tuple(key.name for key in ALL),
    )
    binary = await find_temporal(settings.temporal_cli, cache, say=print)
    command = [*start_command(binary, place), "--headless"]
    for namespace in NAMESPACES[1:]:
        command += ["--namespace", namespace]
    environment = child_environment(**ENVIRONMENT)
    log = folder / "temporal.log"
    async with running(*command, log=log, environment=environment, folder=folder):
        await _until_ready(f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"


async def _until_ready(address: str) -> None:
    """Wait until every namespace takes workflows with our search attributes."""
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                for namespace in NAMESPACES:
                    await _look(await client_of(address, namespace))
            except (RPCError, RuntimeError):
                await asyncio.sleep(0.05)
            else:
                return


async def _look(client: Client) -> None:
    async for _ in client.list_workflows(" AND ".join(f"{key.name} = 'x'" for key in ALL)):
        return


async def client_of(address: str, namespace: str) -> Client:
    """Connect to a namespace as the product does."""
    settings = Settings(temporal_address=address, temporal_namespace=namespace)
    return await connect(settings, lazy=False, identity="tests")
