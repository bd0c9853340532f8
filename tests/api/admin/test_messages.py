"""Retries by hand over HTTP."""

from __future__ import annotations

import httpx

from tests.support.account import Account
from tests.support.temporal_recorder import TemporalRecorder


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
