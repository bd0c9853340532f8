"""The Knock API under input that no honest client sends."""

from __future__ import annotations

import httpx

from tests.support.builders import Builder, Environment
from tests.support.hostile import send_all


async def test_no_input_is_a_fault(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Whatever is sent, the answer is no fault of ours, in Knock's shape, with a request id."""
    channel = await make.channel()
    await make.workflow(environment, "welcome")
    await make.user(environment, "ellie")
    await make.recipient(environment, "projects", "one")
    known = {
        "key": "welcome",
        "user_id": "ellie",
        "collection": "projects",
        "object_id": "one",
        "channel_id": str(channel),
        "message_id": await make.message(environment, channel),
        "run_id": await make.run(environment),
    }
    assert {200, 404, 405, 422} <= await send_all(client, "knock", known)
