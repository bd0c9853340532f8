"""One real stack for all tests of this folder, and the official SDK in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from knockapi import AsyncKnock, Knock

from commands.dev.client import DevStack
from commands.dev.fresh import fresh_stack
from tests.support.management import Management
from tests.support.programs import Program, start_programs
from tests.support.webhook_target import Target, listening_target

# Every answer must have the form that the SDK's own types demand.
STRICT: Any = {"_strict_response_validation": True}


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[DevStack]:
    """Run `carillon dev` on free ports, with quick retries and a quick sweep."""
    async with fresh_stack(workers=1, delivery_retry_factor="0.0005", sweep_seconds="2") as stack:
        yield stack


@pytest.fixture(scope="session")
def knock(stack: DevStack) -> Iterator[Knock]:
    """Return the SDK as a back end uses it, with the development secret key."""
    key = stack.environments["development"].secret_key
    with Knock(api_key=key, base_url=stack.api_url, **STRICT) as client:
        yield client


@pytest.fixture(scope="session")
async def async_knock(stack: DevStack) -> AsyncIterator[AsyncKnock]:
    """Return the asynchronous SDK with the development secret key."""
    key = stack.environments["development"].secret_key
    async with AsyncKnock(api_key=key, base_url=stack.api_url, **STRICT) as client:
        yield client


@pytest.fixture(scope="session")
def browser(stack: DevStack) -> Iterator[Knock]:
    """Return the SDK with the development public key, which is all that a browser has."""
    key = stack.environments["development"].public_key
    with Knock(api_key=key, base_url=stack.api_url, **STRICT) as client:
        yield client


@pytest.fixture(scope="session")
def production(stack: DevStack) -> Iterator[Knock]:
    """Return the SDK with the production secret key."""
    key = stack.environments["production"].secret_key
    with Knock(api_key=key, base_url=stack.api_url, **STRICT) as client:
        yield client


@pytest.fixture(scope="session")
def http(stack: DevStack) -> Iterator[httpx.Client]:
    """Return a bare client, for requests that no SDK would send."""
    headers = {"authorization": f"Bearer {stack.environments['development'].secret_key}"}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def management(stack: DevStack) -> Iterator[Management]:
    """Return the Management API with the service token."""
    headers = {"authorization": f"Bearer {stack.service_token}"}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30) as client:
        yield Management(client)


@pytest.fixture(scope="session")
def database(stack: DevStack) -> Iterator[psycopg.Connection]:
    """Look into the tables, past the API."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
async def target() -> AsyncIterator[Target]:
    """Run a webhook target."""
    async with listening_target() as target:
        yield target


@pytest.fixture
def user_id() -> str:
    """Name a user that only this test knows."""
    return f"user-{uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def programs(
    stack: DevStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Program]]:
    """Start the demo and the examples; whoever asks early lets them run beside the tests."""
    programs = start_programs(stack, tmp_path_factory.mktemp("nowhere"))
    yield programs
    for program in programs.values():
        program.close()
