"""Webhooks over HTTP, from making to deleting."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.webhooks.events import EVENT_TYPES
from tests.support.account import Account

HOOKS = "/v1/admin/webhooks"
BODY = {"url": "https://example.com/hook?token=hush", "event_types": ["message.sent"]}


async def _made(management: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    response = await management.post(HOOKS, json=BODY, params=params)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()["webhook"]
    return found


async def test_a_webhook_from_making_to_deleting(management: httpx.AsyncClient) -> None:
    """Its key is shown once, its secrets never; it belongs to one environment."""
    made = await _made(management, environment="production")
    assert made["enabled"] is True
    assert made["signing_key"].startswith("whsec_")
    assert made["url"] == "https://example.com/hook?token=********"

    there = {"environment": "production"}
    listed = (await management.get(HOOKS, params=there)).json()["entries"]
    assert [entry["id"] for entry in listed] == [made["id"]]
    assert "signing_key" not in listed[0]
    assert (await management.get(HOOKS)).json()["entries"] == []
    assert (await management.get(f"{HOOKS}/{made['id']}")).status_code == 404

    path = f"{HOOKS}/{made['id']}"
    change = {"enabled": False, "event_types": ["message.read", "message.read"]}
    changed = (await management.put(path, params=there, json=change)).json()["webhook"]
    assert (changed["enabled"], changed["event_types"]) == (False, ["message.read"])
    same = (await management.put(path, params=there, json={"url": made["url"]})).json()["webhook"]
    assert same["url"] == made["url"]

    rotated = (await management.post(f"{path}/rotate", params=there)).json()["webhook"]
    assert rotated["signing_key"] != made["signing_key"]
    assert (await management.delete(path, params=there)).status_code == 204
    assert (await management.get(path, params=there)).status_code == 404
    assert (await management.delete(path, params=there)).status_code == 404


async def test_a_url_as_it_is_shown_keeps_its_secrets(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Sent back masked, a URL stays as it was; and it is stored sealed."""
    made = await _made(management)
    (before,) = await account.rows("SELECT * FROM webhook_endpoints")
    await management.put(f"{HOOKS}/{made['id']}", json={"url": made["url"]})
    (after,) = await account.rows("SELECT * FROM webhook_endpoints")

    assert "hush" not in str({**before, "sealed": bytes(before["sealed"])})
    assert before["shown_url"] == after["shown_url"]
    place = f"webhook/{before['environment_id']}/{before['id']}"
    assert account.engine.vault.open(after["sealed"], place)["url"] == BODY["url"]


async def test_what_was_told_is_in_the_log(management: httpx.AsyncClient) -> None:
    """A test event is listed, shown with its payload, and not made again while it is under way."""
    made = await _made(management)
    path = f"{HOOKS}/{made['id']}"
    delivery = (await management.post(f"{path}/test")).json()["delivery"]
    assert (delivery["status"], delivery["event_type"]) == ("waiting", "webhook.test")

    for params, count in (
        ({}, 1),
        ({"status": "waiting"}, 1),
        ({"status": "failed"}, 0),
        ({"event_type": "webhook.test"}, 1),
        ({"event_type": "message.sent"}, 0),
        ({"inserted_at.lt": "2020-01-01T00:00:00Z"}, 0),
    ):
        listed = await management.get(f"{path}/deliveries", params=params)
        assert len(listed.json()["entries"]) == count

    one = (await management.get(f"{path}/deliveries/{delivery['id']}")).json()["delivery"]
    assert one["payload"]["type"] == "webhook.test"
    assert one["requests"] == []
    again = await management.post(f"{path}/deliveries/{delivery['id']}/redeliver")
    assert (again.status_code, again.json()["code"]) == (422, "webhook_delivery_under_way")
    assert (await management.post(f"{path}/redeliver")).json() == {"count": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "https://example.com"}, "event_types"),
        ({**BODY, "url": "http://example.com"}, "url"),
        ({**BODY, "url": "ftp://example.com"}, "url"),
        ({**BODY, "url": "/hook"}, "url"),
        ({**BODY, "url": "https://"}, "url"),
        ({**BODY, "url": "https://[::1"}, "url"),
        ({**BODY, "url": "https://example.com:99999/"}, "url"),
        ({**BODY, "url": "https://user:word@example.com/"}, "url"),
        ({**BODY, "url": "https://example.com/a b"}, "url"),
        ({**BODY, "url": "https://example.com/" + "a" * 2048}, "url"),
        ({**BODY, "url": 5}, "url"),
        ({**BODY, "event_types": []}, "event_types"),
        ({**BODY, "event_types": ["message.created"]}, "event_types"),
        ({**BODY, "event_types": "message.sent"}, "event_types"),
        ({**BODY, "description": 5}, "description"),
    ],
)
async def test_wrong_bodies_are_refused(
    management: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    """Each violation is told at its place."""
    response = await management.post(HOOKS, json=body)

    assert response.status_code == 422
    assert field in [error["field"] for error in response.json()["errors"]]


async def test_all_types_may_be_asked_for(management: httpx.AsyncClient) -> None:
    """Every type that is documented is taken."""
    body = {**BODY, "event_types": list(EVENT_TYPES)}
    made = (await management.post(HOOKS, json=body)).json()["webhook"]

    assert made["event_types"] == sorted(EVENT_TYPES)


@pytest.mark.parametrize("word", ["7c7c9d26-0b0e-4a53-9d5f-3f6c1b0c2a11", "nonsense"])
async def test_what_is_not_there_is_missing(management: httpx.AsyncClient, word: str) -> None:
    """An unknown webhook is 404 everywhere, and so is an unknown delivery."""
    made = await _made(management)
    for method, path in (
        ("get", word),
        ("put", word),
        ("delete", word),
        ("post", f"{word}/rotate"),
        ("post", f"{word}/test"),
        ("post", f"{word}/redeliver"),
        ("get", f"{word}/deliveries"),
        ("get", f"{made['id']}/deliveries/{word}"),
        ("post", f"{made['id']}/deliveries/{word}/redeliver"),
    ):
        response = await management.request(method, f"{HOOKS}/{path}")
        assert response.status_code == 404, path


async def test_there_are_fifty_at_most(management: httpx.AsyncClient, account: Account) -> None:
    """The fifty-first is refused."""
    for _ in range(50):
        await _made(management)
    refused = await management.post(HOOKS, json=BODY)

    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_webhooks")
    subscribed = await account.rows("SELECT reader FROM outbox_subscriptions")
    assert [row["reader"] for row in subscribed] == ["webhooks"]
