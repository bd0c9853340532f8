"""Bulk identification of users, and bulk setting of objects and tenants."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.kit.ids import bulk_operation_workflow_id
from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.bulk import finish, wire_counts
from tests.support.temporal_recorder import TemporalRecorder

IDENTIFY = "/v1/users/bulk/identify"
REQUESTS = [
    (IDENTIFY, "users"),
    ("/v1/objects/projects/bulk/set", "objects"),
    ("/v1/tenants/bulk/set", "tenants"),
]


async def _done(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, response: httpx.Response
) -> dict[str, Any]:
    """Let an operation be worked on, and return what the API answers of it then."""
    assert response.status_code == 200, response.text
    body = response.json()
    await finish(engine, environment, body["id"])
    found: dict[str, Any] = (await client.get(body["progress_path"])).json()
    return found


async def test_users_are_identified(
    client: httpx.AsyncClient, environment: Environment, temporal: TemporalRecorder, make: Builder
) -> None:
    """Each user is stored with properties, channel data and preferences, merged as one would be."""
    await make.user(environment, "ellie", plan="free", name="E")
    channel = str(await make.channel("push"))
    entry = {
        "id": "ellie",
        "name": "Ellie",
        "channel_data": {channel: {"tokens": ["t"]}},
        "preferences": {"default": {"channel_types": {"email": False}}},
    }
    response = await client.post(IDENTIFY, json={"users": [entry, {"id": "alan"}]})
    body = response.json()
    assert (body["__typename"], body["name"]) == ("BulkOperation", "users.identify")
    assert wire_counts(body) == ("completed", 2, 2, 0)
    assert body["estimated_total_rows"] == 2
    assert (body["error_items"], body["failed_at"]) == ([], None)
    assert body["started_at"] <= body["completed_at"]
    assert body["progress_path"] == f"http://test/v1/bulk_operations/{body['id']}"
    assert (await client.get(body["progress_path"])).json() == body
    assert temporal.starts == []
    found = (await client.get("/v1/users/ellie")).json()
    assert (found["name"], found["plan"]) == ("Ellie", "free")
    kept = "SELECT data FROM channel_data WHERE environment_id = %s AND recipient_id = 'ellie'"
    assert await make.rows(kept, environment.id) == [{"data": {"tokens": ["t"]}}]


async def test_users_whom_somebody_holds_are_identified_later(
    client: httpx.AsyncClient,
    engine: Engine,
    environment: Environment,
    temporal: TemporalRecorder,
    make: Builder,
) -> None:
    """Where another request is in the way the operation is accepted, and begun in Temporal."""
    await make.user(environment, "ellie")
    async with make.database.transaction() as connection:
        held = "SELECT FROM recipients WHERE environment_id = %s FOR UPDATE"
        await connection.execute(held, [environment.id])
        response = await client.post(IDENTIFY, json={"users": [{"id": "ellie", "name": "Ellie"}]})
    body = response.json()
    assert wire_counts(body) == ("queued", 0, 0, 0)
    assert (body["estimated_total_rows"], body["started_at"]) == (1, None)
    started = bulk_operation_workflow_id(environment.scope.slug, body["id"])
    assert started in [workflow_id for workflow_id, _, _ in temporal.starts]
    done = await _done(client, engine, environment, response)
    assert wire_counts(done) == ("completed", 1, 1, 0)
    assert done["started_at"] <= done["completed_at"]


async def test_objects_and_tenants_are_set(client: httpx.AsyncClient) -> None:
    """Objects go into the collection of the path; tenants have settings, and may be bare ids."""
    response = await client.post(
        "/v1/objects/projects/bulk/set",
        json={"objects": [{"id": "one", "name": "One"}, {"id": "two"}]},
    )
    assert wire_counts(response.json()) == ("completed", 2, 2, 0)
    found = (await client.get("/v1/objects/projects/one")).json()
    assert found["properties"] == {"name": "One"}
    settings = {"branding": {"primary_color": "#fff"}}
    for path, member in (("tenants", "tenants"), ("objects/$tenants", "objects")):
        entries: list[object] = [{"id": f"acme-{member}", "settings": settings}]
        if member == "tenants":
            entries.append("bare")
        response = await client.post(f"/v1/{path}/bulk/set", json={member: entries})
        assert wire_counts(response.json())[2:] == (len(entries), 0)
        tenant = (await client.get(f"/v1/tenants/acme-{member}")).json()
        assert tenant["settings"]["branding"] == settings["branding"]
    assert (await client.get("/v1/tenants/bare")).status_code == 200


async def test_what_fails_is_told(client: httpx.AsyncClient) -> None:
    """An entry that is not right is in `error_items`, with its collection; the others are done."""
    response = await client.post(
        "/v1/objects/projects/bulk/set", json={"objects": [{"id": "one"}, {"id": ""}, {}]}
    )
    done = response.json()
    assert wire_counts(done) == ("completed", 3, 1, 2)
    assert done["error_items"] == [
        {"id": "", "collection": "projects", "reason": "id: must not be empty"},
        {"id": "", "collection": "projects", "reason": "id: is required"},
    ]


async def test_users_objects_and_tenants_are_deleted(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, make: Builder
) -> None:
    """Who is named goes, and nobody else; who is not there counts as gone."""
    for number in range(3):
        await make.user(environment, f"user-{number}")
        await make.recipient(environment, "projects", f"project-{number}")
        await make.recipient(environment, "$tenants", f"tenant-{number}")
    for kind, response in {
        "user": await client.post(
            "/v1/users/bulk/delete", json={"user_ids": ["user-0", "user-2", "nobody", 5]}
        ),
        "project": await client.post(
            "/v1/objects/projects/bulk/delete",
            json={"object_ids": ["project-0", "project-2", "nothing", ""]},
        ),
        "tenant": await client.post(
            "/v1/tenants/bulk/delete?tenant_ids[]=tenant-0&tenant_ids[]=tenant-2"
        ),
    }.items():
        done = await _done(client, engine, environment, response)
        wrong = 0 if kind == "tenant" else 1
        assert (done["status"], done["error_count"]) == ("completed", wrong)
        path = {"project": "objects/projects"}.get(kind, f"{kind}s")
        found = [
            (await client.get(f"/v1/{path}/{kind}-{number}")).status_code for number in range(3)
        ]
        assert found == [404, 200, 404]


async def test_a_deletion_names_whom(client: httpx.AsyncClient) -> None:
    """A request without its list is refused."""
    for path, field in (
        ("users", "user_ids"),
        ("objects/projects", "object_ids"),
        ("tenants", "tenant_ids"),
    ):
        response = await client.post(f"/v1/{path}/bulk/delete", json={})
        assert [error["field"] for error in response.json()["errors"]] == [field]
    many = "&".join(f"tenant_ids[]=t{number}" for number in range(1_000))
    assert (await client.post(f"/v1/tenants/bulk/delete?{many}")).status_code == 200


@pytest.mark.parametrize(("path", "member"), REQUESTS)
async def test_a_request_has_a_list_of_at_most_a_thousand(
    client: httpx.AsyncClient, path: str, member: str
) -> None:
    """Without its list, or with more than a thousand entries, a request is refused as a whole."""
    for body in ({}, {member: None}, {member: "x"}, {member: [{"id": "x"}] * 1_001}):
        response = await client.post(path, json=body)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [member]
    assert (await client.post(path, json={member: []})).status_code == 200


async def test_a_large_request_is_taken(client: httpx.AsyncClient) -> None:
    """A thousand entries may be as large together as a trigger."""
    users = [{"id": f"user-{number}", "text": "x" * 4_000} for number in range(1_000)]
    assert (await client.post(IDENTIFY, json={"users": users})).status_code == 200


async def test_users_are_no_collection_of_objects(client: httpx.AsyncClient) -> None:
    """The collection of users is set under its own path."""
    response = await client.post("/v1/objects/$users/bulk/set", json={"objects": []})
    assert response.json()["errors"][0]["field"] == "collection"


async def test_an_operation_is_seen_in_its_environment_only(
    client: httpx.AsyncClient, make: Builder
) -> None:
    """The key of another environment finds nothing, and nor does an id that nothing has."""
    body = (await client.post(IDENTIFY, json={"users": []})).json()
    other = await make.environment()
    headers = {"authorization": f"Bearer {other.secret_key}"}
    path = f"/v1/bulk_operations/{body['id']}"
    assert (await client.get(path, headers=headers)).status_code == 404
    assert (await client.get(f"/v1/bulk_operations/{uuid4()}")).status_code == 404
    assert (await client.get("/v1/bulk_operations/x")).status_code == 404


@pytest.mark.parametrize("path", [*(path for path, _ in REQUESTS), "/v1/bulk_operations/x"])
async def test_bulk_operations_need_a_secret_key(
    client: httpx.AsyncClient, environment: Environment, path: str
) -> None:
    """A browser has no business here."""
    method = "GET" if path.endswith("/x") else "POST"
    headers = {"authorization": f"Bearer {environment.public_key}"}
    assert (await client.request(method, path, headers=headers)).status_code == 401
