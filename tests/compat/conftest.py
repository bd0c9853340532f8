"""Knock's official Python SDK, pointed at the product over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from knockapi import AsyncKnock

from services.engine import Engine
from tests.support.application import application
from tests.support.builders import Builder, Environment
from tests.support.node import NodePackages, node_packages
from tests.support.server import serving


@pytest.fixture
async def address(engine: Engine) -> AsyncIterator[str]:
    """Serve the product."""
    async with serving(application(engine)) as found:
        yield found


@pytest.fixture
async def knock(address: str, environment: Environment) -> AsyncIterator[AsyncKnock]:
    """Open the asynchronous client."""
    async with AsyncKnock(
        api_key=environment.secret_key, base_url=address, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
async def channel(make: Builder) -> UUID:
    """Make an in-app channel."""
    return await make.channel()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodePackages:
    """Fetch Knock's packages for Node.js, once; without Node.js what asks for them is skipped."""
    return node_packages(tmp_path_factory.mktemp("node"))
