"""The preference center of an environment over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests.support.account import Account

PATH = "/v1/preference_center"


def config(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return what a page shows."""
    return {"title": "Mine", "body": "Choose", "show_account_name": False, "rows": list(rows)}


NEWS = {"type": "category", "name": "News", "identifier": "news", "channel_types": ["email"]}


async def test_it_is_built_in_at_first_and_off(management: httpx.AsyncClient) -> None:
    """With the row about commercial messages."""
    found = (await management.get(PATH)).json()
    assert found["enabled"] is False
    assert [row["type"] for row in found["config"]["rows"]] == ["commercial_subscribed"]
    assert (await management.get(f"{PATH}?environment=nowhere")).status_code == 404


async def test_it_is_set_for_one_environment_and_reset(management: httpx.AsyncClient) -> None:
    """Whether it is enabled stays where it is not said, and when it is reset."""
    before = (await management.get(PATH)).json()
    put = await management.put(PATH, json={"config": config(NEWS), "enabled": True})
    assert put.status_code == 200
    stored = put.json()
    assert stored["enabled"] is True
    assert stored["config"]["title"] == "Mine"
    assert stored["config"]["rows"][0] == NEWS
    assert stored["config"]["rows"][1]["type"] == "commercial_subscribed"
    assert (await management.get(PATH)).json() == stored
    assert (await management.get(f"{PATH}?environment=production")).json() == before

    again = (await management.put(PATH, json={"config": stored["config"]})).json()
    assert again == stored
    for _ in range(2):
        reset = (await management.put(f"{PATH}/reset")).json()
        assert reset == {"config": before["config"], "enabled": True}


async def test_a_row_is_about_a_channel_that_exists(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Categories and workflows are free words; a channel has to be there."""
    channels = (await management.get("/v1/channels")).json()["entries"]
    known = {"type": "channel", "name": "Letters", "identifier": channels[0]["id"].upper()}
    put = await management.put(PATH, json={"config": config(NEWS, known)})
    assert put.status_code == 200
    assert put.json()["config"]["rows"][1]["identifier"] == channels[0]["id"]
    unknown = {**known, "identifier": str(uuid4())}
    refused = await management.put(PATH, json={"config": config(known, unknown)})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["config.rows[1].identifier"]
    assert (await management.get(PATH)).json() == put.json()


async def test_faults_are_told_at_their_places(management: httpx.AsyncClient) -> None:
    """All at once; without a body, what is missing is named."""
    wrong = config({"type": "category", "name": ""}, {**NEWS, "channel_types": ["telex"]})
    refused = await management.put(PATH, json={"config": wrong, "enabled": 1})
    assert refused.status_code == 422
    assert sorted(error["field"] for error in refused.json()["errors"]) == [
        "config.rows[0].name",
        "config.rows[1].channel_types",
        "enabled",
    ]
    empty = await management.put(PATH)
    assert [error["field"] for error in empty.json()["errors"]] == ["config"]
