"""`X-Knock-Branch`: the content of a branch, for the people of its environment."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.content.guide import GUIDE
from services.content.drafts import upsert_content
from tests.support.builders import Environment
from tests.support.content import note
from tests.support.guides import CHANNEL_KEY, activate, guide, guide_step
from tests.support.steps import delay_step, feed_step
from tests.support.world import World

_ON_BRANCH = {"x-knock-branch": "feature"}


@pytest.fixture
async def branch(world: World) -> World:
    """Make a branch on which a workflow says something else."""
    await world.publish("flow", feed_step("Main"))
    branch = await world.branch()
    await branch.publish("flow", feed_step("Branch"))
    await world.identify("ellie")
    return branch


async def _trigger(client: httpx.AsyncClient, world: World, **headers: str) -> str:
    """Trigger for a user, and return what their message says."""
    response = await client.post(
        "/v1/workflows/flow/trigger", json={"recipients": ["ellie"]}, headers=headers
    )
    assert response.status_code == 200, response.text
    (run,) = await world.make.rows(
        "SELECT id FROM recipient_runs WHERE workflow_run_id = %s",
        response.json()["workflow_run_id"],
    )
    await world.walk(run["id"])
    (message,) = await world.messages(run["id"])
    return str(message["content"]["blocks"][0]["rendered"])


async def test_a_trigger_runs_the_content_of_the_branch(
    client: httpx.AsyncClient, world: World, branch: World
) -> None:
    """Only where the header is sent; the message is in the feed of the same user."""
    assert "Main" in await _trigger(client, world)
    assert "Branch" in await _trigger(client, world, **_ON_BRANCH)

    path = f"/v1/users/ellie/feeds/{(await world.make.rows(_FEED))[0]['id']}"
    for headers in ({}, _ON_BRANCH):
        feed = await client.get(path, headers=headers)
        assert len(feed.json()["entries"]) == 2


_FEED = "SELECT id FROM channels WHERE key = 'in-app'"


async def test_people_are_the_same_on_all_branches(
    client: httpx.AsyncClient, branch: World
) -> None:
    """Who is identified on a branch is known without it, and so are preferences."""
    await client.put("/v1/users/new", json={"name": "New"}, headers=_ON_BRANCH)
    chosen = {"channel_types": {"email": False}}
    await client.put("/v1/users/new/preferences/default", json=chosen, headers=_ON_BRANCH)

    assert (await client.get("/v1/users/new")).json()["name"] == "New"
    found = await client.get("/v1/users/new/preferences/default")
    assert found.json()["channel_types"]["email"] is False


async def test_schedules_are_listed_where_they_were_made(
    client: httpx.AsyncClient, world: World, branch: World
) -> None:
    """Those of a branch stand only there."""
    body = {
        "workflow": "flow",
        "recipients": ["ellie"],
        "scheduled_at": "2030-01-01T00:00:00Z",
    }
    made = await client.post("/v1/schedules", json=body, headers=_ON_BRANCH)
    assert made.status_code == 200, made.text
    for headers, many in (({}, 0), (_ON_BRANCH, 1)):
        for path in ("/v1/schedules?workflow=flow", "/v1/users/ellie/schedules"):
            listed = await client.get(path, headers=headers)
            assert len(listed.json()["entries"]) == many, (path, headers)


async def test_a_cancel_names_the_branch_of_its_runs(
    client: httpx.AsyncClient, world: World, branch: World
) -> None:
    """Without it the runs of the branch go on."""
    await branch.publish("flow", delay_step(), feed_step())
    run_id = await branch.begin("flow", "ellie", cancellation_key="k")
    for headers, status in (({}, "queued"), (_ON_BRANCH, "cancelled")):
        answer = await client.post(
            "/v1/workflows/flow/cancel", json={"cancellation_key": "k"}, headers=headers
        )
        assert answer.status_code == 204
        assert (await world.run(run_id))["status"] == status


async def test_one_idempotency_key_is_for_one_branch(
    client: httpx.AsyncClient, branch: World
) -> None:
    """The same key for another branch is another request, and is told so."""
    key, body = {"idempotency-key": "once"}, {"recipients": ["ellie"]}
    path = "/v1/workflows/flow/trigger"
    first = await client.post(path, json=body, headers={**key, **_ON_BRANCH})
    again = await client.post(path, json=body, headers={**key, **_ON_BRANCH})
    other = await client.post(path, json=body, headers=key)

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (400, "idempotency_key_mismatch")


async def test_guides_are_those_of_the_branch(
    client: httpx.AsyncClient, world: World, branch: World
) -> None:
    """A guide that is committed on a branch is shown there; what is done with it is the user's."""
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    scope = branch.environment.scope
    written = guide(guide_step(title="Branch"))
    await upsert_content(world.engine, scope, GUIDE, "tour", written, commit=note(), force=True)
    await activate(branch, "tour")
    path = f"/v1/users/ellie/guides/{channel}"

    here, there = await client.get(path), await client.get(path, headers=_ON_BRANCH)

    assert here.json()["entries"] == []
    (entry,) = there.json()["entries"]
    assert entry["steps"][0]["content"] == {"title": "Branch"}


async def test_a_public_key_takes_the_branch_too(
    anonymous: httpx.AsyncClient, environment: Environment, branch: World
) -> None:
    """A browser of an application under development names the branch as a server does."""
    path = "/v1/users/ellie/preferences/default"
    headers = {"authorization": f"Bearer {environment.public_key}"}
    known = await anonymous.get(path, headers={**headers, **_ON_BRANCH})
    unknown = await anonymous.get(path, headers={**headers, "x-knock-branch": "nowhere"})
    assert known.status_code == 200
    assert (unknown.status_code, unknown.json()["code"]) == (404, "branch_not_found")


@pytest.mark.parametrize("slug", ["nowhere", "Feature", "a b", "x" * 300, "%00", "main"])
async def test_an_unknown_branch_is_refused(
    client: httpx.AsyncClient, branch: World, slug: str
) -> None:
    """Content of the environment never runs in the place of what was asked for."""
    response = await client.get("/v1/users/ellie", headers={"x-knock-branch": slug})
    assert response.status_code == 404
    assert response.json()["code"] == "branch_not_found"


async def test_a_branch_of_another_environment_is_unknown(
    client: httpx.AsyncClient, make: Any, world: World
) -> None:
    """A key opens the branches of its own environment."""
    other = World(world.engine, make, await make.environment())
    await other.branch("theirs")
    response = await client.get("/v1/users/ellie", headers={"x-knock-branch": "theirs"})
    assert (response.status_code, response.json()["code"]) == (404, "branch_not_found")
