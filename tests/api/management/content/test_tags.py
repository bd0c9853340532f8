"""Tags over HTTP."""

from __future__ import annotations

import httpx
import pytest

from domain.content import tags as bounds
from tests.support.account import Account


async def test_a_tag_is_made_listed_changed_and_deleted(management: httpx.AsyncClient) -> None:
    """Tags come by name; what a change leaves out is null then."""
    for name in ("growth", "billing"):
        made = await management.put(
            f"/v1/tags/{name}", json={"tag": {"color": "#3B82F6", "description": "Ours"}}
        )
        assert made.status_code == 200
        assert made.json()["tag"]["name"] == name
    first = made.json()["tag"]
    changed = (await management.put("/v1/tags/billing", json={"tag": {"color": "#000"}})).json()
    assert changed["tag"] == {
        "name": "billing",
        "description": None,
        "color": "#000",
        "created_at": first["created_at"],
        "updated_at": changed["tag"]["updated_at"],
    }
    assert changed["tag"]["updated_at"] > first["updated_at"]

    listed = (await management.get("/v1/tags")).json()
    assert [tag["name"] for tag in listed["entries"]] == ["billing", "growth"]

    assert (await management.delete("/v1/tags/billing")).status_code == 204
    assert (await management.delete("/v1/tags/billing")).status_code == 404
    left = (await management.get("/v1/tags")).json()
    assert [tag["name"] for tag in left["entries"]] == ["growth"]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("billing", {}, "tag"),
        ("billing", {"tag": {"color": "blue"}}, "tag.color"),
        ("billing", {"tag": {"color": 7}}, "tag.color"),
        ("billing", {"tag": {"description": "x" * 281}}, "tag.description"),
        ("%20", {"tag": {}}, "name"),
        ("x" * 256, {"tag": {}}, "name"),
        ("x%00", {"tag": {}}, "name"),
    ],
)
async def test_what_is_wrong_in_a_tag_is_told_at_its_place(
    management: httpx.AsyncClient, name: str, body: dict[str, object], field: str
) -> None:
    """Name and members each have their rule; nothing is stored."""
    refused = await management.put(f"/v1/tags/{name}", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert (await management.get("/v1/tags")).json()["entries"] == []


async def test_the_catalog_has_its_bounds(
    management: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag too many is refused; one that is there may be changed."""
    monkeypatch.setattr("services.content.tags.MAX_TAGS", 1)
    assert bounds.MAX_TAGS == 1_000
    assert (await management.put("/v1/tags/a", json={"tag": {}})).status_code == 200
    assert (await management.put("/v1/tags/b", json={"tag": {}})).status_code == 422
    assert (await management.put("/v1/tags/a", json={"tag": {}})).status_code == 200


async def test_content_keeps_its_tags(management: httpx.AsyncClient, account: Account) -> None:
    """Neither has a tag to be in the catalog, nor does it leave content with it."""
    document = {"name": "Tagged", "steps": [], "tags": ["billing", "unknown"]}
    saved = await management.put("/v1/workflows/tagged", json={"workflow": document})
    assert saved.json()["workflow"]["tags"] == ["billing", "unknown"]
    await management.put("/v1/tags/billing", json={"tag": {}})
    await management.delete("/v1/tags/billing")
    read = (await management.get("/v1/workflows/tagged")).json()
    assert read["tags"] == ["billing", "unknown"]


async def test_tags_are_for_service_tokens(management: httpx.AsyncClient, account: Account) -> None:
    """An API key sees none, and changes none."""
    headers = {"authorization": f"Bearer {account.keys.environments['development'].secret_key}"}
    for method in ("GET", "PUT", "DELETE"):
        path = "/v1/tags" if method == "GET" else "/v1/tags/billing"
        assert (await management.request(method, path, headers=headers)).status_code == 401
