"""Addresses of the API in answers: where it is reached from outside."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from services.engine import Engine
from tests.support.account import Account
from tests.support.application import application
from tests.support.builders import Environment


def _asking(engine: Engine, public_url: str | None, key: str) -> httpx.AsyncClient:
    """Return a client behind a proxy, which asks a host that nobody outside knows."""
    settings = engine.settings.model_copy(update={"public_url": public_url})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application(replace(engine, settings=settings))),
        base_url="http://inside:8000",
        headers={"authorization": f"Bearer {key}"},
    )


@pytest.mark.parametrize(
    ("public_url", "address"),
    [
        (None, "http://inside:8000"),
        ("https://notify.example.org", "https://notify.example.org"),
        ("https://example.org/notify/", "https://example.org/notify"),
    ],
)
async def test_the_public_address_comes_first(
    engine: Engine,
    environment: Environment,
    account: Account,
    public_url: str | None,
    address: str,
) -> None:
    """Sources and bulk operations are at the public address, or else where they were asked for."""
    async with _asking(engine, public_url, environment.secret_key) as client:
        answer = await client.post("/v1/users/bulk/identify", json={"users": [{"id": "ellie"}]})
        operation = answer.json()
    assert operation["progress_path"] == f"{address}/v1/bulk_operations/{operation['id']}"
    async with _asking(account.engine, public_url, account.keys.service_token) as management:
        source = {"name": "Shop", "environment_settings": {}}
        answer = await management.put(
            "/v1/sources/shop", params={"environment": "development"}, json={"source": source}
        )
        settings = answer.json()["source"]["environment_settings"]["development"]["settings"]
        listed = await management.get("/v1/sources?include[]=environment_settings")
    assert settings["endpoint"].startswith(f"{address}/")
    assert not settings["endpoint"].startswith(f"{address}//")
    (shown,) = listed.json()["entries"]
    assert shown["environment_settings"]["development"]["settings"] == settings
