"""Schemas of recipients over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.account import Account

USER = "/v1/schemas/user"
PROJECTS = "/v1/schemas/object?collection=projects"


async def identify(
    management: httpx.AsyncClient, account: Account, path: str, **given: Any
) -> None:
    """Store a recipient of development, with its own key."""
    headers = {"authorization": f"Bearer {account.keys.environments['development'].secret_key}"}
    stored = await management.put(path, json=given, headers=headers)
    assert stored.status_code == 200


def by_key(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of a schema by their keys."""
    return {one["key"]: one for one in schema["properties"]}


async def test_a_schema_has_what_the_data_has(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Types are those of most values; members of members have a dot; no value is shown."""
    await identify(management, account, "/v1/users/a", plan="pro", age=7, address={"city": "Rome"})
    await identify(management, account, "/v1/users/b", plan="free", age="old", tags=[], gone=None)
    await identify(management, account, "/v1/users/c", plan=False, age=8)
    answered = await management.get(USER)
    schema = answered.json()["schema"]
    assert (schema["item_type"], schema["item_id"]) == ("user", None)
    types = {key: one["type"] for key, one in by_key(schema).items()}
    assert types["plan"] == "string"
    assert types["age"] == "number"
    assert types["address"] == "object"
    assert types["address.city"] == "string"
    assert types["tags"] == "array"
    assert types["email"] == "string"
    assert "gone" not in types
    assert list(types) == sorted(types)
    assert "Rome" not in answered.text
    other = (await management.get(f"{USER}?environment=production")).json()["schema"]
    assert "plan" not in by_key(other)


async def test_what_is_said_of_properties_is_kept_and_the_rest_stays(
    management: httpx.AsyncClient, account: Account
) -> None:
    """A second upsert changes what it names; null takes back; nothing is refused or hidden."""
    await identify(management, account, "/v1/users/a", plan="pro")
    said = {
        "key": "plan",
        "label": "Plan",
        "description": "What is paid for",
        "preview_text": '"pro"',
        "visible": False,
    }
    first = (await management.put(USER, json={"schema": {"properties": [said]}})).json()["schema"]
    assert by_key(first)["plan"] == {**said, "type": "string", "item_type": None}

    added = {"key": "owner", "type": "object", "item_type": "user"}
    body = {"properties": [added, {"key": "plan", "label": None}]}
    second = by_key((await management.put(USER, json=body)).json()["schema"])
    assert second["plan"] == {**said, "label": None, "type": "string", "item_type": None}
    assert (second["owner"]["type"], second["owner"]["item_type"]) == ("object", "user")
    assert second["owner"]["visible"] is True
    assert by_key((await management.get(USER)).json()["schema"]) == second

    headers = {"authorization": f"Bearer {account.keys.environments['development'].secret_key}"}
    shown = (await management.get("/v1/users/a", headers=headers)).json()
    assert shown["plan"] == "pro"
    await identify(management, account, "/v1/users/b", plan={"not": "a string"}, unknown=1)


async def test_a_branch_has_the_schemas_of_its_environment(management: httpx.AsyncClient) -> None:
    """They are read and judged there, and changed without it."""
    assert (await management.post("/v1/branches/feature")).status_code == 201
    body = {"properties": [{"key": "plan", "label": "Plan"}]}
    refused = await management.put(f"{USER}?branch=feature", json=body)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "branch"
    assert "development" in error["message"]
    assert (await management.put(f"{USER}/validate?branch=feature", json=body)).status_code == 200
    assert "plan" not in by_key((await management.get(USER)).json()["schema"])
    stored = await management.put(USER, json=body)
    assert (await management.get(f"{USER}?branch=feature")).json() == stored.json()


async def test_each_collection_has_a_schema(
    management: httpx.AsyncClient, account: Account
) -> None:
    """As soon as somebody is in it, or something is said of it; in pages, of one type or all."""
    assert (await management.get(PROJECTS)).status_code == 404
    await identify(management, account, "/v1/objects/projects/one", color="red")
    await identify(management, account, "/v1/objects/projects/two", color="blue")
    await identify(management, account, "/v1/objects/teams/one", size=3)
    await management.put(
        "/v1/schemas/object?item_id=assets", json={"schema": {"properties": [{"key": "url"}]}}
    )
    projects = (await management.get(PROJECTS)).json()["schema"]
    assert (projects["item_type"], projects["item_id"]) == ("object", "projects")
    assert by_key(projects)["color"]["type"] == "string"

    seen, after = [], ""
    while after is not None:
        page = (await management.get(f"/v1/schemas?limit=2{after and f'&after={after}'}")).json()
        seen += [(one["item_type"], one["item_id"]) for one in page["entries"]]
        after = page["page_info"]["after"]
    objects = [("object", name) for name in ("assets", "projects", "teams")]
    assert seen == [("tenant", None), ("user", None), *objects]
    only = (await management.get("/v1/schemas?item_type=object")).json()["entries"]
    assert [one["item_id"] for one in only] == ["assets", "projects", "teams"]
    assert projects in only
    (tenants,) = (await management.get("/v1/schemas?item_type=tenant")).json()["entries"]
    assert "name" in by_key(tenants)


async def test_no_collection_takes_the_room_of_another(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Each shows so many of the properties that its data has, in a list as alone."""
    crowd = {f"n{index}": index for index in range(2_100)}
    for name in ("one", "two"):
        await identify(management, account, f"/v1/objects/crowd/{name}", **crowd)
    await identify(management, account, "/v1/objects/teams/one", size=3)
    listed = (await management.get("/v1/schemas?item_type=object")).json()["entries"]
    own = crowd.keys() | {"size"}
    counts = {one["item_id"]: len(own & by_key(one).keys()) for one in listed}
    assert counts == {"crowd": 500, "teams": 1}


async def test_validating_stores_nothing(management: httpx.AsyncClient) -> None:
    """It answers what the schema would be, and refuses what an upsert refuses."""
    before = (await management.get(USER)).json()
    body = {"schema": {"properties": [{"key": "plan", "type": "string"}]}}
    judged = await management.put(f"{USER}/validate", json=body)
    assert judged.status_code == 200
    assert by_key(judged.json()["schema"])["plan"]["type"] == "string"
    assert (await management.get(USER)).json() == before
    refused = await management.put(f"{USER}/validate", json={"schema": {"properties": [{}]}})
    assert [error["field"] for error in refused.json()["errors"]] == ["schema.properties[0].key"]


@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        (USER, {}, ["schema"]),
        (USER, {"schema": {}}, ["schema.properties"]),
        (USER, {"properties": [{"key": ""}]}, ["properties[0].key"]),
        (
            USER,
            {"schema": {"properties": [{"key": 1, "visible": "no"}, {"label": 7}]}},
            [
                "schema.properties[0].key",
                "schema.properties[0].visible",
                "schema.properties[1].key",
                "schema.properties[1].label",
            ],
        ),
        (USER, {"schema": {"properties": [{"key": "a"}, {"key": "a"}]}}, ["schema.properties"]),
        (
            USER,
            {"schema": {"properties": [{"key": str(i)} for i in range(501)]}},
            ["schema.properties"],
        ),
        (USER, {"schema": {"item_type": "tenant", "properties": []}}, ["schema.item_type"]),
        (USER, {"schema": {"item_type": "planet", "properties": []}}, ["schema.item_type"]),
        (USER, {"schema": {"item_id": "projects", "properties": []}}, ["schema.item_id"]),
        (PROJECTS, {"schema": {"item_id": "teams", "properties": []}}, ["schema.item_id"]),
        ("/v1/schemas/object", {"schema": {"properties": []}}, ["collection"]),
        (f"{USER}?collection=projects", {"schema": {"properties": []}}, ["collection"]),
        (
            "/v1/schemas/object?collection=$users",
            {"schema": {"properties": []}},
            ["collection"],
        ),
    ],
)
async def test_each_fault_is_told_at_its_place(
    management: httpx.AsyncClient, path: str, body: dict[str, Any], places: list[str]
) -> None:
    """All of them at once."""
    refused = await management.put(path, json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == places


async def test_what_is_no_type_is_not_there(management: httpx.AsyncClient) -> None:
    """Neither is a branch, nor an environment that nobody made."""
    assert (await management.get("/v1/schemas/planet")).status_code == 404
    assert (await management.put("/v1/schemas/planet", json={})).status_code == 404
    assert (await management.get("/v1/schemas?item_type=planet")).status_code == 422
    assert (await management.get(f"{USER}?environment=nowhere")).status_code == 404


async def test_described_properties_have_a_bound_over_all_upserts(
    management: httpx.AsyncClient,
) -> None:
    """What is there counts too."""
    full = [{"key": str(index)} for index in range(500)]
    assert (await management.put(USER, json={"properties": full})).status_code == 200
    refused = await management.put(USER, json={"properties": [{"key": "one more"}]})
    assert [error["field"] for error in refused.json()["errors"]] == ["properties"]
    assert (await management.put(USER, json={"properties": [{"key": "7"}]})).status_code == 200


async def test_what_was_said_is_taken_back(management: httpx.AsyncClient, account: Account) -> None:
    """By the admin API, as an upsert keeps what it does not name; what the data has stays."""
    await identify(management, account, "/v1/users/a", plan="pro")
    said = [{"key": "plan", "label": "Plan"}, {"key": "misspelt", "type": "string"}]
    await management.put(USER, json={"properties": said})
    path = "/v1/admin/schemas/user/properties"
    for key in ("plan", "misspelt"):
        assert (await management.delete(f"{path}/{key}")).status_code == 204
        assert (await management.delete(f"{path}/{key}")).status_code == 404
    schema = by_key((await management.get(USER)).json()["schema"])
    assert "misspelt" not in schema
    assert (schema["plan"]["type"], schema["plan"]["label"]) == ("string", None)


async def test_taking_back_names_its_collection(management: httpx.AsyncClient) -> None:
    """What was said of another collection, or elsewhere, stays."""
    await management.put(PROJECTS, json={"properties": [{"key": "stage", "label": "Stage"}]})
    path = "/v1/admin/schemas/object/properties/stage"
    assert (await management.delete(path)).status_code == 422
    assert (await management.delete(f"{path}?collection=others")).status_code == 404
    there = f"{path}?collection=projects&environment=production"
    assert (await management.delete(there)).status_code == 404
    assert (await management.delete("/v1/admin/schemas/thing/properties/a")).status_code == 404
    assert (await management.delete(f"{path}?collection=projects")).status_code == 204
