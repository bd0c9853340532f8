"""Operators over HTTP: waiting runs, open batches, held channels, failed messages, explanations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.kit.clock import iso
from tests.support.account import Account
from tests.support.steps import CHANNEL_KEYS
from tests.support.world import World, batch_step, channel_step, delay_step


@pytest.fixture
async def home(account: Account) -> World:
    """Return the development environment of the account."""
    return await account.world()


async def _entries(management: httpx.AsyncClient, path: str, **params: str) -> list[Any]:
    response = await management.get(path, params=params)
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["entries"]
    return found


async def test_a_waiting_run_is_seen_moved_and_cancelled(
    management: httpx.AsyncClient, home: World
) -> None:
    """It tells what it waits for and until when; a cancel answers how many."""
    run_id, _ = await home.send(delay_step(seconds=3600), channel_step("feed"))
    (shown,) = await _entries(management, "/v1/admin/runs/waiting", recipient="ellie")
    assert shown["id"] == run_id
    assert (shown["waits_for"]["step_ref"], shown["waits_for"]["kind"]) == ("wait", "delay")

    path = f"/v1/admin/runs/{run_id}/wait"
    later = iso(home.engine.clock() + timedelta(days=300))
    moved = await management.post(path, json={"until": later})
    assert moved.json()["run"]["until"] == later
    too_late = await management.post(path, json={"until": "2099-01-01T00:00:00Z"})
    assert (too_late.status_code, too_late.json()["code"]) == (422, "wait_too_long")
    assert (await management.post(path, json={"until": "soon"})).status_code == 422
    assert (await management.post(f"/v1/admin/runs/{uuid4()}/wait")).status_code == 404
    elsewhere = {"environment": "production"}
    assert (await management.post(path, params=elsewhere)).status_code == 404
    assert await _entries(management, "/v1/admin/runs/waiting", **elsewhere) == []

    body = {"recipient": "ellie"}
    nobody = await management.post("/v1/admin/runs/cancel", json=body, params=elsewhere)
    assert nobody.status_code == 404
    for count in (1, 0):
        done = await management.post("/v1/admin/runs/cancel", json=body)
        assert done.json() == {"runs": count, "items": 0, "addressees": 0}
    assert (await management.post("/v1/admin/runs/cancel", json={})).status_code == 400


async def test_a_name_of_nothing_is_no_empty_answer(
    management: httpx.AsyncClient, home: World
) -> None:
    """Whoever misspells a key or an id is told so, and is not left to think that all is well."""
    await home.make.user(home.environment, "ellie")
    waiting, batches, cancel = (
        "/v1/admin/runs/waiting",
        "/v1/admin/batches",
        "/v1/admin/runs/cancel",
    )
    assert await _entries(management, waiting, workflow="welcome", recipient="ellie") == []
    assert await _entries(management, batches, workflow="welcome", recipient="ellie") == []
    run_id = str(uuid4())
    for answer, named in (
        (await management.get(waiting, params={"workflow": "welcom"}), "'welcom'"),
        (await management.get(waiting, params={"tenant": "acm"}), "'acm'"),
        (await management.get(batches, params={"recipient": "elie"}), "'elie'"),
        (await management.post(cancel, json={"workflow": "welcom"}), "'welcom'"),
        (await management.post(cancel, json={"recipient": "a", "collection": "dogs"}), "'dogs'"),
        (await management.post(cancel, json={"run_id": run_id}), run_id),
        (await management.post(cancel, json={"run_id": "mistyped"}), "'mistyped'"),
        (await management.post("/v1/admin/messages/retry", json={"tenant": "acm"}), "'acm'"),
        (await management.post("/v1/admin/what_if", json={"workflow": "welcom"}), "'welcom'"),
    ):
        body = answer.json()
        assert (answer.status_code, body["code"]) == (404, "resource_missing"), body
        assert named in body["message"]


async def test_a_batch_is_seen_thinned_and_closed(
    management: httpx.AsyncClient, home: World
) -> None:
    """Its items are listed, one is dropped, and it is closed before its time."""
    await home.publish("many", batch_step(), channel_step("feed"))
    runs = [await home.begin("many", data={"n": number}) for number in range(3)]
    for run_id in runs:
        await home.walk(run_id)
    (batch,) = await _entries(management, "/v1/admin/batches", workflow="many")
    path = f"/v1/admin/batches/{batch['id']}"
    assert batch["item_count"] == 3
    items = await _entries(management, f"{path}/items")
    assert [item["run_id"] for item in items] == runs

    assert (await management.delete(f"{path}/items/{runs[1]}")).status_code == 204
    assert (await management.delete(f"{path}/items/{runs[1]}")).status_code == 404
    assert (await management.get(path)).json()["batch"]["item_count"] == 2
    assert (await management.post(f"{path}/close")).json()["batch"]["closed_at"] is not None
    refused = await management.delete(f"{path}/items/{runs[2]}")
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_closed")
    assert await _entries(management, "/v1/admin/batches") == []
    for missing in (str(uuid4()), "nonsense"):
        assert (await management.get(f"/v1/admin/batches/{missing}")).status_code == 404
        assert (await management.get(f"/v1/admin/batches/{missing}/items")).status_code == 404
        assert (await management.post(f"/v1/admin/batches/{missing}/close")).status_code == 404


async def test_a_channel_is_held_and_released(management: httpx.AsyncClient) -> None:
    """Both answer how many messages are on their way; a feed cannot be held."""
    mail, feed = CHANNEL_KEYS["email"], CHANNEL_KEYS["in_app_feed"]
    for word, held in (("hold", [mail]), ("release", [])):
        path = f"/v1/admin/channels/{mail}/environments/development/{word}"
        assert (await management.post(path)).json() == {"count": 0}
        listed = (await management.get("/v1/admin/channels/holds")).json()["entries"]
        assert [each["channel"] for each in listed] == held
        assert all(each["environment"] == "development" and each["since"] for each in listed)
        missing = f"/v1/admin/channels/nowhere/environments/development/{word}"
        assert (await management.post(missing)).status_code == 404
    refused = await management.post(f"/v1/admin/channels/{feed}/environments/development/hold")
    assert (refused.status_code, refused.json()["code"]) == (422, "channel_not_holdable")


async def test_failed_messages_are_sent_again(
    management: httpx.AsyncClient, account: Account, home: World
) -> None:
    """By a filter, with an answer that says how many."""
    channel = await account.make.channel("email")
    for status in ("undelivered", "undelivered", "bounced", "delivered"):
        await account.make.message(
            home.environment, channel, channel_type="email", delivery_status=status
        )
    counts = [
        (await management.post("/v1/admin/messages/retry", json=body)).json()["count"]
        for body in ({"workflow": "invoice-paid"}, {}, {}, {"status": "bounced"})
    ]
    wrong = await management.post("/v1/admin/messages/retry", json={"status": "sent"})

    assert counts == [0, 2, 0, 1]
    assert wrong.status_code == 422


async def test_a_run_is_explained(management: httpx.AsyncClient, home: World) -> None:
    """In sentences, with what became of its messages."""
    run_id, _ = await home.send(channel_step("feed"))
    found = (await management.get(f"/v1/admin/runs/{run_id}/explanation")).json()

    assert found["lines"][0]["text"] == "The run started."
    assert found["messages"][0]["text"].endswith("it was delivered.")
    missing = await management.get(f"/v1/admin/runs/{uuid4()}/explanation")
    assert missing.status_code == 404


async def test_a_trigger_is_explained(management: httpx.AsyncClient, home: World) -> None:
    """Its runs are listed in pages, and who has none is named; elsewhere it is not there."""
    await home.publish("flow", channel_step("feed"))
    trigger = await home.trigger("flow", {"id": "ada"}, {"id": "ben"}, "bob")
    path = f"/v1/admin/triggers/{trigger}/explanation"
    found = (await management.get(path, params={"limit": "1"})).json()
    cursor = found["page_info"]["after"]
    rest = (await management.get(path, params={"limit": "1", "after": cursor})).json()

    assert {run["recipient"] for run in found["entries"] + rest["entries"]} == {"ada", "ben"}
    assert found["lines"][-1] == "Not stored, but only referred to by id: bob."
    assert rest["lines"] == found["lines"]
    assert (await management.get(path, params={"environment": "production"})).status_code == 404
    missing = f"/v1/admin/triggers/{uuid4()}/explanation"
    assert (await management.get(missing)).status_code == 404
