"""An item of a feed that waits for its send window is there for servers, and for nobody's feed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from domain.kit.json_types import JsonObject
from services.bulk.departures import merge_users
from services.deliveries.waits import move_delivery
from tests.support.bulk import finish
from tests.support.send_windows import closed_for_now
from tests.support.steps import feed_step
from tests.support.webhooks import hooked
from tests.support.world import World

ELLIE = {"id": "ellie", "name": "Ellie"}


async def _channel(world: World) -> UUID:
    (row,) = await world.make.rows("SELECT id FROM channels WHERE key = 'in-app'")
    return UUID(str(row["id"]))


@pytest.fixture
async def path(world: World) -> str:
    """Return the path of Ellie's feed."""
    return f"/v1/users/ellie/feeds/{await _channel(world)}"


async def _hold_back(world: World, **body: Any) -> str:
    """Make an item for Ellie outside of its window."""
    step = feed_step("Later", send_windows=closed_for_now(world))
    run_id, _ = await world.send(step, recipients=[ELLIE], **body)
    (message,) = await world.messages(run_id)
    return str(message["id"])


async def _open(world: World, item: str) -> None:
    await world.change_delivery(item, "due_at = now()")
    assert await world.deliver(item) == "delivered"


async def _feed(client: httpx.AsyncClient, path: str, query: str = "") -> tuple[list[str], Any]:
    body = (await client.get(f"{path}?{query}")).json()
    counts: JsonObject = body["meta"]
    return [each["id"] for each in body["entries"]], (
        counts["total_count"],
        counts["unread_count"],
        counts["unseen_count"],
    )


async def test_it_is_in_the_feed_from_its_opening_on(
    client: httpx.AsyncClient, world: World, path: str
) -> None:
    """Neither listed nor counted before, with any filter; then at the place of when it was made."""
    held = await _hold_back(world, tenant="acme", data={"n": 1})
    await world.send(feed_step("Now"), recipients=[ELLIE])
    (shown,), counts = await _feed(client, path)
    assert (shown != held, counts) == (True, (1, 1, 1))
    for query in ("status=unread", "archived=include", "has_tenant=true", 'trigger_data={"n":1}'):
        assert held not in (await _feed(client, path, query))[0]
    assert await _feed(client, path, "tenant=acme&has_tenant=true") == ([], (0, 0, 0))

    message = (await client.get(f"/v1/messages/{held}")).json()
    assert (message["status"], message["scheduled_at"] is not None) == ("queued", True)
    listed = (await client.get("/v1/messages?status=queued")).json()["items"]
    assert [each["id"] for each in listed] == [held]

    await _open(world, held)
    assert await _feed(client, path) == ([shown, held], (2, 2, 2))
    opened = (await client.get(f"/v1/messages/{held}")).json()
    assert opened["status"] == "delivered"
    for member in ("scheduled_at", "inserted_at"):
        assert opened[member] == message[member]


async def test_its_story(client: httpx.AsyncClient, world: World) -> None:
    """It is queued while it waits and delivered once, which endpoints are told then."""
    async with hooked(world, "message.delivered") as hook:
        held = await _hold_back(world)
        assert await hook.take() == []
        await _open(world, held)
        assert await world.deliver(held) == "delivered", "again, as after a lost answer"
        assert [each.event_type for each in await hook.take()] == ["message.delivered"]
    events = (await client.get(f"/v1/messages/{held}/events")).json()["items"]
    assert [each["type"] for each in events] == [
        "message.delivered",
        "message.queued",
        "message.created",
    ]
    assert events[0]["inserted_at"] >= events[1]["inserted_at"]
    assert (await client.get(f"/v1/messages/{held}/delivery_logs")).json()["items"] == []


async def test_a_page_does_not_reach_it(anonymous: httpx.AsyncClient, world: World) -> None:
    """By its id it does not exist for a public key, and is not marked, until it is shown."""
    held = await _hold_back(world)
    anonymous.headers["authorization"] = f"Bearer {world.environment.public_key}"
    assert (await anonymous.get(f"/v1/messages/{held}")).status_code == 404
    assert (await anonymous.put(f"/v1/messages/{held}/seen")).status_code == 404
    marked = await anonymous.post("/v1/messages/batch/read", json={"message_ids": [held]})
    assert marked.json() == []
    assert (await world.message(held))["seen_at"] is None
    assert (await world.message(held))["read_at"] is None

    await _open(world, held)
    assert (await anonymous.put(f"/v1/messages/{held}/seen")).status_code == 200


@pytest.mark.parametrize("action", ["read", "archive", "delete"])
async def test_all_that_is_there(
    client: httpx.AsyncClient, world: World, path: str, action: str
) -> None:
    """Who marks a whole feed means what it shows; who deletes a channel's messages, all of them."""
    held = await _hold_back(world)
    await world.send(feed_step("Now"), recipients=[ELLIE])
    bulk = f"/v1/channels/{await _channel(world)}/messages/bulk/{action}"
    begun = (await client.post(bulk, json={"user_ids": ["ellie"]})).json()
    assert begun["estimated_total_rows"] == (2 if action == "delete" else 1)
    await finish(world.engine, world.environment, begun["id"])
    if action == "delete":
        assert (await client.get(f"/v1/messages/{held}")).status_code == 404
        assert await world.deliver(held) == "deleted"
        return
    await _open(world, held)
    message = await world.message(held)
    assert (message["read_at"], message["archived_at"]) == (None, None)
    assert held in (await _feed(client, path))[0]


async def test_what_opens_meanwhile_is_not_marked(
    client: httpx.AsyncClient, world: World, path: str
) -> None:
    """Who marks a whole feed means what it showed then, however long the operation waits."""
    held = await _hold_back(world)
    bulk = f"/v1/channels/{await _channel(world)}/messages/bulk/read"
    begun = (await client.post(bulk, json={"user_ids": ["ellie"]})).json()
    await _open(world, held)
    await finish(world.engine, world.environment, begun["id"])
    assert (await world.message(held))["read_at"] is None


async def test_it_moves_with_its_user(client: httpx.AsyncClient, world: World, path: str) -> None:
    """A user is merged while an item waits: the feed that has it now leaves it out, until then."""
    held = await _hold_back(world)
    await world.identify("grace")
    await merge_users(world.engine, world.environment.scope, "grace", "ellie")
    graces = path.replace("ellie", "grace")
    assert await _feed(client, graces) == ([], (0, 0, 0))
    await _open(world, held)
    assert await _feed(client, graces) == ([held], (1, 1, 1))


async def test_operators_open_its_window(
    client: httpx.AsyncClient, world: World, path: str
) -> None:
    """Its wait is skipped as that of any message."""
    held = await _hold_back(world)
    moved = await move_delivery(world.engine, world.environment.scope, UUID(held), None)
    assert (await world.message(held))["scheduled_at"] == moved.due_at
    assert await world.deliver(held) == "delivered"
    assert (await _feed(client, path))[0] == [held]


async def test_a_cancel_comes_too_late(client: httpx.AsyncClient, world: World, path: str) -> None:
    """What was made goes out, as an e-mail that waits does."""
    await world.publish("flow", feed_step("Later", send_windows=closed_for_now(world)))
    run_id = await world.begin("flow", ELLIE, cancellation_key="k")
    (order,) = (await world.walk(run_id)).deliveries
    await world.cancel("flow", "k")
    assert [each.message_id for each in (await world.walk(run_id)).deliveries] == [order.message_id]
    await _open(world, order.message_id)
    assert (await _feed(client, path))[0] == [order.message_id]
