"""Services that a source may be made for: how they name their events, and what one wants of them.

Source: Knock docs, "Sources"; Management API, SourceProviderResponse; each service's own
documents of its webhooks. Knock has more of them, some by scripts that this version does not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.kit.json_types import JsonObject

VERSION = "1"


@dataclass(frozen=True, slots=True)
class SourceProvider:
    """What a source of a service begins with.

    Attributes:
        key: names it.
        name: of the service.
        description: what it tells.
        categories: what the service is for.
        website_url: of the service.
        webhook_docs_url: where the service describes its events.
        settings: of each environment.
        mappings: what is done for which event.
        examples: events as they are sent, by type.
    """

    key: str
    name: str
    description: str
    categories: tuple[str, ...]
    website_url: str
    webhook_docs_url: str
    settings: JsonObject
    mappings: tuple[JsonObject, ...] = ()
    examples: Mapping[str, list[JsonObject]] = field(default_factory=dict)


def _mapping(event: str, action: str, **parameters: str) -> JsonObject:
    return {"event_type": event, "action_type": action, "action_parameters": parameters}


def _example(body: JsonObject, **headers: str) -> list[JsonObject]:
    return [{"body": body, "headers": {name.replace("_", "-"): headers[name] for name in headers}}]


_STRIPE_CUSTOMER = {
    "id": "body.data.object.id",
    "email": "body.data.object.email",
    "name": "body.data.object.name",
    "phone_number": "body.data.object.phone",
}
_CLERK_USER = {
    "id": "body.data.id",
    "email": "body.data.email_addresses.0.email_address",
    "first_name": "body.data.first_name",
    "last_name": "body.data.last_name",
    "avatar": "body.data.image_url",
}
_WORKOS_USER = {
    "id": "body.data.id",
    "email": "body.data.email",
    "first_name": "body.data.first_name",
    "last_name": "body.data.last_name",
    "avatar": "body.data.profile_picture_url",
}
_ALL = (
    SourceProvider(
        key="clerk",
        name="Clerk",
        description="Sign-ups, changes of users, and organizations.",
        categories=("Identity",),
        website_url="https://clerk.com",
        webhook_docs_url="https://clerk.com/docs/webhooks/overview",
        settings={
            "event_type_path": "body.type",
            "idempotency_key_path": "headers.svix-id",
            "timestamp_path": "body.timestamp",
            "enforce_verification": True,
        },
        mappings=(
            _mapping("user.created", "users_identify", **_CLERK_USER),
            _mapping("user.updated", "users_identify", **_CLERK_USER),
            _mapping("user.deleted", "users_delete", id="body.data.id"),
        ),
        examples={
            "user.created": _example(
                {
                    "type": "user.created",
                    "timestamp": 1767225600000,
                    "data": {
                        "id": "user_2grant",
                        "first_name": "Alan",
                        "last_name": "Grant",
                        "email_addresses": [{"email_address": "alan@example.com"}],
                    },
                },
                svix_id="msg_1",
            )
        },
    ),
    SourceProvider(
        key="posthog",
        name="PostHog",
        description="What users do in a product.",
        categories=("Analytics",),
        website_url="https://posthog.com",
        webhook_docs_url="https://posthog.com/docs/cdp/destinations/knock",
        settings={
            "event_type_path": "body.event",
            "idempotency_key_path": "body.messageId",
            "timestamp_path": "body.timestamp",
            "enforce_verification": False,
        },
        mappings=(
            _mapping("$identify", "users_identify", id="body.userId", properties="body.properties"),
            _mapping("$set", "users_identify", id="body.userId", properties="body.properties"),
        ),
        examples={
            "$identify": _example(
                {
                    "type": "track",
                    "event": "$identify",
                    "userId": "ellie",
                    "messageId": "018f02cd-9230-71d2-8f70-b40e5e2a4f6d",
                    "timestamp": "2026-01-01T00:00:00Z",
                    "properties": {"plan": "pro"},
                }
            )
        },
    ),
    SourceProvider(
        key="shopify",
        name="Shopify",
        description="Orders, customers and products of a shop.",
        categories=("Ecommerce",),
        website_url="https://www.shopify.com",
        webhook_docs_url="https://shopify.dev/docs/apps/build/webhooks",
        settings={
            "event_type_path": "headers.x-shopify-topic",
            "idempotency_key_path": "headers.x-shopify-webhook-id",
            "timestamp_path": "headers.x-shopify-triggered-at",
            "enforce_verification": True,
        },
        examples={
            "orders/paid": _example(
                {"id": 820982911946154508, "email": "ellie@example.com", "total_price": "598.94"},
                x_shopify_topic="orders/paid",
                x_shopify_webhook_id="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
                x_shopify_triggered_at="2026-01-01T00:00:00Z",
            )
        },
    ),
    SourceProvider(
        key="stripe",
        name="Stripe",
        description="Payments, invoices, subscriptions and customers.",
        categories=("Billing",),
        website_url="https://stripe.com",
        webhook_docs_url="https://docs.stripe.com/webhooks",
        settings={
            "event_type_path": "body.type",
            "idempotency_key_path": "body.id",
            "timestamp_path": "body.created",
            "enforce_verification": True,
        },
        mappings=(
            _mapping("customer.created", "users_identify", **_STRIPE_CUSTOMER),
            _mapping("customer.updated", "users_identify", **_STRIPE_CUSTOMER),
            _mapping("customer.deleted", "users_delete", id="body.data.object.id"),
        ),
        examples={
            "customer.created": _example(
                {
                    "id": "evt_1",
                    "object": "event",
                    "type": "customer.created",
                    "created": 1767225600,
                    "data": {
                        "object": {
                            "id": "cus_1",
                            "object": "customer",
                            "email": "ellie@example.com",
                            "name": "Ellie Sattler",
                        }
                    },
                }
            )
        },
    ),
    SourceProvider(
        key="workos",
        name="WorkOS",
        description="Users, directories and single sign-on of organizations.",
        categories=("Identity",),
        website_url="https://workos.com",
        webhook_docs_url="https://workos.com/docs/events",
        settings={
            "event_type_path": "body.event",
            "idempotency_key_path": "body.id",
            "timestamp_path": "body.created_at",
            "enforce_verification": False,
        },
        mappings=(
            _mapping("user.created", "users_identify", **_WORKOS_USER),
            _mapping("user.updated", "users_identify", **_WORKOS_USER),
            _mapping("user.deleted", "users_delete", id="body.data.id"),
        ),
        examples={
            "user.created": _example(
                {
                    "id": "event_1",
                    "event": "user.created",
                    "created_at": "2026-01-01T00:00:00.000Z",
                    "data": {
                        "object": "user",
                        "id": "user_1",
                        "email": "ian@example.com",
                        "first_name": "Ian",
                        "last_name": "Malcolm",
                    },
                }
            )
        },
    ),
)
# By key, in its order.
PROVIDERS: Mapping[str, SourceProvider] = {one.key: one for one in _ALL}
