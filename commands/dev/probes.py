"""How to tell that a part of the stack is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from commands.embedded.errors import EmbeddedError
from commands.processes import LOOK_SECONDS, Child
from runtime.settings import Settings
from runtime.temporal import connect, is_unreachable
from temporal_workflows.search_attributes import ALL

_POLL_SECONDS = 0.05
_HOPELESS_DEATHS = 5
_SLOWEST_START_SECONDS = 90.0

SEARCH_ATTRIBUTES: tuple[str, ...] = tuple(key.name for key in ALL)

Probe = Callable[[], Awaitable[bool]]


async def wait_until(probe: Probe, child: Child) -> None:
    """Return when a started child is ready.

    Raises:
        EmbeddedError: it keeps dying, or takes too long; quotes the last line of its log.
    """
    deadline = asyncio.get_running_loop().time() + _SLOWEST_START_SECONDS
    while not await probe():
        if child.deaths >= _HOPELESS_DEATHS:
            raise EmbeddedError(_why(child, "did not start"))
        if asyncio.get_running_loop().time() > deadline:
            raise EmbeddedError(_why(child, "was not ready in time"))
        await asyncio.sleep(_POLL_SECONDS)
    child.settle()


def _why(child: Child, what: str) -> str:
    log = child.spec.log
    last = last_line(log) if log is not None else ""
    return f"{child.spec.name} {what}: {last or 'it said nothing'} (more in {log})"


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def file_probe(path: Path) -> Probe:
    """Return a probe: the part has made its file."""

    async def is_ready() -> bool:
        return path.exists()

    return is_ready


def http_probe(url: str) -> Probe:
    """Return a probe: the address answers 200."""

    async def is_ready() -> bool:
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return is_ready


def answers(url: str) -> Probe:
    """Return the sign of life of an HTTP server: it answers in time, whatever it answers.

    One that refuses connections is starting, or dead; a hung one lets its callers wait.
    """

    async def is_alive() -> bool:
        try:
            async with httpx.AsyncClient(timeout=LOOK_SECONDS, trust_env=False) as client:
                await client.get(url)
        except httpx.TimeoutException:
            return False
        except httpx.HTTPError:
            return True
        return True

    return is_alive


def port_probe(host: str, port: int) -> Probe:
    """Return a probe: something listens."""

    async def is_ready() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        return True

    return is_ready


def temporal_probe(settings: Settings) -> Probe:
    """Return a probe: Temporal answers and knows our search attributes."""

    async def is_ready() -> bool:
        try:
            return not await _missing_attributes(await _client(settings))
        except (RPCError, RuntimeError):
            return False

    return is_ready


async def adopt_temporal(settings: Settings) -> None:
    """Check a Temporal that somebody else runs, and add what it lacks of our search attributes.

    Raises:
        EmbeddedError: it cannot be reached, or refuses.
    """
    try:
        client = await _client(settings)
        missing = await _missing_attributes(client)
        if missing:
            keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=client.namespace,
                    search_attributes=dict.fromkeys(missing, keyword),
                )
            )
    except (RPCError, RuntimeError) as error:
        # What the SDK says of a server that is away is meant for its own developers.
        why = "does not answer" if is_unreachable(error) else f"cannot be used: {error}"
        raise EmbeddedError(
            f"Temporal at {settings.temporal_address} {why}. Check CARILLON_TEMPORAL_ADDRESS, or "
            "unset it to have one started."
        ) from error


async def _client(settings: Settings) -> Client:
    return await connect(settings, lazy=False, identity="carillon-dev")


async def _missing_attributes(client: Client) -> list[str]:
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
