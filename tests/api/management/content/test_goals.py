"""Goals over HTTP, and content that is attached to one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.guides import guide, guide_step

PATH = "/v1/goals/paid"
PRODUCTION = "environment=production"
GOAL = {
    "name": "Paid",
    "description": "Somebody pays",
    "condition": {
        "event": {"event_type": "recipient", "event_key": "updated"},
        "match_conditions": [
            {
                "operator": "and",
                "conditions": [
                    {"variable": "recipient.paid", "operator": "equal_to", "argument": "true"}
                ],
            }
        ],
    },
}
OF_AUDIENCE = {
    "name": "Joined",
    "condition": {
        "event": {"event_type": "audience", "event_key": "enter", "audience_key": "vips"}
    },
}


async def put(
    management: httpx.AsyncClient, path: str = PATH, goal: Any = None, **members: Any
) -> httpx.Response:
    """Upsert a goal."""
    return await management.put(path, json={"goal": {**(goal or GOAL), **members}})


async def audience(management: httpx.AsyncClient, environment: str = "development") -> None:
    """Make a static audience in an environment."""
    body = {"audience": {"name": "VIPs", "type": "static"}}
    made = await management.put(f"/v1/audiences/vips?environment={environment}", json=body)
    assert made.status_code == 200


async def test_a_goal_is_made_read_listed_and_changed(management: httpx.AsyncClient) -> None:
    """It is published where it is saved; its hash follows what it says."""
    made = (await put(management)).json()["goal"]
    assert {name: made[name] for name in GOAL} == GOAL
    assert (made["key"], made["environment"]) == ("paid", "development")
    assert (await management.get(PATH)).json() == made
    assert (await management.get(f"{PATH}?hide_uncommitted_changes=true")).json() == made
    assert (await put(management)).json()["goal"] == made

    changed = (await put(management, description=None)).json()["goal"]
    assert changed["description"] is None
    assert changed["sha"] != made["sha"]
    await put(management, "/v1/goals/a")
    page = (await management.get("/v1/goals?limit=1")).json()
    rest = (await management.get(f"/v1/goals?after={page['page_info']['after']}")).json()
    assert [one["key"] for one in page["entries"] + rest["entries"]] == ["a", "paid"]
    assert rest["entries"] == [changed]
    assert (await management.get("/v1/goals/nobody")).status_code == 404


async def test_a_goal_is_neither_committed_nor_promoted(management: httpx.AsyncClient) -> None:
    """It belongs to its environment, and may be written in each."""
    await put(management)
    before = (await management.get("/v1/commits")).json()["entries"]
    await management.put("/v1/commits?commit_message=all", json={})
    promoted = await management.put("/v1/commits/promote?to_environment=production", json={})
    assert promoted.status_code == 200
    assert (await management.get("/v1/commits")).json()["entries"] == before
    assert (await management.get(f"{PATH}?{PRODUCTION}")).status_code == 404
    there = await put(management, f"{PATH}?{PRODUCTION}", name="There")
    assert there.json()["goal"]["environment"] == "production"
    assert (await management.get(PATH)).json()["name"] == "Paid"


async def test_validating_stores_nothing(management: httpx.AsyncClient) -> None:
    """And tells what an upsert would."""
    judged = await put(management, f"{PATH}/validate")
    assert judged.status_code == 200
    assert judged.json()["goal"]["condition"] == GOAL["condition"]
    assert (await management.get(PATH)).status_code == 404
    for path in (PATH, f"{PATH}/validate"):
        refused = await put(management, path, name="", condition={"event": {}})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [
            "name",
            "condition.event.event_type",
        ]


async def test_the_audience_of_a_goal_has_to_be_there(management: httpx.AsyncClient) -> None:
    """Because nothing is committed later, that is asked when it is saved."""
    refused = await put(management, goal=OF_AUDIENCE)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "condition.event.audience_key"
    assert (await management.get(PATH)).status_code == 404
    await audience(management)
    assert (await put(management, goal=OF_AUDIENCE)).status_code == 200


async def test_a_goal_is_archived_everywhere_for_good(management: httpx.AsyncClient) -> None:
    """Its key is never free again, as with other content."""
    await put(management)
    await put(management, f"{PATH}?{PRODUCTION}")
    assert (await management.delete(PATH)).json() == {"result": "success"}
    assert (await management.delete(PATH)).status_code == 404
    assert (await management.get(f"{PATH}?{PRODUCTION}")).status_code == 404
    assert (await management.get("/v1/goals")).json()["entries"] == []
    assert (await put(management)).status_code == 404


async def test_a_goal_is_cloned(management: httpx.AsyncClient) -> None:
    """To another environment under the same key, or to the same one under another."""
    await put(management)
    for environment, key in (("production", "paid"), ("development", "paid-again")):
        body = {"clone": {"key": key, "name": "Copy", "environment": environment}}
        made = await management.post(f"{PATH}/clone", json=body)
        assert made.status_code == 200
        copy = made.json()["goal"]
        assert (copy["key"], copy["name"], copy["environment"]) == (key, "Copy", environment)
        assert copy["condition"] == GOAL["condition"]
        read = await management.get(f"/v1/goals/{key}?environment={environment}")
        assert read.json() == copy
        again = await management.post(f"{PATH}/clone", json=body)
        assert again.status_code == 422
        assert [error["field"] for error in again.json()["errors"]] == ["clone.key"]
    assert (await management.get(PATH)).json()["name"] == "Paid"


@pytest.mark.parametrize(
    ("clone", "places"),
    [
        ({}, ["clone.key", "clone.name", "clone.environment"]),
        (
            {"key": "x y", "name": "N", "environment": "production"},
            ["clone.key", "clone.condition.event.audience_key"],
        ),
        ({"key": "b", "name": " ", "environment": "production"}, ["clone.name"]),
        ({"key": "b", "name": "N", "environment": "nowhere"}, ["clone.environment"]),
        (
            {"key": "b", "name": "N", "environment": "production"},
            ["clone.condition.event.audience_key"],
        ),
    ],
)
async def test_what_is_wrong_with_a_clone_is_told_at_its_place(
    management: httpx.AsyncClient, clone: dict[str, Any], places: list[str]
) -> None:
    """Also that its audience is missing over there; nothing is made."""
    await audience(management)
    await put(management, goal=OF_AUDIENCE)
    refused = await management.post(f"{PATH}/clone", json={"clone": clone})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == places
    listed = (await management.get(f"/v1/goals?{PRODUCTION}")).json()
    assert listed["entries"] == []


async def test_what_is_not_there_is_not_cloned(management: httpx.AsyncClient) -> None:
    """A 404."""
    body = {"clone": {"key": "b", "name": "N", "environment": "production"}}
    assert (await management.post(f"{PATH}/clone", json=body)).status_code == 404


async def test_content_is_attached_to_a_goal_that_exists(management: httpx.AsyncClient) -> None:
    """Saved before it does, committed only then; the window is a week unless said."""
    workflow = {"name": "W", "steps": [], "goal_attachment": {"goal_key": "paid"}}
    broadcast = {"name": "B", "steps": [], "goal_attachment": {"goal_key": "paid"}}
    tour = guide(guide_step(), goal_attachment={"goal_key": "paid", "attribution_window_days": 30})
    saved = await management.put("/v1/workflows/flow", json={"workflow": workflow})
    assert saved.json()["workflow"]["valid"] is False
    refused = await management.put("/v1/workflows/flow?commit=true", json={"workflow": workflow})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["goal_attachment.goal_key"]

    await put(management)
    committed = await management.put("/v1/workflows/flow?commit=true", json={"workflow": workflow})
    stored = committed.json()["workflow"]
    assert stored["goal_attachment"] == {"goal_key": "paid", "attribution_window_days": 7}
    assert stored["valid"] is True
    shown = (await management.put("/v1/guides/tour", json={"guide": tour})).json()["guide"]
    assert shown["goal_attachment"]["attribution_window_days"] == 30
    made = await management.put("/v1/broadcasts/sale", json={"broadcast": broadcast})
    assert made.json()["broadcast"]["goal_attachment"]["attribution_window_days"] == 7

    refused = await management.put("/v1/commits/promote?to_environment=production", json={})
    assert refused.status_code == 422
    assert "clone it, or create it there too" in refused.json()["message"]
    body = {"clone": {"key": "paid", "name": "Paid", "environment": "production"}}
    await management.post(f"{PATH}/clone", json=body)
    promoted = await management.put("/v1/commits/promote?to_environment=production", json={})
    assert promoted.status_code == 200
