"""Objects over HTTP."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.support.builders import Builder, Environment


async def test_set_merges_deeply(client: httpx.AsyncClient) -> None:
    """A second set merges into the first; names and custom properties stand in `properties`."""
    first = {"name": "Carillon", "plan": {"tier": "pro"}, "created_at": "2020-01-01T00:00:00Z"}
    await client.put("/v1/objects/projects/one", json=first)
    body = (await client.put("/v1/objects/projects/one", json={"plan": {"seats": None}})).json()
    assert (body["__typename"], body["collection"], body["id"]) == ("Object", "projects", "one")
    assert body["properties"] == {"name": "Carillon", "plan": {"tier": "pro", "seats": None}}
    assert body["created_at"] == "2020-01-01T00:00:00.000000Z"
    assert (await client.get("/v1/objects/projects/one")).json() == body
    assert (await client.get("/v1/objects/teams/one")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("projects/one", {"channel_data": {"junk": {}}}, "channel_data.junk"),
        ("projects/one", {"preferences": {"default": 1}}, "preferences.default"),
        ("projects/one", {"blob": "x" * 300_000}, "properties"),
        ("projects/" + "x" * 257, {}, "object_id"),
        ("p" * 257 + "/one", {}, "collection"),
        ("$users/ellie", {"name": "E"}, "collection"),
        ("$tenants/acme", {"settings": {"preference_set": 1}}, "settings.preference_set"),
    ],
)
async def test_bad_objects_are_refused(
    client: httpx.AsyncClient, path: str, body: object, field: str
) -> None:
    """A malformed object is a 422 that names the place, and nothing of it is stored."""
    response = await client.put(f"/v1/objects/{path}", json=body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)
    assert (await client.get(f"/v1/objects/{path}")).status_code == 404


async def test_users_are_no_objects(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """The collection of users is not reached by the paths of objects."""
    await make.user(environment, "ellie")
    for method, path in (
        ("GET", "/v1/objects/$users"),
        ("GET", "/v1/objects/$users/ellie"),
        ("DELETE", "/v1/objects/$users/ellie"),
        ("GET", "/v1/objects/$users/ellie/messages"),
    ):
        assert (await client.request(method, path)).status_code == 404
    assert (await client.get("/v1/users/ellie")).status_code == 200


async def test_tenants_are_objects_too(client: httpx.AsyncClient) -> None:
    """A tenant is reached by both paths, and has settings by both."""
    given = {"name": "Acme", "settings": {"branding": {"primary_color": "#fff"}}}
    as_object = (await client.put("/v1/objects/$tenants/acme", json=given)).json()
    assert (as_object["collection"], as_object["properties"]) == ("$tenants", {"name": "Acme"})
    tenant = (await client.get("/v1/tenants/acme")).json()
    assert tenant["settings"]["branding"] == {"primary_color": "#fff"}


async def test_objects_are_listed_and_deleted(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A collection comes in pages, newest first; other collections are not in it."""
    for object_id in ("a", "b", "c"):
        await client.put(f"/v1/objects/projects/{object_id}", json={})
    await client.put("/v1/objects/teams/d", json={})
    first = (await client.get("/v1/objects/projects?page_size=2")).json()
    assert [entry["id"] for entry in first["entries"]] == ["c", "b"]
    after = first["page_info"]["after"]
    rest = (await client.get(f"/v1/objects/projects?after={after}")).json()
    assert [entry["id"] for entry in rest["entries"]] == ["a"]
    back = (await client.get(f"/v1/objects/projects?before={rest['page_info']['before']}")).json()
    assert [entry["id"] for entry in back["entries"]] == ["c", "b"]
    message = await make.message(
        environment, uuid4(), collection="projects", recipient_id="b", minute=1
    )
    listed = (await client.get("/v1/objects/projects/b/messages")).json()
    assert [entry["id"] for entry in listed["items"]] == [message]
    assert (await client.delete("/v1/objects/projects/b")).status_code == 204
    assert (await client.delete("/v1/objects/projects/b")).status_code == 404
    assert (await client.get(f"/v1/messages/{message}")).status_code == 404


async def test_preferences_are_shown_when_they_are_asked_for(client: httpx.AsyncClient) -> None:
    """`include[]=preferences` adds the sets of each user or object, by id; nothing else does."""
    given = {"preferences": {"default": {"workflows": {"welcome": False}}}}
    for path, one in (("/v1/users", "/v1/users/ellie"), ("/v1/objects/p", "/v1/objects/p/one")):
        await client.put(one, json=given)
        (plain,) = (await client.get(path)).json()["entries"]
        assert "preferences" not in plain
        (shown,) = (await client.get(f"{path}?include[]=preferences")).json()["entries"]
        expected = {"default": {"id": "default", "workflows": {"welcome": False}}}
        assert shown.pop("preferences") == expected
        assert shown == plain
        refused = await client.get(f"{path}?include[]=secrets")
        assert refused.json()["errors"][0]["field"] == "include[0]"


async def test_no_environment_sees_another(client: httpx.AsyncClient, make: Builder) -> None:
    """Objects, and what is done to them, stay in the environment of the key."""
    await client.put("/v1/objects/projects/one", json={"name": "Mine"})
    other = await make.environment()
    theirs = {"authorization": f"Bearer {other.secret_key}"}
    assert (await client.get("/v1/objects/projects/one", headers=theirs)).status_code == 404
    assert (await client.get("/v1/objects/projects", headers=theirs)).json()["entries"] == []
    assert (await client.delete("/v1/objects/projects/one", headers=theirs)).status_code == 404
    await client.put("/v1/objects/projects/one", json={"name": "Theirs"}, headers=theirs)
    mine = (await client.get("/v1/objects/projects/one")).json()
    assert mine["properties"] == {"name": "Mine"}


@pytest.mark.parametrize(
    "object_id", ["a/b", "/", "https://x.example/y?z#1", "a%2Fb", "ä/\N{BELL}", "..", "a:b|c+d"]
)
async def test_an_object_of_any_id_is_reached_by_its_paths(
    client: httpx.AsyncClient, make: Builder, environment: Environment, object_id: str
) -> None:
    """What can be stored inline can be read, written, followed and deleted by its path."""
    await make.user(environment, "ellie")
    path = f"/v1/objects/files/{quote(object_id, safe='').replace('.', '%2E')}"
    said = {"objects": [{"id": object_id, "name": "inline"}]}
    await client.post("/v1/objects/files/bulk/set", json=said)
    found = (await client.get(path)).json()
    assert (found["id"], found["properties"]) == (object_id, {"name": "inline"})
    written = await client.put(path, json={"size": 1})
    assert written.json()["properties"] == {"name": "inline", "size": 1}
    await client.post(f"{path}/subscriptions", json={"recipients": ["ellie"]})
    listed = (await client.get(f"{path}/subscriptions")).json()["entries"]
    assert [one["object"]["id"] for one in listed] == [object_id]
    await client.put(f"{path}/preferences/a%2Fb", json={"workflows": {"x": False}})
    sets = (await client.get(f"{path}/preferences")).json()
    assert [one["id"] for one in sets] == ["a/b"]
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
