"""Bulk setting of preferences."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.bulk import finish, wire_counts

PATH = "/v1/users/bulk/preferences"
NO_EMAIL = {"channel_types": {"email": False}}


async def _done(
    client: httpx.AsyncClient,
    engine: Engine,
    environment: Environment,
    *user_ids: Any,
    method: str = "POST",
    **preferences: Any,
) -> dict[str, Any]:
    """Ask for preferences, let them be set, and return what the API answers of it then."""
    body = {"user_ids": list(user_ids), "preferences": preferences}
    response = await client.request(method, PATH, json=body)
    assert response.status_code == 200, response.text
    operation = response.json()
    assert (operation["name"], operation["status"]) == ("users.set_preferences", "queued")
    await finish(engine, environment, operation["id"])
    found: dict[str, Any] = (await client.get(operation["progress_path"])).json()
    return found


async def _set(client: httpx.AsyncClient, user_id: str, set_id: str = "default") -> dict[str, Any]:
    body = (await client.get(f"/v1/users/{user_id}/preferences/{set_id}")).json()
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_set_replaces_what_is_stored(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, make: Builder, method: str
) -> None:
    """Everybody who is named gets the set in place of their own; who is unknown becomes known.

    Nobody else's set is changed, and no other set.
    """
    for user_id in ("ellie", "ian"):
        await make.user(environment, user_id)
        for set_id in ("default", "acme"):
            before = {"workflows": {"welcome": False}}
            await client.put(f"/v1/users/{user_id}/preferences/{set_id}", json=before)
    done = await _done(
        client,
        engine,
        environment,
        "ellie",
        "new",
        "ellie",
        method=method,
        id="default",
        **NO_EMAIL,
    )
    assert wire_counts(done) == ("completed", 3, 3, 0)
    for user_id in ("ellie", "new"):
        assert await _set(client, user_id) == {"id": "default", **NO_EMAIL}
    assert (await client.get("/v1/users/new")).status_code == 200
    for user_id, set_id in (("ellie", "acme"), ("ian", "default")):
        assert await _set(client, user_id, set_id) == {
            "id": set_id,
            "workflows": {"welcome": False},
        }


async def test_a_set_may_be_merged_into_what_is_stored(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """`__persistence_strategy__` says so; the set of a tenant bears the tenant's id."""
    before = {"workflows": {"welcome": False}}
    await client.put("/v1/users/ellie/preferences/acme", json=before)
    await _done(
        client,
        engine,
        environment,
        *("ellie", "ian"),
        id="acme",
        __persistence_strategy__="merge",
        **NO_EMAIL,
    )
    assert await _set(client, "ellie", "acme") == {"id": "acme", **before, **NO_EMAIL}
    assert await _set(client, "ian", "acme") == {"id": "acme", **NO_EMAIL}


async def test_an_empty_set_takes_everything_away(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """Where nothing is said it is the set `default`, and it says nothing then."""
    await client.put("/v1/users/ellie/preferences/default", json=NO_EMAIL)
    done = await _done(client, engine, environment, "ellie")
    assert wire_counts(done) == ("completed", 1, 1, 0)
    assert await _set(client, "ellie") == {"id": "default"}


async def test_what_fails_is_told(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """What is no id of a user, or whose set would be too large, fails alone."""
    text = "x" * 250
    large = {f"{number}{text}": False for number in range(800)}
    await client.put("/v1/users/large/preferences/default", json={"workflows": large})
    more = {f"{number}{text}": False for number in range(800, 1_200)}
    done = await _done(
        client,
        engine,
        environment,
        *("ellie", "a/b", 5, "large", "ian"),
        __persistence_strategy__="merge",
        workflows=more,
    )
    assert wire_counts(done) == ("completed", 5, 2, 3)
    assert [(one["id"], one["reason"]) for one in done["error_items"]] == [
        ("a/b", "id: must not contain any of: / #"),
        ("", "id: must be a string"),
        ("large", "preferences: the preference set exceeds 256 kB"),
    ]
    assert len((await _set(client, "ian"))["workflows"]) == 400
    assert len((await _set(client, "large"))["workflows"]) == 800


async def test_a_set_is_measured_as_it_is_sent(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """One that the request may have, every user may have, however PostgreSQL writes it."""
    many = {f"{number:05}": False for number in range(18_000)}  # 252 kB, and 288 kB with spaces
    done = await _done(client, engine, environment, "ellie", workflows=many)
    assert wire_counts(done) == ("completed", 1, 1, 0)
    path = "/v1/users/ellie/preferences/default"
    assert (await client.put(path, json={"workflows": many})).status_code == 200


async def test_preferences_that_are_not_right_are_refused(client: httpx.AsyncClient) -> None:
    """What would fail for everybody refuses the request, each fault at its place."""
    large = {f"{number}{'x' * 250}": False for number in range(1_100)}
    for preferences, field in (
        ({"channel_types": {"email": 7}}, "preferences.channel_types.email"),
        ({"id": ""}, "preferences.id"),
        ({"id": "x" * 300}, "preferences.id"),
        ({"__persistence_strategy__": "section"}, "preferences.__persistence_strategy__"),
        ({"workflows": large}, "preferences"),
        (None, "preferences"),
    ):
        body = {"user_ids": ["ellie"], "preferences": preferences}
        response = await client.post(PATH, json=body)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_a_request_has_a_list_of_at_most_a_thousand(client: httpx.AsyncClient) -> None:
    """Without its list, or with more than a thousand ids, a request is refused as a whole."""
    for more in ({}, {"user_ids": ["ellie"] * 1_001}):
        response = await client.post(PATH, json={"preferences": {}, **more})
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == ["user_ids"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_it_needs_a_secret_key(
    client: httpx.AsyncClient, environment: Environment, method: str
) -> None:
    """A browser sets the preferences of its own user only."""
    headers = {"authorization": f"Bearer {environment.public_key}"}
    body = {"user_ids": [], "preferences": {}}
    response = await client.request(method, PATH, headers=headers, json=body)
    assert response.status_code == 401
