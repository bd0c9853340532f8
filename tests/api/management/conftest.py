"""The Management API as a client with a service token sees it, on a seeded account."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from api.main import create_app
from tests.support.account import Account, account, seeded

__all__ = ["account", "seeded"]


@pytest.fixture
async def management(account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application with the seeded service token."""
    transport = httpx.ASGITransport(create_app(platform=account.platform))
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client
