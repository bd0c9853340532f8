"""Adding and ending subscriptions to objects in bulk."""

from __future__ import annotations

from typing import Any

import httpx

from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.bulk import finish, wire_counts

PATH = "/v1/objects/topics/bulk/subscriptions"


async def _do(
    client: httpx.AsyncClient,
    engine: Engine,
    environment: Environment,
    action: str,
    *entries: Any,
) -> dict[str, Any]:
    response = await client.post(f"{PATH}/{action}", json={"subscriptions": list(entries)})
    assert response.status_code == 200, response.text
    await finish(engine, environment, response.json()["id"])
    path = f"/v1/bulk_operations/{response.json()['id']}"
    body: dict[str, Any] = (await client.get(path)).json()
    return body


async def _followers(client: httpx.AsyncClient, topic: str) -> dict[str, Any]:
    body = (await client.get(f"/v1/objects/topics/{topic}/subscriptions")).json()
    return {entry["recipient"]["id"]: entry["properties"] for entry in body["entries"]}


async def test_subscriptions_are_added_and_ended(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, make: Builder
) -> None:
    """Each object gets its followers, with properties; who is described is identified."""
    for topic in ("a", "b"):
        await make.recipient(environment, "topics", topic)
    await make.user(environment, "ellie")
    done = await _do(
        client,
        engine,
        environment,
        "add",
        {"id": "a", "recipients": ["ellie", {"id": "alan", "name": "Alan"}]},
        {"id": "b", "recipients": ["ellie"], "properties": {"role": "lead"}},
    )
    assert wire_counts(done) == ("completed", 2, 2, 0)
    assert await _followers(client, "a") == {"ellie": {}, "alan": {}}
    assert await _followers(client, "b") == {"ellie": {"role": "lead"}}
    assert (await client.get("/v1/users/alan")).json()["name"] == "Alan"
    done = await _do(
        client,
        engine,
        environment,
        "delete",
        {"id": "a", "recipients": ["ellie", "nobody"]},
        {"id": "nothing", "recipients": ["ellie"]},
    )
    assert wire_counts(done) == ("completed", 2, 2, 0)
    assert set(await _followers(client, "a")) == {"alan"}
    assert set(await _followers(client, "b")) == {"ellie"}


async def test_what_is_not_right_is_told(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, make: Builder
) -> None:
    """A recipient that is not right fails its object in the answer, and keeps no other out."""
    await make.recipient(environment, "topics", "a")
    await make.user(environment, "ellie")
    done = await _do(
        client,
        engine,
        environment,
        "add",
        {"id": "a", "recipients": [{}, "ellie", "stranger"]},
        {"id": "nothing", "recipients": ["ellie"]},
        {"id": "a", "recipients": [{"id": "a", "collection": "topics"}, {"id": "alan"}]},
        {"id": "a", "recipients": ["ellie"] * 101},
        {"recipients": ["ellie"]},
        "a",
    )
    assert wire_counts(done) == ("completed", 6, 0, 6)
    assert [(one["id"], one["collection"], one["reason"]) for one in done["error_items"]] == [
        (
            "a",
            "topics",
            "recipients[0].id: is required; recipients[2]: must have been identified, but the"
            " user 'stranger' was not",
        ),
        ("nothing", "topics", "The object does not exist."),
        ("a", "topics", "recipients[0]: must not be the object itself"),
        ("a", "topics", "recipients: must have at most 100 entries"),
        ("", "topics", "id: is required"),
        ("a", "topics", "entry: must be an object"),
    ]
    assert set(await _followers(client, "a")) == {"ellie", "alan"}
    done = await _do(
        client, engine, environment, "delete", {"id": "a", "recipients": [{}, "ellie", "alan"]}
    )
    assert wire_counts(done) == ("completed", 1, 0, 1)
    assert await _followers(client, "a") == {}


async def test_a_request_has_its_list(client: httpx.AsyncClient) -> None:
    """Without a list of objects a request is refused, and users are no collection of objects."""
    for action in ("add", "delete"):
        response = await client.post(f"{PATH}/{action}", json={})
        assert response.json()["errors"][0]["field"] == "subscriptions"
        path = f"/v1/objects/$users/bulk/subscriptions/{action}"
        response = await client.post(path, json={"subscriptions": []})
        assert response.status_code == 404
