"""Guides over HTTP, as the official client asks for them and tells what users did."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.guides import CHANNEL_KEY, guide_step, publish_guide
from tests.support.world import World

ROOT = "/v1/users/ellie/guides"


@pytest.fixture
async def channel(world: World) -> UUID:
    """Make a channel of guides, and a user."""
    await world.make.user(world.environment, "ellie", name="Ellie")
    return await world.channel("in_app_guide", CHANNEL_KEY)


async def _list(client: httpx.AsyncClient, channel: UUID, **query: str) -> JsonObject:
    response = await client.get(f"{ROOT}/{channel}", params=query)
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


def _step(channel: UUID, guide_id: UUID, **more: Any) -> JsonObject:
    return {
        "channel_id": str(channel),
        "guide_id": str(guide_id),
        "guide_key": "tour",
        "guide_step_ref": "step_1",
        **more,
    }


async def test_the_list(client: httpx.AsyncClient, world: World, channel: UUID) -> None:
    """It has what the client needs: steps with their message, patterns, one group, and markers."""
    patterns = [{"directive": "allow", "pathname": "/home", "search": None}]
    guide_id = await publish_guide(
        world, "tour", guide_step(title="Hi {{ data.who }}"), activation_url_patterns=patterns
    )
    await publish_guide(world, "off", active=False)
    body = await _list(client, channel, data=json.dumps({"who": "you"}))
    (entry,) = body["entries"]
    assert (entry["__typename"], entry["id"], entry["key"]) == ("Guide", str(guide_id), "tour")
    assert (entry["type"], entry["active"], entry["channel_id"]) == ("banner", True, str(channel))
    assert entry["semver"] == "0.0.1"
    assert entry["activation_url_patterns"] == [{"directive": "allow", "pathname": "/home"}]
    (step,) = entry["steps"]
    assert step["content"] == {"title": "Hi you"}
    assert set(step["message"].values()) == {None}
    (group,) = body["guide_groups"]
    assert (group["key"], group["display_sequence"]) == ("default", ["tour", "off"])
    assert not group.keys() & {"display_interval", "inserted_at", "updated_at"}
    assert group["display_sequence_throttled"] == ["tour", "off"]
    assert body["guide_group_display_logs"] == {}
    assert body["ineligible_guides"] == [
        {
            "__typename": "GuideIneligibilityMarker",
            "key": "off",
            "reason": "guide_not_active",
            "message": "The guide is not active.",
        }
    ]


async def test_what_a_user_does(client: httpx.AsyncClient, world: World, channel: UUID) -> None:
    """Seen, interacted, archived, back, and reset; a message tells of it with its source."""
    guide_id = await publish_guide(world, "tour")
    seen = _step(channel, guide_id, content={"title": "Hello"})
    for path, body in (
        ("seen", seen),
        ("interacted", _step(channel, guide_id, metadata={"button": "primary"})),
        ("archived", _step(channel, guide_id)),
    ):
        response = await client.put(f"{ROOT}/messages/{path}", json=body)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
    listed = await _list(client, channel)
    assert [one["reason"] for one in listed["ineligible_guides"]] == ["marked_as_archived"]
    assert set(listed["guide_group_display_logs"]) == {"default"}

    message = (await client.get("/v1/users/ellie/messages")).json()["items"][0]
    assert (message["source"]["type"], message["source"]["key"]) == ("guide", "tour")
    assert message["engagement_statuses"] == ["seen", "read", "interacted", "archived"]
    content = await client.get(f"/v1/messages/{message['id']}/content")
    assert content.json()["data"]["content"] == {"title": "Hello"}
    events = (await client.get(f"/v1/messages/{message['id']}/events")).json()["items"]
    assert [one["type"] for one in events][-3:] == [
        "message.delivered",
        "message.queued",
        "message.created",
    ]

    named = {"guide_key": "tour", "tenant": "acme"}
    back = await client.request("DELETE", f"{ROOT}/messages/archived", json=named)
    assert back.json() == {"status": "ok"}
    (entry,) = (await _list(client, channel))["entries"]
    assert entry["steps"][0]["message"]["id"] == message["id"]
    path = f"{ROOT}/messages/{message['id']}/archived"
    by_id = await client.put(path, json=_step(channel, guide_id))
    assert by_id.status_code == 200
    assert (await client.put(f"{ROOT}/engagements/reset", json=named)).json() == {"status": "ok"}
    (entry,) = (await _list(client, channel))["entries"]
    assert entry["steps"][0]["message"]["id"] is None


async def test_what_a_page_may_not_do(
    anonymous: httpx.AsyncClient, world: World, channel: UUID
) -> None:
    """With a public key a guide is archived; only a server brings it back."""
    guide_id = await publish_guide(world, "tour")
    anonymous.headers["authorization"] = f"Bearer {world.environment.public_key}"
    step = _step(channel, guide_id)
    path = f"{ROOT}/messages/archived"
    assert (await anonymous.put(path, json=step)).status_code == 200
    refused = await anonymous.request("DELETE", path, json={"guide_key": "tour"})
    assert (refused.status_code, refused.json()["code"]) == (401, "incorrect_token_type")


async def test_what_is_refused(client: httpx.AsyncClient, world: World, channel: UUID) -> None:
    """Data that is no object, a body without its step, and what does not exist."""
    guide_id = await publish_guide(world, "tour")
    assert (await client.get(f"{ROOT}/nothing")).status_code == 404
    response = await client.put(f"{ROOT}/messages/seen", json={})
    assert {error["field"] for error in response.json()["errors"]} == {
        *("channel_id", "guide_id", "guide_key", "guide_step_ref", "content")
    }
    other = _step(channel, guide_id)
    path = f"{ROOT}/messages/{guide_id}/archived"
    assert (await client.put(path, json=other)).status_code == 404
    assert (await _list(client, channel))["entries"][0]["steps"][0]["message"]["id"] is None
    odds = (
        {"tenant": "a\x00"},
        {"tenant": "\ud800"},
        {"tenant": "t" * 257},
        {"content": {"a": "\x00"}},
    )
    for odd in odds:
        body = json.dumps(_step(channel, guide_id, **{"content": {}, **odd}))
        assert (await client.put(f"{ROOT}/messages/seen", content=body)).status_code == 422


@pytest.mark.parametrize(
    "data",
    [
        *("data", "[]", "[1]", " ", "0", '"a"', "[" * 20_000, '{"a":' * 4_000, "{"),
        *('{"a": NaN}', '{"a": 1e999}', '{"a": "\\u0000"}', '{"a": "\\ud800"}'),
    ],
)
async def test_odd_data_is_refused(client: httpx.AsyncClient, channel: UUID, data: str) -> None:
    """By the name of the parameter: what is no object, or could not be stored."""
    response = await client.get(f"{ROOT}/{channel}", params={"data": data})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["data"]


async def test_data_that_is_empty(client: httpx.AsyncClient, channel: UUID) -> None:
    """An object without members, or no value, is no data."""
    for data in ("{}", " {} ", "", "null"):
        await _list(client, channel, data=data)
