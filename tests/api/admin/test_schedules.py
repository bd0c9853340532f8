"""Schedules of operators over HTTP."""

from __future__ import annotations

from uuid import uuid4

import httpx

from tests.support.account import Account
from tests.support.schedules import FLOW, schedule
from tests.support.world import channel_step

_PATH = "/v1/admin/schedules"
DAILY = {"frequency": "daily", "hours": 9}


async def test_a_schedule_is_paused_and_resumed(
    management: httpx.AsyncClient, account: Account
) -> None:
    """While it is paused nothing is to come; afterwards it goes on."""
    world = await account.world()
    await world.publish(FLOW, channel_step("feed"))
    (made,) = await schedule(world, repeats=[DAILY])

    shown = (await management.get(f"{_PATH}/{made}")).json()["schedule"]
    assert (shown["workflow"], shown["paused_at"], shown["drop_reason"]) == (FLOW, None, None)
    paused = (await management.put(f"{_PATH}/{made}/pause")).json()["schedule"]
    assert paused["paused_at"] is not None
    assert paused["next_occurrence_at"] is None
    resumed = (await management.put(f"{_PATH}/{made}/resume")).json()["schedule"]
    assert resumed == shown


async def test_what_is_not_there_is_missing(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Neither an unknown id nor a schedule of another environment can be paused."""
    world = await account.world()
    await world.publish(FLOW, channel_step("feed"))
    (made,) = await schedule(world, repeats=[DAILY])
    for path in (f"{uuid4()}", "nothing", f"{made}?environment=production"):
        schedule_id, _, query = path.partition("?")
        for method, action in (("GET", ""), ("PUT", "/pause"), ("PUT", "/resume")):
            answer = await management.request(method, f"{_PATH}/{schedule_id}{action}?{query}")
            assert answer.status_code == 404
