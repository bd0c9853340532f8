"""Preference categories over HTTP."""

from __future__ import annotations

import httpx
import pytest

PATH = "/v1/preference_categories"


async def test_a_category_is_made_once_listed_and_archived(management: httpx.AsyncClient) -> None:
    """A second upsert returns the first; case and spaces matter; they come by name."""
    first = (await management.put(f"{PATH}/Product news")).json()["preference_category"]
    again = (await management.put(f"{PATH}/Product news")).json()["preference_category"]
    assert first == again
    assert (first["name"], first["archived_at"]) == ("Product news", None)
    await management.put(f"{PATH}/product news")
    await management.put(f"{PATH}/Billing")
    listed = (await management.get(PATH)).json()["entries"]
    assert [one["name"] for one in listed] == ["Billing", "Product news", "product news"]
    assert listed[1] == first

    assert (await management.delete(f"{PATH}/Billing")).status_code == 204
    assert (await management.delete(f"{PATH}/Billing")).status_code == 404
    listed = (await management.get(PATH)).json()["entries"]
    assert [one["name"] for one in listed] == ["Product news", "product news"]


async def test_an_archived_category_begins_anew(management: httpx.AsyncClient) -> None:
    """It is a category of now, with the name of the old one."""
    old = (await management.put(f"{PATH}/news")).json()["preference_category"]
    await management.delete(f"{PATH}/news")
    new = (await management.put(f"{PATH}/news")).json()["preference_category"]
    assert new["archived_at"] is None
    assert new["created_at"] > old["created_at"]


@pytest.mark.parametrize("name", ["%20", "x" * 256, "x" * 300, "%00"])
async def test_a_name_has_to_be_one(management: httpx.AsyncClient, name: str) -> None:
    """It says something, and has 255 characters at most."""
    refused = await management.put(f"{PATH}/{name}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "name"
    assert (await management.delete(f"{PATH}/{name}")).status_code == 404


async def test_the_catalog_has_its_bounds(
    management: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A category too many is refused; one that is there is returned, an archived one makes room."""
    monkeypatch.setattr("services.preferences.categories.MAX_CATEGORIES", 1)
    assert (await management.put(f"{PATH}/a")).status_code == 200
    assert (await management.put(f"{PATH}/b")).status_code == 422
    assert (await management.put(f"{PATH}/a")).status_code == 200
    await management.delete(f"{PATH}/a")
    assert (await management.put(f"{PATH}/b")).status_code == 200


async def test_workflows_name_categories_freely(management: httpx.AsyncClient) -> None:
    """A workflow belongs to what it names, in the catalog or not, and keeps what is archived."""
    document = {"name": "News", "steps": [], "categories": ["news", "Unheard of"]}
    await management.put(f"{PATH}/news")
    saved = await management.put("/v1/workflows/news", json={"workflow": document})
    assert saved.status_code == 200
    await management.delete(f"{PATH}/news")
    read = (await management.get("/v1/workflows/news")).json()
    assert read["categories"] == ["news", "Unheard of"]
