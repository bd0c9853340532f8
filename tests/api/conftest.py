"""The application as a client sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.engine import Engine
from tests.support.account import Account
from tests.support.application import application
from tests.support.builders import Environment


@pytest.fixture
def app(engine: Engine) -> FastAPI:
    """Build the application on the parts of the test."""
    return application(engine)


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application without a credential."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx.AsyncClient, environment: Environment) -> httpx.AsyncClient:
    """Call the application with the secret key of the test's environment."""
    anonymous.headers["authorization"] = f"Bearer {environment.secret_key}"
    return anonymous


@pytest.fixture
async def management(account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application with the service token of a seeded account."""
    transport = httpx.ASGITransport(application(account.engine))
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client
