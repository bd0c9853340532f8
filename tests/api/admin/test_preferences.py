"""The default preferences of an environment."""

from __future__ import annotations

import httpx
import pytest

from tests.support.account import Account
from tests.support.steps import feed_step

_PATH = "/v1/admin/environments/development/preference_set"
_EMPTY = dict.fromkeys(
    ("channel_types", "channels", "categories", "workflows", "commercial_subscribed")
)


async def test_defaults_are_set_merged_and_deleted(management: httpx.AsyncClient) -> None:
    """They replace what was there unless they say otherwise; other environments have their own."""
    nothing = {"preference_set": {"id": "default", **_EMPTY}}
    assert (await management.get(_PATH)).json() == nothing
    first = {"channel_types": {"sms": False}, "workflows": {"w": True}}
    stored = await management.put(_PATH, json=first)
    assert stored.json() == {"preference_set": {"id": "default", **_EMPTY, **first}}
    merge = {"__persistence_strategy__": "merge", "workflows": {"x": False}}
    merged = (await management.put(_PATH, json=merge)).json()["preference_set"]
    assert merged["workflows"] == {"w": True, "x": False}
    assert (await management.get(_PATH)).json() == {"preference_set": merged}
    assert (await management.get(_PATH.replace("development", "production"))).json() == nothing
    replaced = (await management.put(_PATH, json={"categories": {"c": False}})).json()
    assert replaced == {"preference_set": {"id": "default", **_EMPTY, "categories": {"c": False}}}
    for _ in range(2):
        assert (await management.delete(_PATH)).status_code == 204
    assert (await management.get(_PATH)).json() == nothing


async def test_what_is_answered_can_be_sent_back(management: httpx.AsyncClient) -> None:
    """The set may stand under its name; what is wrong with it is then told below that."""
    await management.put(_PATH, json={"channel_types": {"sms": False}})
    answered = (await management.get(_PATH)).json()
    assert (await management.put(_PATH, json=answered)).json() == answered
    for wrong, field in (
        ({"channel_types": {"email": 1}}, "preference_set.channel_types.email"),
        (None, "preference_set"),
    ):
        refused = await management.put(_PATH, json={"preference_set": wrong})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == field
    assert (await management.get(_PATH)).json() == answered


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_environment_has_none(management: httpx.AsyncClient, method: str) -> None:
    """It is a 404."""
    path = _PATH.replace("development", "nowhere")
    assert (await management.request(method, path, json={})).status_code == 404


async def test_bad_defaults_are_refused(management: httpx.AsyncClient) -> None:
    """Each violation is at its place, and what was there stays."""
    await management.put(_PATH, json={"categories": {"c": False}})
    refused = await management.put(_PATH, json={"channel_types": {"email": 1}, "workflows": 2})
    fields = [error["field"] for error in refused.json()["errors"]]
    assert (refused.status_code, fields) == (422, ["channel_types.email", "workflows"])
    large = {"workflows": {f"{'w' * 200}{index}": False for index in range(1_500)}}
    assert (await management.put(_PATH, json=large)).status_code == 422
    kept = (await management.get(_PATH)).json()["preference_set"]
    assert (kept["categories"], kept["workflows"]) == ({"c": False}, None)


async def test_defaults_take_effect_at_once(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Processes keep them with the configuration, whose version the change raises."""
    world = await account.world()
    await world.publish("news", feed_step())
    first = await world.begin("news")
    await world.walk(first)
    await management.put(_PATH, json={"workflows": {"news": False}})
    second = await world.begin("news")
    await world.walk(second)
    await management.delete(_PATH)
    third = await world.begin("news")
    await world.walk(third)
    counts = [len(await world.messages(run_id)) for run_id in (first, second, third)]
    assert counts == [1, 0, 1]
