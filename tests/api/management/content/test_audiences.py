"""Audiences over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx

from domain.kit.json_types import JsonObject

PATH = "/v1/audiences/beta"
SEGMENTS = [
    {"conditions": [{"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}]}
]
DYNAMIC = {"name": "Beta", "type": "dynamic", "segments": SEGMENTS}
STATIC = {"name": "Beta", "type": "static"}


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"audience": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_a_dynamic_audience_is_committed_and_promoted(management: httpx.AsyncClient) -> None:
    """It is a draft until a commit, and reaches production by promotion."""
    written = await _ok(await _put(management, {**DYNAMIC, "description": "Who pays"}))
    read = await _ok(await management.get(PATH))
    assert written == {"audience": read}
    assert (read["segments"], read["description"]) == (SEGMENTS, "Who pays")
    hidden = {"hide_uncommitted_changes": "true"}
    assert (await management.get(PATH, params=hidden)).status_code == 404
    await _ok(await management.put("/v1/commits", params={"resource_type": "audience"}))
    await _ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    promoted = await _ok(await management.get(PATH, params={"environment": "production"}))
    assert promoted["segments"] == SEGMENTS
    assert (await _put(management, DYNAMIC, environment="production")).status_code == 422


async def test_a_static_audience_belongs_to_its_environment(management: httpx.AsyncClient) -> None:
    """It holds where it is saved, without a commit, in any environment, and is not promoted."""
    for slug in ("development", "production"):
        saved = await _ok(await _put(management, {**STATIC, "name": slug}, environment=slug))
        assert "segments" not in saved["audience"]
    hidden = {"hide_uncommitted_changes": "true"}
    assert (await _ok(await management.get(PATH, params=hidden)))["name"] == "development"
    await _ok(await management.put("/v1/commits"))
    await _ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    kept = await _ok(await management.get(PATH, params={"environment": "production"}))
    assert kept["name"] == "production"


async def test_a_static_audience_is_never_committed(management: httpx.AsyncClient) -> None:
    """No commit is made of it, not even an empty one, so nothing of it can be promoted."""
    empty = {"allow_empty": "true"}
    await _ok(await _put(management, STATIC, commit="true", **empty))
    query = {"resource_type": "audience", "resource_id": "beta", **empty}
    await _ok(await management.put("/v1/commits", params=query))
    commits = await _ok(await management.get("/v1/commits", params={"resource_id": "beta"}))
    assert commits["entries"] == []


async def test_a_promotion_changes_no_type(management: httpx.AsyncClient) -> None:
    """A dynamic audience is not promoted over a static one; nothing is promoted then."""
    await _ok(await _put(management, STATIC, environment="production"))
    await _ok(await _put(management, DYNAMIC, commit="true"))
    target = {"to_environment": "production", "resource_type": "audience"}
    refused = await management.put("/v1/commits/promote", params=target)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["audience.beta.type"]
    kept = await _ok(await management.get(PATH, params={"environment": "production"}))
    assert kept["type"] == "static"


async def test_the_type_stays(management: httpx.AsyncClient) -> None:
    """A static audience cannot become a dynamic one, nor is that valid."""
    await _ok(await _put(management, STATIC))
    for path in (PATH, f"{PATH}/validate"):
        refused = await _put(management, DYNAMIC, path)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["type"]


async def test_an_audience_is_archived_everywhere(management: httpx.AsyncClient) -> None:
    """Archiving takes it out of all environments for good."""
    for slug in ("development", "production"):
        await _ok(await _put(management, STATIC, environment=slug))
    assert await _ok(await management.delete(PATH)) == {"result": "success"}
    assert (await management.get(PATH, params={"environment": "production"})).status_code == 404
    assert (await management.delete(PATH)).status_code == 404
    assert (await _put(management, STATIC)).status_code == 404


async def test_audiences_are_listed_and_annotated(management: httpx.AsyncClient) -> None:
    """The list has both types by key; Knock's CLI is told what is read-only."""
    await _ok(await _put(management, DYNAMIC))
    await _ok(await _put(management, STATIC, "/v1/audiences/alpha"))
    listed = await _ok(await management.get("/v1/audiences", params={"annotate": "true"}))
    assert [(one["key"], one["type"]) for one in listed["entries"]] == [
        ("alpha", "static"),
        ("beta", "dynamic"),
    ]
    read_only = listed["entries"][0]["__annotation"]["readonly_fields"]
    assert sorted(read_only) == ["created_at", "environment", "key", "sha", "updated_at"]


async def test_a_workflow_names_its_audience(management: httpx.AsyncClient) -> None:
    """The trigger of a workflow is read back; the workflow is valid once its audience exists."""
    document = {"name": "W", "steps": [], "audience_trigger": {"audience_key": "beta"}}
    path = "/v1/workflows/welcome"
    saved = await _ok(await management.put(path, json={"workflow": document}))
    assert saved["workflow"]["audience_trigger"] == {"audience_key": "beta"}
    assert saved["workflow"]["valid"] is False
    await _ok(await _put(management, STATIC))
    assert (await _ok(await management.get(path)))["valid"] is True


async def test_all_that_is_wrong_with_a_condition_is_told(management: httpx.AsyncClient) -> None:
    """In one answer, whose message counts what it does not name."""
    wrong = {"property": "recipient.created_at", "operator": "resembles", "argument": "x"}
    segments = [{"conditions": [wrong]}]
    for path in (PATH, f"{PATH}/validate"):
        refused = await _put(management, {**DYNAMIC, "name": "", "segments": segments}, path)
        assert refused.status_code == 422
        place = "segments[0].conditions[0]"
        assert [error["field"] for error in refused.json()["errors"]] == [
            "name",
            f"{place}.property",
            f"{place}.operator",
        ]
        assert refused.json()["message"] == "name: can't be blank (and 2 more)"


async def test_a_static_audience_that_is_not_there_is_to_be_made_there(
    management: httpx.AsyncClient,
) -> None:
    """What keeps a workflow from being promoted tells what to do; one of each is enough."""
    document = {"name": "W", "steps": [], "audience_trigger": {"audience_key": "beta"}}
    await _ok(await _put(management, STATIC))
    await _ok(
        await management.put("/v1/workflows/welcome?commit=true", json={"workflow": document})
    )
    promotion = {"to_environment": "production", "resource_id": "welcome"}
    refused = await management.put("/v1/commits/promote", params=promotion)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "workflow.welcome.audience_trigger.audience_key"
    assert error["message"] == (
        "audience 'beta' does not exist in production, only in development; a static audience is"
        " not promoted, because its members belong to one environment: create it there too"
    )
    await _ok(await _put(management, STATIC, environment="production"))
    await _ok(await management.put("/v1/commits/promote", params=promotion))


async def test_a_dynamic_audience_that_is_not_there_is_to_be_promoted(
    management: httpx.AsyncClient,
) -> None:
    """Nobody is told to make it there; the refusal says where it is looked for."""
    document = {"name": "W", "steps": [], "audience_trigger": {"audience_key": "beta"}}
    await _ok(await _put(management, DYNAMIC, commit="true"))
    await _ok(
        await management.put("/v1/workflows/welcome?commit=true", json={"workflow": document})
    )
    promotion = {"to_environment": "production", "resource_type": "workflow"}
    refused = await management.put(
        "/v1/commits/promote", params={**promotion, "resource_id": "welcome"}
    )
    assert [error["message"] for error in refused.json()["errors"]] == [
        "audience 'beta' does not exist in production, or is not committed there"
    ]
    await _ok(await management.put("/v1/commits/promote?to_environment=production"))
