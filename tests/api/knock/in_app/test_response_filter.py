"""What a feed shows of people, data and variables, where its channel keeps some of it back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from domain.content.variables import VariableRequest
from domain.kit.json_types import JsonObject
from services.batches.windows import close_early
from services.content.variables import put_variable
from tests.support.account import Account
from tests.support.steps import batch_step, feed_step
from tests.support.world import World

ELLIE = {"id": "ellie", "name": "Ellie", "email": "ellie@example.com", "plan": "gold"}
ANN = {"id": "ann", "name": "Ann", "email": "ann@example.com", "card": {"last4": 1, "n": 2}}
SITE = {"collection": "sites", "id": "one", "name": "Isla", "email": "site@example.com"}
DATA = {"shown": "x", "hidden": "y", "deep": [{"shown": 1, "hidden": 2}]}
STEP = feed_step("{{ hidden }} of {{ actor.email }}")


async def _filter(world: World, said: Any) -> None:
    await world.make.rows(
        "UPDATE channel_environments SET channel_settings = %s WHERE environment_id = %s"
        " RETURNING 1",
        Jsonb({"response_filter": said}),
        world.environment.id,
    )


async def _feed(client: httpx.AsyncClient, world: World, **query: str) -> Any:
    (row,) = await world.make.rows("SELECT id FROM channels WHERE key = 'in-app'")
    return (await client.get(f"/v1/users/ellie/feeds/{row['id']}", params=query)).json()


@pytest.fixture
async def item(world: World) -> None:
    """Make an item that Ann has caused."""
    await world.send(STEP, recipients=[ELLIE], actor=ANN, data=DATA)


@pytest.mark.usefixtures("item")
@pytest.mark.parametrize("said", [None, {}, {"actor": True, "data": {"except": []}}])
async def test_by_default_all_is_shown(
    client: httpx.AsyncClient, world: World, said: JsonObject | None
) -> None:
    """Custom properties included, and nulls."""
    await _filter(world, said)
    (entry,) = (await _feed(client, world))["entries"]
    assert entry["data"] == DATA
    assert entry["actors"][0].items() >= {**ANN, "phone_number": None}.items()
    (activity,) = entry["activities"]
    assert activity["recipient"].items() >= ELLIE.items()


@pytest.mark.usefixtures("item")
@pytest.mark.parametrize("mode", ["rich", "compact"])
async def test_a_filter_keeps_members_back(
    client: httpx.AsyncClient, world: World, mode: str
) -> None:
    """Of people what says who they are stays; what a template wrote is shown as it is."""
    await _filter(
        world,
        {
            "actor": {"only": ["name", "card.n"]},
            "recipient": {"except": ["email", "plan"]},
            "data": {"except": ["hidden", "deep.hidden"]},
        },
    )
    (entry,) = (await _feed(client, world, mode=mode))["entries"]
    (actor,) = entry["actors"]
    assert actor.keys() == {"__typename", "id", "updated_at", "name", "card"}
    assert actor["card"] == {"n": 2}
    assert "y of ann@example.com" in entry["blocks"][0]["rendered"]
    data = {"shown": "x", "deep": [{"shown": 1}]}
    if mode == "compact":
        assert entry["data"] == {"shown": "x"}
        return
    (activity,) = entry["activities"]
    assert (entry["data"], activity["data"], activity["actor"]) == (data, data, actor)
    assert activity["recipient"]["name"] == "Ellie"
    assert not {"email", "plan"} & activity["recipient"].keys()


@pytest.mark.usefixtures("item")
async def test_a_filter_leaves_things_out_altogether(
    client: httpx.AsyncClient, world: World
) -> None:
    """The number of actors is shown all the same."""
    await _filter(world, {"actor": False, "recipient": False, "data": False})
    (entry,) = (await _feed(client, world))["entries"]
    assert (entry["actors"], entry["data"], entry["total_actors"]) == ([], {}, 1)
    (activity,) = entry["activities"]
    assert (activity["actor"], activity["data"]) == (None, {})
    assert "recipient" not in activity


@pytest.mark.parametrize("said", [{"only": ["name"]}, {"except": ["email", "properties.created"]}])
async def test_the_properties_of_an_object_are_its_members(
    client: httpx.AsyncClient, world: World, said: JsonObject
) -> None:
    """A path leads to them as to those of a user."""
    await world.send(STEP, recipients=[ELLIE], actor={**SITE, "created": 1})
    await _filter(world, {"actor": said})
    (entry,) = (await _feed(client, world))["entries"]
    (actor,) = entry["actors"]
    assert (actor["id"], actor["collection"]) == ("one", "sites")
    assert actor["properties"] == {"name": "Isla"}


async def test_each_item_of_a_batch_is_filtered(client: httpx.AsyncClient, world: World) -> None:
    """Its data and its actor."""
    await world.publish("gather", batch_step(), STEP)
    for actor in (ANN, SITE):
        await world.walk(await world.begin("gather", ELLIE, actor=actor, data=DATA))
    (batch,) = await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(batch["carrier_run_id"], "batch_1/resume")
    await _filter(world, {"actor": {"only": []}, "data": {"only": ["deep.shown"]}})
    (entry,) = (await _feed(client, world))["entries"]
    assert [each["data"] for each in entry["activities"]] == [{"deep": [{"shown": 1}]}] * 2
    assert [each["actor"]["id"] for each in entry["activities"]] == ["ann", "one"]
    assert "example.com" not in str([entry["actors"], entry["activities"][0]["actor"]])


async def test_variables_are_filtered(management: httpx.AsyncClient, account: Account) -> None:
    """Those that anybody may see; a filter that cannot be read hides them too."""
    world = await account.world()
    management.headers["authorization"] = f"Bearer {world.environment.secret_key}"
    for key in ("app_url", "app_name"):
        await put_variable(world.engine, key, VariableRequest.model_validate({"value": "x"}))
    for said, shown in (
        ({}, {"app_url", "app_name"}),
        ({"vars": {"only": ["app_url"]}}, {"app_url"}),
        ({"vars": False}, set()),
        ({"variables": False}, set()),
    ):
        await _filter(world, said)
        assert (await _feed(management, world))["vars"].keys() & {"app_url", "app_name"} == shown
