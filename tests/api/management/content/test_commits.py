"""Commits and promotions over HTTP."""

from __future__ import annotations

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import workflow


async def _save(client: httpx.AsyncClient, name: str, **query: str) -> None:
    body = {"workflow": workflow(name)}
    response = await client.put("/v1/workflows/plain", json=body, params=query)
    assert response.status_code == 200, response.text


async def _list(client: httpx.AsyncClient, **query: str) -> list[JsonObject]:
    response = await client.get("/v1/commits", params={"resource_id": "plain", **query})
    assert response.status_code == 200, response.text
    entries: list[JsonObject] = response.json()["entries"]
    return entries


async def _published(client: httpx.AsyncClient, environment: str) -> str:
    query = {"environment": environment, "hide_uncommitted_changes": "true"}
    response = await client.get("/v1/workflows/plain", params=query)
    return str(response.json().get("name"))


async def test_from_a_draft_to_production(management: httpx.AsyncClient) -> None:
    """Save, commit all, promote all: each call moves the change one step on."""
    await _save(management, "Mine")
    committed = await management.put(
        "/v1/commits", params={"environment": "development", "commit_message": "Go"}, json={}
    )
    assert committed.json() == {"result": "success"}
    assert await _published(management, "development") == "Mine"

    promoted = await management.put("/v1/commits/promote", params={"to_environment": "production"})
    assert promoted.json() == {"result": "success"}
    assert await _published(management, "production") == "Mine"
    assert [commit["commit_message"] for commit in await _list(management, promoted="true")] == [
        "Go"
    ]
    assert await _list(management, promoted="false") == []


async def test_one_commit_is_read_and_promoted(management: httpx.AsyncClient) -> None:
    """A commit is read by its id; its promotion answers the commit in the target."""
    await _save(management, "Mine", commit="true")
    (commit,) = await _list(management)

    read = await management.get(f"/v1/commits/{commit['id']}")
    promoted = await management.put(f"/v1/commits/{commit['id']}/promote")

    assert read.json() == commit
    assert (commit["environment"], promoted.json()["commit"]["environment"]) == (
        "development",
        "production",
    )
    assert await _published(management, "production") == "Mine"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/v1/commits/id", 404),
        ("get", "/v1/commits/182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e", 404),
        ("put", "/v1/commits/id/promote", 404),
        ("put", "/v1/commits/promote", 422),
        ("put", "/v1/commits/promote?to_environment=nowhere", 404),
        ("put", "/v1/commits/promote?to_environment=development", 422),
        ("put", "/v1/commits/promote?to_environment=development&branch=b", 404),
        ("put", "/v1/commits?allow_empty=true", 422),
        ("put", "/v1/commits?resource_type=nonsense", 422),
        ("put", "/v1/commits?resource_type=workflow&resource_id=nowhere", 404),
        ("put", "/v1/commits?resource_id=nowhere", 404),
        ("put", "/v1/commits/promote?to_environment=production&resource_id=nowhere", 404),
        ("get", "/v1/commits?promoted=perhaps", 422),
        ("get", "/v1/commits?environment=nowhere", 404),
        ("get", "/v1/commits?after=junk", 422),
    ],
)
async def test_wrong_requests_are_refused(
    management: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """Unknown ids, environments, branches, types and cursors have their documented status."""
    response = await management.request(method, path)

    assert response.status_code == status
    assert response.json()["status"] == status


@pytest.mark.parametrize("query", ["resource_type=workflow", "resource_type[]=workflow"])
async def test_types_come_alone_or_as_a_list(management: httpx.AsyncClient, query: str) -> None:
    """The CLI sends one type, the SDKs a list."""
    response = await management.get(f"/v1/commits?{query}&limit=1")

    assert [entry["resource"]["type"] for entry in response.json()["entries"]] == ["workflow"]
    assert response.json()["page_info"]["after"] is not None


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (
            "/v1/commits?resource_type=x&allow_empty=2&commit_message=" + "m" * 4_097,
            ["resource_type[0]", "commit_message", "allow_empty"],
        ),
        (
            "/v1/commits/promote?resource_type=x&branch[]=b",
            ["to_environment", "resource_type[0]", "branch"],
        ),
    ],
)
async def test_one_answer_tells_all_that_is_wrong(
    management: httpx.AsyncClient, path: str, wrong: list[str]
) -> None:
    """Of the parameters, whichever of them are read first."""
    answer = await management.put(path)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == wrong
