"""Providers of language models over HTTP."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from providers.registry import MASK


@pytest.fixture
def path() -> str:
    """Name a provider that no other test has."""
    return f"/v1/admin/model_providers/m-{uuid4().hex[:8]}/environments/development"


async def test_a_provider_is_set_listed_and_forgotten(
    management: httpx.AsyncClient, path: str
) -> None:
    """The key is never shown, and kept when it is left out or comes back as its mask."""
    made = await management.put(path, json={"adapter": "openai", "api_key": "sk-1"})
    shown = made.json()["model_provider"]
    assert (shown["adapter"], shown["base_url"], shown["api_key"]) == ("openai", None, MASK)
    again = shown
    for kept in ({}, {"api_key": MASK}):
        changed = {"adapter": "anthropic", "base_url": "https://m.example.com/v1/", **kept}
        again = (await management.put(path, json=changed)).json()["model_provider"]
        assert (again["adapter"], again["base_url"]) == ("anthropic", "https://m.example.com/v1")
    listed = (await management.get("/v1/admin/model_providers?limit=100")).json()["entries"]
    assert again in listed
    other = await management.get("/v1/admin/model_providers?environment=production&limit=100")
    assert again["name"] not in {entry["name"] for entry in other.json()["entries"]}
    assert (await management.delete(path)).status_code == 204
    assert (await management.delete(path)).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"api_key": "k"}, "adapter"),
        ({"adapter": "other", "api_key": "k"}, "adapter"),
        ({"adapter": "openai"}, "api_key"),
        ({"adapter": "openai", "api_key": MASK}, "api_key"),
        ({"adapter": "openai", "api_key": "k", "base_url": "ftp://x"}, "base_url"),
        ({"adapter": "openai", "api_key": "k", "base_url": "https://u:p@x"}, "base_url"),
    ],
)
async def test_what_is_wrong_is_told(
    management: httpx.AsyncClient, path: str, body: dict[str, str], field: str
) -> None:
    """Each fault at its place."""
    answer = await management.put(path, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
