"""Messages and feed items that tell of a batch show all of its items."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.batches.windows import close_early
from tests.support.world import World, batch_step, channel_step

KEY = "gather"
ACTORS = ("Ann", "Bob", "Ann")
TEXT = "x" * 300


@pytest.fixture
async def message(world: World) -> dict[str, Any]:
    """Gather three items of two actors, and return the message that tells of them."""
    await world.publish(KEY, batch_step(batch_items_render_limit=2), channel_step("feed"))
    for number, name in enumerate(ACTORS, start=1):
        actor = {"id": name.lower(), "name": name}
        data = {"n": number, "deep": {"n": number}, "text": TEXT}
        await world.walk(await world.begin(KEY, actor=actor, data=data))
    (batch,) = await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(batch["carrier_run_id"], "batch_1/resume")
    (made,) = await world.messages(str(batch["carrier_run_id"]))
    return made


async def test_the_activities_of_a_message(
    client: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    """Every item is an activity with its own data and actor, oldest first, in pages."""
    path = f"/v1/messages/{message['id']}/activities"
    first = (await client.get(path, params={"page_size": 2})).json()
    after = first["page_info"]["after"]
    second = (await client.get(path, params={"page_size": 2, "after": after})).json()

    items = first["items"] + second["items"]
    assert [item["data"] for item in items] == [
        {"n": n, "deep": {"n": n}, "text": TEXT} for n in (1, 2, 3)
    ]
    assert [item["actor"]["name"] for item in items] == list(ACTORS)
    assert {item["recipient"]["id"] for item in items} == {"ellie"}
    assert len({item["id"] for item in items}) == 3
    assert second["page_info"]["after"] is None


async def test_activities_by_their_data(client: httpx.AsyncClient, message: dict[str, Any]) -> None:
    """A filter finds the items whose own data it describes."""
    path = f"/v1/messages/{message['id']}/activities"
    found = await client.get(path, params={"trigger_data": '{"n": 2}'})

    assert [item["data"]["n"] for item in found.json()["items"]] == [2]


async def test_a_message_is_found_by_its_combined_data(
    client: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    """A.1: a list finds a message by the newest item's values, and not by those that lost."""
    found = [
        len(
            (await client.get("/v1/messages", params={"trigger_data": f'{{"n": {n}}}'})).json()[
                "items"
            ]
        )
        for n in (1, 3)
    ]

    assert found == [0, 1]


async def test_the_actors_of_a_message(client: httpx.AsyncClient, message: dict[str, Any]) -> None:
    """A message names each actor of its rendered items once."""
    shown = (await client.get(f"/v1/messages/{message['id']}")).json()

    assert shown["actors"] == ["ann", "bob"]


async def test_a_feed_item_shows_its_items(
    client: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    """A feed counts all items and actors, and shows each with its own data and id."""
    path = f"/v1/users/ellie/feeds/{message['channel_id']}"
    (entry,) = (await client.get(path)).json()["entries"]

    assert (entry["total_activities"], entry["total_actors"]) == (3, 2)
    assert [each["data"]["n"] for each in entry["activities"]] == [1, 2, 3]
    assert [each["actor"]["name"] for each in entry["activities"]] == list(ACTORS)
    activities = (await client.get(f"/v1/messages/{message['id']}/activities")).json()["items"]
    assert [each["id"] for each in entry["activities"]] == [each["id"] for each in activities]


async def test_a_compact_feed_leaves_them_out(
    client: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    """In compact mode an item has its number of actors, and the data that its message keeps."""
    path = f"/v1/users/ellie/feeds/{message['channel_id']}"
    (entry,) = (await client.get(path, params={"mode": "compact"})).json()["entries"]

    assert "activities" not in entry
    assert entry["total_actors"] == 2
    assert entry["data"] == {"n": 3, "text": TEXT[:256]}
