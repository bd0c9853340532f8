"""`carillon admin webhook-…`: endpoints that are told what happens, and the log of each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from api.admin.schemas.webhooks import (
    WebhookDeliveryDetailOut,
    WebhookDeliveryOut,
    WebhookOut,
)
from commands.actions import Arguments, action, read_settings
from commands.arguments import ENVIRONMENT, argument
from domain.kit.json_types import JsonValue
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from domain.webhooks.deliveries import DeliveryFilters, DeliveryState, RedeliveryRequest
from domain.webhooks.endpoints import (
    MAX_ENDPOINTS,
    KeyRotation,
    WebhookChange,
    WebhookRequest,
)
from services.account.environments import get_scope
from services.engine import Engine
from services.webhooks import endpoints, log

_ID = argument("id", type=UUID)


@action("webhook-list", ENVIRONMENT)
async def list_webhooks(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the webhooks of an environment."""
    environment = await get_scope(engine, arguments.environment)
    page = await endpoints.list_endpoints(engine, environment, PageRequest(MAX_ENDPOINTS))
    return [WebhookOut.of(endpoint).model_dump(mode="json") for endpoint in page.rows]


@action(
    "webhook-create",
    ENVIRONMENT,
    argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with url, event_types, description (default: -)",
    ),
)
async def create_webhook(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create a webhook, and print its signing key."""
    wanted = read_shape(WebhookRequest, read_settings(arguments.file))
    environment = await get_scope(engine, arguments.environment)
    made = await endpoints.create_endpoint(engine, environment, wanted)
    return WebhookOut.of(made.row, made.signing_key).model_dump(mode="json")


@action(
    "webhook-set",
    _ID,
    ENVIRONMENT,
    argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with url, event_types, description, enabled (default: -)",
    ),
)
async def change_webhook(engine: Engine, arguments: Arguments) -> JsonValue:
    """Change a webhook, enable or disable it."""
    change = read_shape(WebhookChange, read_settings(arguments.file))
    environment = await get_scope(engine, arguments.environment)
    changed = await endpoints.change_endpoint(engine, environment, arguments.id, change)
    return WebhookOut.of(changed).model_dump(mode="json")


@action("webhook-delete", _ID, ENVIRONMENT)
async def delete_webhook(engine: Engine, arguments: Arguments) -> JsonValue:
    """Delete a webhook with its log."""
    environment = await get_scope(engine, arguments.environment)
    await endpoints.delete_endpoint(engine, environment, arguments.id)
    return None


@action(
    "webhook-rotate",
    _ID,
    ENVIRONMENT,
    argument(
        "--grace-seconds", type=int, default=0, help="seconds for which the old key still signs"
    ),
)
async def rotate_webhook_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Replace the signing key of a webhook."""
    wanted = read_shape(KeyRotation, {"grace_seconds": arguments.grace_seconds})
    environment = await get_scope(engine, arguments.environment)
    grace = timedelta(seconds=wanted.grace_seconds)
    made = await endpoints.rotate_key(engine, environment, arguments.id, grace)
    return WebhookOut.of(made.row, made.signing_key).model_dump(mode="json")


@action("webhook-test", _ID, ENVIRONMENT)
async def send_test(engine: Engine, arguments: Arguments) -> JsonValue:
    """Send a test event to a webhook."""
    environment = await get_scope(engine, arguments.environment)
    made = await log.send_test(engine, environment, arguments.id)
    return WebhookDeliveryOut.of(made).model_dump(mode="json")


@action(
    "webhook-log",
    _ID,
    ENVIRONMENT,
    argument("--delivery", type=UUID, help="only this delivery, with payload and requests"),
    argument("--status", choices=[state.value for state in DeliveryState]),
    argument("--limit", type=int, default=50),
)
async def show_log(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the deliveries of a webhook, newest first."""
    environment = await get_scope(engine, arguments.environment)
    if arguments.delivery is not None:
        logged = await log.get_delivery(engine, environment, arguments.id, arguments.delivery)
        return WebhookDeliveryDetailOut.of_logged(logged).model_dump(mode="json")
    filters = DeliveryFilters(state=DeliveryState(arguments.status) if arguments.status else None)
    page = await log.list_deliveries(
        engine, environment, arguments.id, filters, PageRequest(max(1, arguments.limit))
    )
    return [WebhookDeliveryOut.of(delivery).model_dump(mode="json") for delivery in page.rows]


@action(
    "webhook-redeliver",
    _ID,
    ENVIRONMENT,
    argument("--delivery", type=UUID, help="only this delivery"),
    argument("--status", choices=["failed", "delivered"], default="failed"),
    argument("--since", help="only deliveries made at or after this time, ISO 8601"),
    argument("--until", help="only deliveries made before this time, ISO 8601"),
)
async def deliver_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Redeliver events to a webhook."""
    environment = await get_scope(engine, arguments.environment)
    if arguments.delivery is not None:
        again = await log.deliver_again(engine, environment, arguments.id, arguments.delivery)
        return WebhookDeliveryOut.of(again).model_dump(mode="json")
    document = {"status": arguments.status, "since": arguments.since, "until": arguments.until}
    wanted = read_shape(RedeliveryRequest, document)
    count = await log.deliver_many_again(engine, environment, arguments.id, wanted)
    return {"count": count}
