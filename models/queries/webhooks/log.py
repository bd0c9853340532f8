"""Statements that read the log of an endpoint, and what is told of stored events."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.webhooks.deliveries import DeliveryFilters, WebhookAttempt, WebhookDelivery
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

_DELIVERIES = Listing(
    WebhookDelivery, "webhook_deliveries d", "d", ("inserted_at", "id"), descending=True
)

_ATTEMPTS = f"""
SELECT {columns_of(WebhookAttempt, "a")} FROM webhook_attempts a
WHERE a.environment_id = %s AND a.delivery_id = %s ORDER BY a.id DESC LIMIT %s
"""  # noqa: S608 - names of fields

_BODY = "SELECT body FROM webhook_events WHERE environment_id = %s AND id = %s"

_EVENT_DATA = """
SELECT e.id, e.data FROM message_events e
JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted (message_id, id)
  ON wanted.message_id = e.message_id AND wanted.id = e.id
JOIN messages m ON m.id = e.message_id AND m.environment_id = %s
"""

_STATUSES = """
SELECT e.recipient_run_id, e.position, e.status FROM recipient_run_events e
JOIN unnest(%s::uuid[], %s::int[]) AS wanted (run_id, position)
  ON wanted.run_id = e.recipient_run_id AND wanted.position = e.position
JOIN recipient_runs r ON r.id = e.recipient_run_id AND r.environment_id = %s
"""


async def list_deliveries(
    connection: Connection,
    environment_id: UUID,
    endpoint_id: UUID,
    filters: DeliveryFilters,
    request: PageRequest,
) -> Page[WebhookDelivery]:
    """Return a page of the deliveries to an endpoint, newest first."""
    where = Where()
    where.add("d.environment_id = %s AND d.endpoint_id = %s", environment_id, endpoint_id)
    where.add_by_name({"state": "d.state = %s", "event_type": "d.event_type = %s"}, filters)
    where.bounds("d.inserted_at", filters.inserted_at)
    return await _DELIVERIES.page(connection, where, request)


async def get_delivery(
    connection: Connection, environment_id: UUID, endpoint_id: UUID, delivery_id: UUID
) -> WebhookDelivery | None:
    """Return a delivery to an endpoint, or None."""
    where = Where()
    where.add("d.environment_id = %s AND d.endpoint_id = %s", environment_id, endpoint_id)
    where.add("d.id = %s", delivery_id)
    return await _DELIVERIES.one(connection, where)


async def attempts_of(
    connection: Connection, environment_id: UUID, delivery_id: UUID, *, limit: int
) -> list[WebhookAttempt]:
    """Return the newest requests of a delivery, newest first."""
    return await fetch_all(
        connection, WebhookAttempt, _ATTEMPTS, (environment_id, delivery_id, limit)
    )


async def body_of(connection: Connection, environment_id: UUID, event_id: UUID) -> str | None:
    """Return what is sent of an event, or None when it is gone."""
    cursor = await connection.execute(_BODY, (environment_id, event_id))
    row = await cursor.fetchone()
    return None if row is None else str(row["body"])


async def data_of_message_events(
    connection: Connection, environment_id: UUID, events: Collection[tuple[UUID, UUID]]
) -> dict[UUID, JsonObject]:
    """Return what else is told of events of messages, given as message and event, by event."""
    message_ids, ids = [each[0] for each in events], [each[1] for each in events]
    cursor = await connection.execute(_EVENT_DATA, (message_ids, ids, environment_id))
    return {row["id"]: row["data"] for row in await cursor.fetchall() if row["data"]}


async def statuses_of_run_events(
    connection: Connection, environment_id: UUID, events: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], str]:
    """Return the statuses of those events that are stored, by run and position."""
    run_ids, positions = [each[0] for each in events], [each[1] for each in events]
    cursor = await connection.execute(_STATUSES, (run_ids, positions, environment_id))
    return {
        (row["recipient_run_id"], row["position"]): row["status"] for row in await cursor.fetchall()
    }
