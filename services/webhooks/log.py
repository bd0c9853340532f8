"""The log of an endpoint: what it was told, and how that went; and telling it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import new_id, webhook_delivery_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.webhooks.deliveries import (
    ENDED,
    DeliveryFilters,
    RedeliveryRequest,
    WebhookAttempt,
    WebhookDelivery,
)
from domain.webhooks.events import TEST, WebhookBodyOut, WebhookEvent
from models.queries.webhooks import deliveries as statements
from models.queries.webhooks import endpoints, log
from services.engine import Engine, Unit
from services.webhooks.endpoints import get_endpoint

# Knock docs, "Data retention": logs are kept for thirty days.
RETENTION = timedelta(days=30)
_SHOWN_ATTEMPTS = 100
_AGAIN_AT_ONCE = 10_000
_FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """A delivery with what is sent, and its newest requests, newest first."""

    delivery: WebhookDelivery
    body: str
    attempts: list[WebhookAttempt]


async def list_deliveries(
    engine: Engine,
    environment: EnvironmentScope,
    endpoint_id: UUID,
    filters: DeliveryFilters,
    request: PageRequest,
) -> Page[WebhookDelivery]:
    """Return a page of the deliveries to an endpoint, newest first. Raises NotFound."""
    await get_endpoint(engine, environment, endpoint_id)
    async with engine.connection() as connection:
        return await log.list_deliveries(connection, environment.id, endpoint_id, filters, request)


async def get_delivery(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID, delivery_id: UUID
) -> LoggedDelivery:
    """Return a delivery, what is sent, and what came of it. Raises NotFound."""
    await get_endpoint(engine, environment, endpoint_id)
    async with engine.connection() as connection:
        delivery = await log.get_delivery(connection, environment.id, endpoint_id, delivery_id)
        if delivery is None:
            raise NotFound("The delivery does not exist.")
        body = await log.body_of(connection, environment.id, delivery.event_id)
        attempts = await log.attempts_of(
            connection, environment.id, delivery_id, limit=_SHOWN_ATTEMPTS
        )
    return LoggedDelivery(delivery, body or "", attempts)


async def send_test(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID
) -> WebhookDelivery:
    """Tell an endpoint of an event that nothing but this asked for; it is sent like any other.

    Raises:
        NotFound: there is no such endpoint.
        Unprocessable: `webhook_disabled`.
    """
    async with engine.unit() as unit:
        endpoint = await endpoints.get_endpoint(unit.connection, environment.id, endpoint_id)
        if endpoint is None:
            raise NotFound("The webhook does not exist.")
        if not endpoint.is_enabled:
            raise Unprocessable(
                "The webhook is disabled, so nothing can be sent to it.", code="webhook_disabled"
            )
        told = {"id": str(endpoint.id), "event_types": endpoint.event_types}
        event = WebhookEvent.written(
            WebhookBodyOut.of(TEST, unit.now, {"__typename": "Webhook", **told}),
            id=new_id(),
            environment_id=environment.id,
            about=None,
        )
        await statements.add_events(unit.connection, {event: [endpoint_id]}, unit.now)
        return await _found(
            unit, environment, endpoint_id, webhook_delivery_id(event.id, endpoint_id)
        )


async def deliver_again(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID, delivery_id: UUID
) -> WebhookDelivery:
    """Send an event to an endpoint once more, with eight new attempts at the same bytes.

    Raises:
        NotFound: there is no such delivery.
        Unprocessable: `webhook_delivery_under_way`.
    """
    await get_endpoint(engine, environment, endpoint_id)
    async with engine.unit() as unit:
        await _found(unit, environment, endpoint_id, delivery_id)
        again = await statements.deliver_again(
            unit.connection,
            environment.id,
            endpoint_id,
            states=ENDED,
            delivery_id=delivery_id,
            limit=1,
            now=unit.now,
        )
        if not again:
            raise Unprocessable(
                "The delivery is still in progress.", code="webhook_delivery_under_way"
            )
        return await _found(unit, environment, endpoint_id, delivery_id)


async def deliver_many_again(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID, wanted: RedeliveryRequest
) -> int:
    """Send all events of a kind to an endpoint once more; returns how many. Raises NotFound."""
    await get_endpoint(engine, environment, endpoint_id)
    now, total = engine.clock(), 0
    while True:
        async with engine.connection() as connection:
            # What begins anew has another status, so each round takes others.
            count = await statements.deliver_again(
                connection,
                environment.id,
                endpoint_id,
                states=[wanted.status],
                since=wanted.since,
                until=min(wanted.until, now) if wanted.until else now,
                limit=_AGAIN_AT_ONCE,
                now=now,
            )
        total += count
        if count < _AGAIN_AT_ONCE:
            return total


async def forget_old_deliveries(engine: Engine) -> int:
    """Delete what is past its thirty days, and what is left of deleted endpoints."""
    before = engine.clock() - RETENTION
    async with engine.connection() as connection:
        return await statements.forget_old(connection, before=before, limit=_FORGOTTEN_AT_ONCE)


async def _found(
    unit: Unit, environment: EnvironmentScope, endpoint_id: UUID, delivery_id: UUID
) -> WebhookDelivery:
    delivery = await log.get_delivery(unit.connection, environment.id, endpoint_id, delivery_id)
    if delivery is None:
        raise NotFound("The delivery does not exist.")
    return delivery
