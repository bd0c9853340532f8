"""Trying content out over HTTP, and what the command makes of the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from api.admin.schemas.what_if import WhatIfOut
from commands.what_if import written
from tests.support.account import Account, email_step, feed_step, workflow
from tests.support.application import application

_PATH = "/v1/admin/what_if"
_ELLIE = {"id": "ellie", "name": "Ellie", "email": "ellie@example.com"}


async def _save(management: httpx.AsyncClient, *steps: Any, commit: bool = False) -> None:
    query = {"environment": "development", **({"commit": "true"} if commit else {})}
    document = {"workflow": workflow("Plain", *steps)}
    answer = await management.put("/v1/workflows/plain", json=document, params=query)
    assert answer.status_code == 200, answer.text


async def test_a_draft_is_tried_on_what_was_sent(
    management: httpx.AsyncClient, account: Account
) -> None:
    """The answer names the content, counts, and shows each message that differs."""
    await _save(management, feed_step("Hello"), email_step("Old"), commit=True)
    world = await account.world()
    run_id = await world.begin("plain", _ELLIE)
    await world.walk(run_id)
    await _save(management, feed_step("Hello *{{ recipient.name }}*"), feed_step(ref="feed_2"))

    answer = await management.post(_PATH, json={"workflow": "plain"})

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["content"] == [{"resource_type": "workflow", "resource_id": "plain"}]
    assert body["messages"] == {
        "before": 2,
        "after": 2,
        "added": 1,
        "dropped": 1,
        "changed": 1,
        "unknown": 0,
    }
    assert {each["kind"]: each["step_ref"] for each in body["differences"]} == {
        "changed": "feed_1",
        "dropped": "email_1",
        "added": "feed_2",
    }
    assert {each["run_id"] for each in body["differences"]} == {run_id}
    lines = "\n".join(written(WhatIfOut.model_validate(body)))
    assert "1 run walked" in lines
    assert "~ changed: ellie, plain / feed_1 on in-app" in lines
    assert "      + <p>Hello <em>Ellie</em></p>" in lines
    assert "- dropped: ellie, plain / email_1 on smtp" in lines


async def test_a_promotion_is_tried(management: httpx.AsyncClient, account: Account) -> None:
    """What the first environment has published is tried on the runs of the next."""
    await _save(management, feed_step("Hello"), commit=True)
    await management.put("/v1/commits/promote", params={"to_environment": "production"})
    world = await account.world("production")
    await world.walk(await world.begin("plain", _ELLIE))
    await _save(management, feed_step("Bye"), commit=True)

    asked = {"from_environment": "development"}
    answer = await management.post(_PATH, json=asked, params={"environment": "production"})

    assert answer.json()["messages"]["changed"] == 1, answer.text
    assert answer.json()["from_environment"] == "development"


async def test_what_is_asked_wrongly_is_told(management: httpx.AsyncClient) -> None:
    """Bounds, unknown environments and faulty triggers are refused at their places."""
    too_much = {"runs": 5001, "seconds": 0, "triggers": [{"recipients": []}]}
    refused = await management.post(_PATH, json=too_much)
    nowhere = await management.post(_PATH, json={"from_environment": "nowhere"})
    unknown = {"triggers": [{"workflow": "nothing", "recipients": ["ellie"]}]}
    missing = await management.post(_PATH, json=unknown)

    fields = {error["field"] for error in refused.json()["errors"]}
    assert refused.status_code == 422
    assert fields == {"runs", "seconds", "triggers[0].workflow", "triggers[0].recipients"}
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "resource_missing")
    assert missing.json()["errors"][0]["field"] == "triggers[0].workflow"


async def test_only_so_many_are_tried_at_once(account: Account) -> None:
    """One more is refused at once; a place is free again after each try, however it ended."""
    app = application(account.engine)
    app.state.tries = asyncio.Semaphore(1)
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers=headers
    ) as client:
        await app.state.tries.acquire()
        refused = await client.post(_PATH, json={})
        app.state.tries.release()
        failed = await client.post(_PATH, json={"from_environment": "nowhere"})
        tried = await client.post(_PATH, json={})
    assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
    assert (failed.status_code, tried.status_code) == (404, 200)
