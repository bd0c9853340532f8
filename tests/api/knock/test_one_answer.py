"""All that is wrong with a request is in one answer, each fault at its place.

What can be told without the database is told first: of the path, the query and the body together.
What only the database knows comes next, and is together, too.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.builders import Builder, Environment

_LONG = "x" * 300
_BIG = {"blob": "x" * 300_000}
_NULL = "a\x00b"


@pytest.fixture(autouse=True)
async def stored(make: Builder, environment: Environment) -> None:
    """Make a workflow whose data has a schema, a user and an object."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    await make.workflow(environment, "digest", trigger_data_json_schema=schema)
    await make.user(environment, "ellie", name="Ellie")
    await make.recipient(environment, "projects", "one")


async def _send(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> tuple[int, str, dict[str, str | None]]:
    """Return status, code, and the type of the fault at each place."""
    # Not `json=`: the client would refuse to send a lone surrogate.
    response = await client.request(method, path, content=json.dumps(body))
    answer = response.json()
    found = {error["field"]: error["type"] for error in answer.get("errors", [])}
    assert len(found) == len(answer.get("errors", []))
    return response.status_code, answer["code"], found


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("PUT", f"/v1/users/{_LONG}", {"name": 5}, {"user_id", "name"}),
        ("PUT", "/v1/users/a", {"name": 5, **_BIG}, {"properties", "name"}),
        (
            "PUT",
            f"/v1/objects/{_LONG}/{_LONG}",
            {"channel_data": {"junk": {}}},
            {"collection", "object_id", "channel_data.junk"},
        ),
        ("PUT", f"/v1/tenants/{_LONG}", {"settings": _BIG, "name": 5}, {"id", "settings", "name"}),
        ("PUT", f"/v1/users/{_LONG}/channel_data/x", {"data": 5}, {"user_id", "data"}),
        (
            "PUT",
            f"/v1/users/{_LONG}/preferences/{_LONG}",
            {"channel_types": 5},
            {"user_id", "id", "channel_types"},
        ),
        (
            "PUT",
            f"/v1/objects/$users/a/preferences/{_LONG}/channel_types/fax",
            {},
            {"collection", "id", "channel_type", "subscribed"},
        ),
        (
            "PUT",
            f"/v1/users/{_LONG}/preferences/default/workflows/{_LONG}",
            {"subscribed": 1},
            {"user_id", "key", "subscribed"},
        ),
        (
            "POST",
            "/v1/objects/$users/bulk/set",
            {"objects": 5},
            {"collection", "objects"},
        ),
        (
            "POST",
            "/v1/objects/projects/one/subscriptions",
            {
                "recipients": [{"id": "one", "collection": "projects"}, 5, {"id": "b", **_BIG}],
                "properties": _BIG,
            },
            {"recipients[0]", "recipients[1]", "recipients[2]", "properties"},
        ),
        (
            "POST",
            "/v1/schedules",
            {"recipients": [{"id": "a", **_BIG}, {"id": 5}], "ending_at": "soon", "tenant": 5},
            {
                "workflow",
                "recipients[0]",
                "recipients[1].id",
                "ending_at",
                "scheduled_at",
                "tenant",
            },
        ),
        (
            "PUT",
            "/v1/schedules",
            {"schedule_ids": [], "repeats": None, "scheduled_at": None, "actor": {"id": 5}},
            {"schedule_ids", "scheduled_at", "actor.id"},
        ),
        (
            "POST",
            "/v1/workflows/digest/trigger",
            {
                "recipients": [{"id": "a", "name": 5, **_BIG}],
                "tenant": {"id": 5, **_BIG},
                "data": {"n": "x"},
                "settings": {"skip_delay": 1},
            },
            {
                "recipients[0]",
                "recipients[0].name",
                "tenant",
                "tenant.id",
                "data.n",
                "settings.skip_delay",
            },
        ),
        ("POST", "/v1/workflows/digest/trigger", {"recipients": []}, {"recipients", "data"}),
        (
            "POST",
            "/v1/audiences/vip/members?create_audience=maybe",
            {"members": [{"user": {"id": "a", **_BIG}}, {"tenant": 5}]},
            {"create_audience", "members[0].user", "members[1].user", "members[1].tenant"},
        ),
        (
            "PUT",
            f"/v1/users/{_LONG}",
            {"name": 5, "note": _NULL, "deep": {"\ud800": 5}},
            {"user_id", "name", "note", "deep"},
        ),
        (
            "POST",
            "/v1/workflows/digest/trigger",
            {"data": {"n": _NULL}, "recipients": []},
            {"data.n", "recipients"},
        ),
    ],
)
async def test_what_needs_no_database_is_told_together(
    client: httpx.AsyncClient, method: str, path: str, body: Any, fields: set[str]
) -> None:
    """Path, query, members, and what is wrong with the whole of something."""
    status, code, found = await _send(client, method, path, body)
    assert (status, code) == (422, "invalid_params")
    assert found.keys() == fields


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "found"),
    [
        (
            "POST",
            "/v1/schedules",
            {
                "workflow": "none",
                "recipients": ["nobody", "ellie"],
                "actor": "stranger",
                "scheduled_at": "2100-01-01T00:00:00Z",
            },
            404,
            "workflow_missing",
            {"workflow": "workflow_missing", "actor": "actor_missing", "recipients[0]": None},
        ),
        (
            "POST",
            "/v1/schedules",
            {
                "workflow": "digest",
                "recipients": ["nobody"],
                "actor": "stranger",
                "scheduled_at": "2100-01-01T00:00:00Z",
            },
            422,
            "invalid_params",
            {"actor": "actor_missing", "recipients[0]": None},
        ),
        (
            "POST",
            "/v1/workflows/digest/trigger",
            {"recipients": ["ellie"], "actor": "stranger", "data": {"n": "x"}},
            422,
            "invalid_params",
            {"data.n": None, "actor": "actor_missing"},
        ),
        (
            "POST",
            "/v1/objects/projects/none/subscriptions",
            {"recipients": ["nobody", "ellie"]},
            404,
            "resource_missing",
            {"object_id": "resource_missing", "recipients[0]": None},
        ),
        (
            "POST",
            "/v1/objects/projects/none/subscriptions",
            {"recipients": ["nobody", {"id": "new", "name": "New"}]},
            404,
            "resource_missing",
            {"object_id": "resource_missing", "recipients[0]": None},
        ),
        # What is alone keeps the code that it has.
        (
            "POST",
            "/v1/workflows/digest/trigger",
            {"recipients": ["ellie"], "actor": "stranger", "data": {"n": 1}},
            422,
            "actor_missing",
            {},
        ),
        (
            "POST",
            "/v1/objects/projects/none/subscriptions",
            {"recipients": ["ellie"]},
            404,
            "resource_missing",
            {},
        ),
    ],
)
async def test_what_the_database_knows_is_told_together(
    client: httpx.AsyncClient,
    *,
    method: str,
    path: str,
    body: Any,
    status: int,
    code: str,
    found: dict[str, str | None],
) -> None:
    """What does not exist comes first, with everything else beside it."""
    assert await _send(client, method, path, body) == (status, code, found)


async def test_a_change_that_leaves_no_timing_is_told_with_its_actor(
    client: httpx.AsyncClient,
) -> None:
    """Both depend on what is stored, and neither hides the other."""
    body = {"workflow": "digest", "recipients": ["ellie"], "scheduled_at": "2100-01-01T00:00:00Z"}
    (made,) = (await client.post("/v1/schedules", json=body)).json()
    changes = {"schedule_ids": [made["id"]], "scheduled_at": None, "actor": "stranger"}
    assert await _send(client, "PUT", "/v1/schedules", changes) == (
        422,
        "invalid_params",
        {"scheduled_at": None, "actor": "actor_missing"},
    )


async def test_channel_data_of_everybody_is_judged_together(
    client: httpx.AsyncClient, make: Builder
) -> None:
    """Each by its own channel, at the place of whoever it is said of."""
    push = str(await make.channel("push", provider="push_fcm"))
    chat = str(await make.channel("chat", provider="chat_slack"))
    body = {
        "data": {"n": 1},
        "recipients": [
            {"id": "a", "channel_data": {push: {"tokens": [1]}}},
            {"id": "b", "channel_data": {chat: {"connections": 5}, push: {"connections": []}}},
        ],
    }
    _, _, found = await _send(client, "POST", "/v1/workflows/digest/trigger", body)
    assert found.keys() == {
        f"recipients[0].channel_data.{push}.tokens[0]",
        f"recipients[1].channel_data.{chat}.connections",
        f"recipients[1].channel_data.{push}",
    }
