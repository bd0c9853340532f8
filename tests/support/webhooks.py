"""An endpoint of a test's environment, and a receiver on loopback that it names."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.contract.deliveries import WebhookDeliveryInput
from domain.kit.pages import PageRequest
from domain.webhooks.deliveries import DeliveryFilters, WebhookDelivery
from domain.webhooks.endpoints import WebhookChange, WebhookRequest
from services.attempts import TryAgain
from services.webhooks import endpoints, fan_out, log
from services.webhooks.deliver import make_attempt
from tests.support.webhook_target import Call, Target, listening_target
from tests.support.world import World

PATH = "/hook"


@dataclass
class Hook:
    """An endpoint with its receiver.

    Attributes:
        world: where it is; its process may call loopback.
        target: the receiver.
        id: of the endpoint.
        key: that signs.
    """

    world: World
    target: Target
    id: UUID
    key: str

    async def take(self) -> list[WebhookDelivery]:
        """Take what has happened, have its deliveries started, and return all, oldest first."""
        while await fan_out.take_events(self.world.engine):
            pass
        await fan_out.start_deliveries(self.world.engine)
        return await self.deliveries()

    async def deliveries(self) -> list[WebhookDelivery]:
        """Return the deliveries to the endpoint, oldest first."""
        engine, scope = self.world.engine, self.world.environment.scope
        page = await log.list_deliveries(
            engine, scope, self.id, DeliveryFilters(), PageRequest(1000)
        )
        return [*reversed(page.rows)]

    async def attempt(self, delivery: WebhookDelivery) -> str:
        """Make one attempt; returns where the delivery stands, or `again`."""
        order = WebhookDeliveryInput(str(delivery.id), str(self.world.environment.id))
        try:
            return await make_attempt(self.world.engine, order)
        except TryAgain:
            return "again"

    async def tell(self) -> list[Call]:
        """Take what has happened and make one attempt at each delivery; returns all calls."""
        for delivery in await self.take():
            await self.attempt(delivery)
        return self.calls

    async def change(self, **members: Any) -> None:
        """Change the endpoint."""
        change = WebhookChange.model_validate(members)
        scope = self.world.environment.scope
        await endpoints.change_endpoint(self.world.engine, scope, self.id, change)

    @property
    def calls(self) -> list[Call]:
        """Return what the receiver got."""
        return self.target.to(PATH)


def is_signed(call: Call, key: str) -> bool:
    """Check a signature as Knock's documentation tells receivers to, without code of ours."""
    stamp, signature = call.headers["x-knock-signature"].split(",", 1)
    signed = stamp.removeprefix("t=").encode() + b"." + call.body
    expected = base64.b64encode(hmac.digest(key.encode(), signed, hashlib.sha256)).decode()
    return hmac.compare_digest(signature, f"s={expected}")


def open_to_loopback(world: World) -> World:
    """Return the same environment seen by a process that may call loopback."""
    changes = {"allow_private_egress": True}
    return world.with_parts(settings=world.engine.settings.model_copy(update=changes))


@asynccontextmanager
async def hooked(world: World, *event_types: str) -> AsyncIterator[Hook]:
    """Have an endpoint told of some events while the block runs."""
    near = open_to_loopback(world)
    scope = world.environment.scope
    async with listening_target() as target:
        wanted = WebhookRequest.model_validate(
            {"url": f"{target.url}{PATH}", "event_types": list(event_types)}
        )
        made = await endpoints.create_endpoint(near.engine, scope, wanted)
        try:
            yield Hook(near, target, made.row.id, made.signing_key)
        finally:
            await forget_endpoints(world)
            await near.engine.providers.close()


async def forget_endpoints(world: World) -> None:
    """Delete what endpoints a test has left: a sweep of any test works for all environments."""
    scope = world.environment.scope
    page = await endpoints.list_endpoints(world.engine, scope, PageRequest(1000))
    for endpoint in page.rows:
        await endpoints.delete_endpoint(world.engine, scope, endpoint.id)
