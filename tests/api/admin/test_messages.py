"""Retries by hand over HTTP."""

from __future__ import annotations

import httpx

from tests.support.account import Account
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import channel_step


async def test_a_failed_message_is_tried_again(
    management: httpx.AsyncClient, account: Account, temporal: TemporalRecorder
) -> None:
    """A retry starts one delivery in Temporal; a delivered message is refused."""
    home = (await account.world()).environment
    build = account.make
    channel = await build.channel("email")
    failed = await build.message(home, channel, channel_type="email", delivery_status="undelivered")
    done = await build.message(home, channel, channel_type="email", delivery_status="delivered")

    accepted = await management.post(f"/v1/admin/messages/{failed}/retry")
    refused = await management.post(f"/v1/admin/messages/{done}/retry")

    assert (accepted.status_code, accepted.json()) == (200, {"result": "success"})
    assert refused.status_code == 422
    assert len(temporal.starts) == 1


async def test_an_unknown_message_is_missing(management: httpx.AsyncClient) -> None:
    """What does not exist is 404."""
    response = await management.post("/v1/admin/messages/nowhere/retry")

    assert response.status_code == 404


async def test_a_message_that_waits_is_sent_at_another_time(
    management: httpx.AsyncClient, account: Account, temporal: TemporalRecorder
) -> None:
    """It answers both instants; what waits for nothing, and a time too far, are refused."""
    world = await account.world()
    await world.channel("email", "takes-all")
    _, advanced = await world.send(channel_step("mail", "email", channel_key="takes-all"))
    message_id = advanced.deliveries[0].message_id
    path = f"/v1/admin/messages/{message_id}/wait"
    await world.change_delivery(message_id, "due_at = now() + interval '1 hour', attempts = 1")
    temporal.starts.clear()

    moved = await management.post(path, json={"until": "2000-01-01T00:00:00Z"})
    assert moved.status_code == 200, moved.text
    assert moved.json()["message_id"] == message_id
    assert moved.json()["due_at"] < moved.json()["was_due_at"]
    assert len(temporal.starts) == 1
    assert await world.deliver(message_id) == "sent"

    for body, status, code in (
        ({}, 422, "message_not_waiting"),
        ({"until": "2999-01-01T00:00:00Z"}, 422, "wait_too_long"),
        ({"until": "soon"}, 422, "invalid_params"),
    ):
        refused = await management.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await management.post("/v1/admin/messages/nowhere/wait")).status_code == 404
