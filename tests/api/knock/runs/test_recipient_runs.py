"""Workflow recipient runs over HTTP."""

from __future__ import annotations

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.support.builders import T0, Builder, Environment
from tests.support.steps import delay_step
from tests.support.world import World


@pytest.fixture
async def runs(make: Builder, environment: Environment) -> dict[str, str]:
    """Make four runs that differ in what filters look at; the newest is `d`."""
    return {
        "a": await make.run(environment, minute=0, tenant_id="acme", actor_id="ann"),
        "b": await make.run(environment, minute=1, status="paused", workflow_key="digest"),
        "c": await make.run(environment, minute=2, error_count=2, status="cancelled"),
        "d": await make.run(environment, minute=3, collection="projects", recipient_id="p1"),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "dcba"),
        ("workflow=digest", "b"),
        ("status[]=paused&status[]=cancelled", "cb"),
        ("status=queued", ""),
        ("tenant=acme", "a"),
        ("has_errors=true", "c"),
        ("has_errors=false", "dba"),
        ("recipient=ellie", "cba"),
        ("recipient[id]=p1&recipient[collection]=projects", "d"),
        ('recipient={"id":"p1","collection":"projects"}', "d"),
        ("recipient=p1", ""),
        ("starting_at=2026-03-01T12:02:00Z", "dc"),
        ("ending_at=2026-03-01T12:01:00Z", "ba"),
        ("starting_at=2026-03-01T12:01:00Z&ending_at=2026-03-01T12:02:00Z", "cb"),
    ],
)
async def test_filters_of_the_list(
    client: httpx.AsyncClient, runs: dict[str, str], query: str, names: str
) -> None:
    """Every filter narrows the list, newest first."""
    response = await client.get(f"/v1/workflow_recipient_runs?{query}")
    assert [run["id"] for run in response.json()["items"]] == [runs[name] for name in names]


async def test_runs_that_have_not_begun_are_found(client: httpx.AsyncClient, world: World) -> None:
    """A run is listed as queued from its trigger to its first walk."""
    await world.publish("wait", delay_step())
    run_id = await world.begin("wait")
    path = "/v1/workflow_recipient_runs?status[]="

    async def listed(statuses: str) -> list[str]:
        return [run["id"] for run in (await client.get(path + statuses)).json()["items"]]

    assert (await listed("queued"), await listed("paused")) == ([run_id], [])
    # Beside runs of other statuses too, which are found in other ways.
    assert await listed("queued&status[]=paused&status[]=cancelled") == [run_id]
    await world.walk(run_id)
    assert (await listed("queued"), await listed("paused")) == ([], [run_id])
    later = await world.begin("wait")
    assert await listed("queued&status[]=paused") == [later, run_id]
    assert await listed("queued&status[]=cancelled") == [later]
    assert await listed("queued&status[]=completed") == [later]


async def test_pages(client: httpx.AsyncClient, runs: dict[str, str]) -> None:
    """Going through pages shows every run once."""
    first = (await client.get("/v1/workflow_recipient_runs?page_size=3")).json()
    after = first["page_info"]["after"]
    rest = (await client.get(f"/v1/workflow_recipient_runs?after={after}")).json()
    assert [run["id"] for run in first["items"] + rest["items"]] == [runs[n] for n in "dcba"]
    assert rest["page_info"]["after"] is None


async def test_a_run_with_its_story(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A run is answered with its events in order; their ids do not change."""
    run_id = await make.run(environment, actor_id="ann", tenant_id="acme")
    for position, event in enumerate(("run_started", "step_failed")):
        await make.insert(
            "recipient_run_events",
            recipient_run_id=run_id,
            position=position,
            event=event,
            status="error" if position else "ok",
            attempt=1,
            step_ref="email_1" if position else None,
            step_type="channel" if position else None,
            data=Jsonb({"n": position}),
            inserted_at=T0,
        )
    path = f"/v1/workflow_recipient_runs/{run_id}"
    body = (await client.get(path)).json()
    assert body["__typename"] == "WorkflowRecipientRun"
    assert (body["recipient"], body["actor"], body["tenant"]) == ("ellie", "ann", "acme")
    assert body["trigger_source"] == {"type": "api"}
    assert [event["event"] for event in body["events"]] == ["run_started", "step_failed"]
    assert [event["status"] for event in body["events"]] == ["ok", "error"]
    again = (await client.get(path)).json()
    assert [event["id"] for event in body["events"]] == [event["id"] for event in again["events"]]
    assert body["events"][0]["id"] != body["events"][1]["id"]


async def test_runs_of_other_environments_do_not_exist(
    client: httpx.AsyncClient, make: Builder
) -> None:
    """A run of another environment is neither listed nor found."""
    run_id = await make.run(await make.environment())
    assert (await client.get("/v1/workflow_recipient_runs")).json()["items"] == []
    assert (await client.get(f"/v1/workflow_recipient_runs/{run_id}")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "has_errors=maybe",
        "starting_at=x",
        "recipient[id]=x",
        "recipient=[1]&recipient=2",
    ],
)
async def test_bad_filters(client: httpx.AsyncClient, query: str) -> None:
    """A filter that cannot be understood is a 422."""
    response = await client.get(f"/v1/workflow_recipient_runs?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")
