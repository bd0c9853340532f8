"""Reusable requests over HTTP: saved, judged, committed, promoted, archived; and who names them."""

from __future__ import annotations

from typing import Any

import httpx

from domain.kit.json_types import JsonObject
from tests.support.steps import feed_step, reusable_request, shared_fetch_step, workflow

PATH = "/v1/reusable_requests/find-user"
SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["id"],
}
TO_PRODUCTION = {"to_environment": "production"}
PRODUCTION = {"environment": "production"}


async def put(
    client: httpx.AsyncClient, document: Any = None, path: str = PATH, **query: str
) -> httpx.Response:
    """Upsert a reusable request."""
    given = {"reusable_request": reusable_request() if document is None else document}
    return await client.put(path, json=given, params=query)


async def put_workflow(client: httpx.AsyncClient, step: JsonObject, **query: str) -> httpx.Response:
    """Upsert a workflow with a fetch step."""
    document = {"workflow": workflow("Flow", step, feed_step("Hi"))}
    return await client.put("/v1/workflows/flow", json=document, params=query)


def ok(response: httpx.Response) -> JsonObject:
    """Return what a successful answer says."""
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


def places(response: httpx.Response) -> list[str]:
    """Return the places of what was refused."""
    assert response.status_code == 422, response.text
    return [error["field"] for error in response.json()["errors"]]


async def test_it_is_saved_committed_and_read(management: httpx.AsyncClient) -> None:
    """Drafts stay hidden when asked; a commit shows them; what the CLI pulls it can push."""
    document = {
        **reusable_request(method="post", body="{}", data_input_schema=SCHEMA),
        "description": "Of the directory",
        "conditions": {"all": [{"variable": "inputs.id", "operator": "not_empty"}]},
    }
    draft = ok(await put(management, document))["reusable_request"]
    hide = {"hide_uncommitted_changes": "true"}
    hidden = await management.get(PATH, params=hide)
    ok(await put(management, document, commit="true"))
    pulled = ok(await management.get(PATH, params={"annotate": "true", **hide}))
    pushed = ok(await put(management, {**pulled, "$schema": "x"}))["reusable_request"]

    assert hidden.status_code == 404
    assert (draft["key"], draft["type"], draft["valid"]) == ("find-user", "http_fetch", True)
    assert draft["settings"] == {"method": "post", **document["settings"]}
    assert draft["conditions"] == document["conditions"]
    note = pulled["__annotation"]
    assert note["readonly_fields"] == [
        "key", "environment", "sha", "created_at", "updated_at", "valid",
    ]  # fmt: skip
    body = pulled["settings"]["__annotation"]["extractable_fields"]["body"]
    assert body == {"default": False, "file_ext": "json"}
    assert pushed["sha"] == draft["sha"]
    listed = ok(await management.get("/v1/reusable_requests"))
    assert [entry["key"] for entry in listed["entries"]] == ["find-user"]


async def test_it_needs_no_name(management: httpx.AsyncClient) -> None:
    """Knock asks for settings alone."""
    made = ok(await put(management, {"settings": {"url": "https://x.example"}}))
    assert made["reusable_request"]["name"] is None
    assert made["reusable_request"]["settings"] == {"method": "get", "url": "https://x.example"}


async def test_all_that_is_wrong_is_told(management: httpx.AsyncClient) -> None:
    """Shape, Liquid and JSON Schema are judged, each at its place; validating saves nothing."""
    document = {
        "name": " ",
        "settings": {
            "url": "{% nope %}",
            "data_input_schema": {"type": "nothing"},
            "data_input_values_str": "5",
        },
    }
    for path in (PATH, f"{PATH}/validate"):
        assert sorted(places(await put(management, document, path))) == [
            "name",
            "settings.data_input_schema.type",
            "settings.data_input_values_str",
            "settings.url",
        ]
    assert places(await put(management, path="/v1/reusable_requests/Find"))[0] == "key"
    judged = ok(await put(management, path=f"{PATH}/validate"))
    assert judged["reusable_request"]["valid"] is True
    assert (await management.get(PATH)).status_code == 404


async def test_a_workflow_that_names_an_unknown_request_is_not_committed(
    management: httpx.AsyncClient,
) -> None:
    """It is saved as not valid, and committed once the request is."""
    step = shared_fetch_step("find-user", id="{{ recipient.id }}")
    saved = ok(await put_workflow(management, step))
    refused = await put_workflow(management, step, commit="true")
    ok(await put(management))
    still = await put_workflow(management, step, commit="true")
    ok(await put(management, commit="true"))
    done = ok(await put_workflow(management, step, commit="true"))

    assert (saved["workflow"]["valid"], done["workflow"]["valid"]) == (False, True)
    for answer in (refused, still):
        assert places(answer) == ["steps[0].settings.reusable_request_key"]
        assert "reusable request 'find-user'" in answer.json()["errors"][0]["message"]


async def test_inputs_are_judged_by_the_schema(management: httpx.AsyncClient) -> None:
    """Every input that the request does not take is told; what holds Liquid is judged in a run."""
    ok(await put(management, reusable_request(data_input_schema=SCHEMA), commit="true"))
    wrong = shared_fetch_step("find-user", count="many")

    saved = ok(await put_workflow(management, wrong))
    assert saved["workflow"]["valid"] is False
    path = "/v1/workflows/flow/validate"
    document = {"workflow": workflow("Flow", wrong, feed_step("Hi"))}
    for answer in (
        await put_workflow(management, wrong, commit="true"),
        await management.put(path, json=document),
    ):
        assert sorted(places(answer)) == [
            "steps[0].settings.inputs.count",
            "steps[0].settings.inputs.id",
        ]

    later = shared_fetch_step("find-user", count="{{ data.count }}", id="{{ data.id }}")
    assert ok(await put_workflow(management, later, commit="true"))["workflow"]["valid"] is True


async def test_a_schema_that_changes_shows_in_the_workflows(
    management: httpx.AsyncClient,
) -> None:
    """A request may come to want more; workflows that do not give it are not valid any more."""
    ok(await put(management, commit="true"))
    ok(await put_workflow(management, shared_fetch_step("find-user"), commit="true"))
    ok(await put(management, reusable_request(data_input_schema=SCHEMA), commit="true"))

    listed = ok(await management.get("/v1/workflows"))["entries"]
    assert {entry["key"]: entry["valid"] for entry in listed}["flow"] is False


async def test_promotion(management: httpx.AsyncClient) -> None:
    """A workflow goes to production with its request, or after it, and not before."""
    ok(await put(management, commit="true"))
    ok(await put_workflow(management, shared_fetch_step("find-user"), commit="true"))

    alone = await management.put(
        "/v1/commits/promote", params={**TO_PRODUCTION, "resource_type": "workflow"}
    )
    assert places(alone) == ["workflow.flow.steps[0].settings.reusable_request_key"]
    ok(await management.put("/v1/commits/promote", params=TO_PRODUCTION))

    there = ok(await management.get(PATH, params=PRODUCTION))
    assert (there["environment"], there["settings"]) == (
        "production",
        {"method": "get", "url": "{{ data.url }}"},
    )
    commits = ok(await management.get("/v1/commits", params={"resource_type": "reusable_request"}))
    assert [one["resource"] for one in commits["entries"]] == [
        {"type": "reusable_request", "identifier": "find-user"}
    ]


async def test_an_empty_commit(management: httpx.AsyncClient) -> None:
    """An upsert that changes nothing commits when that is wanted."""
    ok(await put(management, commit="true"))
    ok(await put(management, commit="true"))
    ok(await put(management, commit="true", allow_empty="true", commit_message="Again"))
    commits = ok(await management.get("/v1/commits", params={"resource_id": "find-user"}))
    assert [one.get("commit_message") for one in commits["entries"]] == ["Again", None]
    assert [one["empty"] for one in commits["entries"]] == [True, False]


async def test_changes_are_told_and_taken_back(management: httpx.AsyncClient) -> None:
    """The admin API compares field by field, and reverts a commit."""
    ok(await put(management, commit="true"))
    ok(await put(management, reusable_request(method="post")))
    (pending,) = ok(await management.get("/v1/admin/content/changes"))["entries"]
    assert pending["changes"] == [
        {"field": "settings.method", "change": "changed", "before": "get", "after": "post"}
    ]
    ok(await put(management, reusable_request(method="post"), commit="true"))
    commits = await management.get("/v1/commits", params={"resource_id": "find-user"})
    newest = ok(commits)["entries"][0]
    ok(await management.put(f"/v1/admin/commits/{newest['id']}/revert"))
    assert ok(await management.get(PATH))["settings"]["method"] == "get"


async def test_a_branch_has_its_own(management: httpx.AsyncClient) -> None:
    """What is committed on a branch is seen there alone, until it is merged."""
    assert (await management.post("/v1/branches/feature")).status_code == 201
    on_branch = {"branch": "feature"}
    ok(await put(management, commit="true", **on_branch))
    step = shared_fetch_step("find-user")
    assert ok(await put_workflow(management, step, **on_branch))["workflow"]["valid"] is True
    assert ok(await put_workflow(management, step))["workflow"]["valid"] is False

    merge = {"to_environment": "development", **on_branch}
    ok(await management.put("/v1/commits/promote", params=merge))
    assert ok(await management.get(PATH))["key"] == "find-user"
    assert ok(await put_workflow(management, step))["workflow"]["valid"] is True


async def test_archiving(management: httpx.AsyncClient) -> None:
    """It is gone from lists, its key is not free again, and new commits cannot name it."""
    ok(await put(management, commit="true"))
    ok(await management.delete("/v1/admin/content/reusable_request/find-user"))

    assert ok(await management.get("/v1/reusable_requests"))["entries"] == []
    assert (await put(management)).status_code == 404
    refused = await put_workflow(management, shared_fetch_step("find-user"), commit="true")
    assert places(refused) == ["steps[0].settings.reusable_request_key"]
