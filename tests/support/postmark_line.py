"""A channel whose vendor, Postmark, is on this machine and tells what became of messages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from domain.deliveries.reports import Callback
from services.deliveries.reports import callback_id, take_callback
from tests.providers.servers import HttpServer, reply, serving
from tests.support.steps import channel_step
from tests.support.world import World

FROM = {"from_address": "hello@acme.example"}


class Line:
    """A channel of Postmark, its address, and messages on it."""

    def __init__(self, world: World, key: str, server: HttpServer) -> None:
        self.world = world
        self.key = key
        self.server = server

    async def make(self, **settings: str) -> UUID:
        """Make a message that is on its way; settings of its channel may be its own."""
        changes = {"channel_overrides": settings} if settings else {}
        step = channel_step("mail", "email", channel_key=self.key, **changes)
        run_id, _ = await self.world.send(step)
        (message,) = await self.world.messages(run_id)
        return UUID(str(message["id"]))

    async def send(self, external_id: str = "p-1") -> UUID:
        """Make a message that Postmark has taken."""
        message_id = await self.make()
        await self.deliver(message_id, external_id)
        return message_id

    async def deliver(self, message_id: UUID, external_id: str, *, retry: int = 0) -> None:
        """Have Postmark take a message under a name of its own."""
        body = json.dumps({"MessageID": external_id, "ErrorCode": 0}).encode()
        self.server.replies["/email"] = reply(200, body)
        assert await self.world.deliver(message_id, retry=retry) == "sent"

    async def tell(self, kind: str, message_id: Any, external_id: str = "p-1", **more: Any) -> int:
        """Tell what became of a message."""
        event = {
            "RecordType": kind,
            "MessageID": external_id,
            "Metadata": {"knock_message_id": str(message_id)},
            **more,
        }
        address = await callback_id(self.world.engine, self.world.environment.scope, self.key)
        return await take_callback(
            self.world.engine, address, Callback(json.dumps(event).encode(), {})
        )

    async def status(self, message_id: UUID) -> str:
        """Return what a message has come to."""
        return str((await self.world.message(message_id))["delivery_status"])


@asynccontextmanager
async def postmark_line(world: World) -> AsyncIterator[Line]:
    """Bring a channel of Postmark and its server for as long as the block lasts."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    near = world.with_parts(settings=settings)
    key = f"postmark-{uuid4().hex[:6]}"
    async with serving(HttpServer({})) as server:
        secrets = {"api_key": "key", "base_url": server.url}
        await near.channel(
            "email", key, provider="postmark", secrets=secrets, channel_settings=FROM
        )
        yield Line(near, key, server)
        await near.engine.providers.close()
