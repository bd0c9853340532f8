"""Members of audiences over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.builders import Builder

PATH = "/v1/audiences/beta/members"


async def _post(client: httpx.AsyncClient, *members: Any, **query: str) -> httpx.Response:
    return await client.post(PATH, json={"members": list(members)}, params=query)


async def test_members_are_added_listed_and_removed(client: httpx.AsyncClient) -> None:
    """What was added is listed with its user, newest first, until it is removed."""
    made = await _post(client, {"user": {"id": "ellie", "name": "Ellie"}}, create_audience="true")
    assert (made.status_code, made.content) == (204, b"")
    assert (await _post(client, {"user": {"id": "alan"}, "tenant": "acme"})).status_code == 204
    listed = (await client.get(PATH)).json()
    assert [(one["user_id"], one["tenant"]) for one in listed["entries"]] == [
        ("alan", "acme"),
        ("ellie", None),
    ]
    last = listed["entries"][1]
    assert (last["__typename"], last["user"]["name"]) == ("AudienceMember", "Ellie")
    member = {"user": {"id": "alan"}, "tenant": "acme"}
    gone = await client.request("DELETE", PATH, json={"members": [member]})
    assert gone.status_code == 204
    entries = (await client.get(PATH, params={"page_size": "1"})).json()["entries"]
    assert [one["user_id"] for one in entries] == ["ellie"]


async def test_an_audience_that_is_not_there(client: httpx.AsyncClient) -> None:
    """Every operation needs one, and `create_audience` has to be asked for."""
    assert (await _post(client, {"user": {"id": "ellie"}})).status_code == 404
    assert (await client.get(PATH)).status_code == 404
    assert (await client.request("DELETE", PATH, json={"members": []})).status_code == 404


async def test_another_environment_has_its_own(client: httpx.AsyncClient, make: Builder) -> None:
    """The audience of one environment is nothing to the key of another."""
    await _post(client, {"user": {"id": "ellie"}}, create_audience="true")
    other = await make.environment()
    client.headers["authorization"] = f"Bearer {other.secret_key}"
    assert (await client.get(PATH)).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "members"),
        ({"members": [{}]}, "members[0].user"),
        ({"members": [{"user": {}}]}, "members[0].user.id"),
        ({"members": [{"user": {"id": "a/b"}}]}, "members[0].user.id"),
        ({"members": [{"user": {"id": "a"}, "tenant": ""}]}, "members[0].tenant"),
        ({"members": [{"user": {"id": "a", "x": "y" * 300_000}}]}, "members[0].user"),
        ({"members": [{"user": {"id": "a"}}] * 1001}, "members"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, body: Any, field: str) -> None:
    """Each violation is told at its place, and nobody is added."""
    await _post(client, create_audience="true")
    refused = await client.post(PATH, json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert (await client.get(PATH)).json()["entries"] == []
