"""Broadcasts over HTTP, as the Management SDK calls them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import Account
from tests.support.broadcasts import make_runs
from tests.support.steps import batch_step, feed_step

PATH = "/v1/broadcasts/sale"
FAR = "2099-03-20T10:00:00Z"
DEVELOPMENT = {"environment": "development"}


def _sale(*steps: JsonObject, **changes: Any) -> JsonObject:
    return {"name": "Sale", "steps": list(steps or [feed_step()]), **changes}


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"broadcast": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def _act(client: httpx.AsyncClient, action: str, **body: Any) -> JsonObject:
    broadcast: JsonObject = (await _ok(await client.put(f"{PATH}/{action}", json=body)))[
        "broadcast"
    ]
    return broadcast


async def test_a_draft(management: httpx.AsyncClient) -> None:
    """Writes answer `{"broadcast": …}`, reads the broadcast itself, with what was left out."""
    written = await _ok(await _put(management, _sale(description="All of it", categories=["a"])))
    read = await _ok(await management.get(PATH, params=DEVELOPMENT))
    assert written == {"broadcast": read}
    assert (read["status"], read["valid"], read["environment"]) == ("draft", True, "development")
    assert read["settings"] == {"is_commercial": True, "override_preferences": False}
    assert (read["scheduled_at"], read["sent_at"], read["archived_at"]) == (None, None, None)
    assert "target_audience_key" not in read
    again = await _ok(await _put(management, _sale(description="All of it", categories=["a"])))
    assert again == written


async def test_from_draft_to_sent(management: httpx.AsyncClient, account: Account) -> None:
    """It is scheduled, cancelled, written anew, and sent at once to every user."""
    await _ok(await _put(management, _sale()))
    scheduled = await _act(management, "send", send_at=FAR)
    assert (scheduled["status"], scheduled["scheduled_at"][:10]) == ("scheduled", "2099-03-20")
    refused = await _put(management, _sale())
    assert (refused.status_code, refused.json()["code"]) == (422, "broadcast_not_draft")
    cancelled = await _act(management, "cancel")
    assert (cancelled["status"], cancelled["scheduled_at"]) == ("draft", None)
    await _ok(await _put(management, _sale(feed_step("News"))))
    world = await account.world()
    await world.make.user(world.environment, "ellie")
    sent = await _act(management, "send")
    assert (sent["status"], sent["sent_at"] is None) == ("sent", False)
    refused = await management.put(f"{PATH}/send")
    assert (refused.status_code, refused.json()["code"]) == (422, "broadcast_not_draft")
    run = next(run for run in await make_runs(world) if run["recipient_id"] == "ellie")
    await world.walk(run["id"])
    (message,) = await world.messages(str(run["id"]))
    client = management
    secret = {"authorization": f"Bearer {world.environment.secret_key}"}
    read = await _ok(await client.get(f"/v1/messages/{message['id']}", headers=secret))
    assert (read["source"]["type"], read["source"]["key"]) == ("broadcast", "sale")
    shown = await _ok(await client.get(f"/v1/workflow_recipient_runs/{run['id']}", headers=secret))
    assert (shown["trigger_source"]["type"], shown["workflow"]) == ("broadcast", "sale")


async def test_they_are_listed_newest_first(management: httpx.AsyncClient) -> None:
    """In pages, those of one environment; another one has its own under the same keys."""
    for key in ("first", "second", "third"):
        await _ok(await _put(management, _sale(), f"/v1/broadcasts/{key}"))
    await _ok(await _put(management, _sale(), environment="production"))
    page = await _ok(await management.get("/v1/broadcasts", params={"limit": "2"}))
    assert [entry["key"] for entry in page["entries"]] == ["third", "second"]
    after = {"after": page["page_info"]["after"], "limit": "2"}
    rest = await _ok(await management.get("/v1/broadcasts", params=after))
    assert [entry["key"] for entry in rest["entries"]] == ["first"]
    there = await _ok(await management.get("/v1/broadcasts", params={"environment": "production"}))
    assert [entry["key"] for entry in there["entries"]] == ["sale"]
    assert (await management.get(PATH)).status_code == 404


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "broadcast"),
        (_sale(name=""), "name"),
        (_sale(batch_step()), "steps[0].type"),
        (_sale(feed_step("{{ oops")), "steps[0].template.markdown_body"),
    ],
)
async def test_a_broken_one_names_its_field(
    management: httpx.AsyncClient, document: Any, field: str
) -> None:
    """It is judged when it is saved or validated, and nothing is kept."""
    for path in (PATH, f"{PATH}/validate"):
        response = await _put(management, document, path)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await management.get(PATH)).status_code == 404


async def test_validation_keeps_nothing(management: httpx.AsyncClient) -> None:
    """A good one is answered as it would be saved; one that refers to nothing is refused."""
    judged = await _ok(await _put(management, _sale(), f"{PATH}/validate"))
    assert (judged["broadcast"]["status"], judged["broadcast"]["valid"]) == ("draft", True)
    refused = await _put(management, _sale(target_audience_key="nobody"), f"{PATH}/validate")
    assert [error["field"] for error in refused.json()["errors"]] == ["target_audience_key"]
    partial = _sale(feed_step("{% render 'unknown' %}"))
    refused = await _put(management, partial, f"{PATH}/validate")
    assert [error["field"] for error in refused.json()["errors"]] == [
        "steps[0].template.markdown_body"
    ]
    assert (await management.get(PATH)).status_code == 404


async def test_what_is_not_there(management: httpx.AsyncClient) -> None:
    """An unknown one is neither sent nor cancelled, and a draft cannot be cancelled."""
    for action in ("send", "cancel"):
        assert (await management.put(f"{PATH}/{action}", json={})).status_code == 404
    await _ok(await _put(management, _sale()))
    refused = await management.put(f"{PATH}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (422, "broadcast_not_scheduled")
    refused = await management.put(f"{PATH}/send", json={"send_at": "soon"})
    assert [error["field"] for error in refused.json()["errors"]] == ["send_at"]
