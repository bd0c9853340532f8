"""Statements over the endpoints that are told what happens."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.kit.pages import Page, PageRequest
from domain.webhooks.endpoints import WebhookEndpoint
from models.sql import Listing, Where, columns_of, fetch_one
from runtime.database import Connection

_ENDPOINTS = Listing(WebhookEndpoint, "webhook_endpoints w", "w", ("id",))

_LOCK = "SELECT FROM environments WHERE id = %s FOR NO KEY UPDATE"

_COUNT = """
SELECT count(*)::int AS endpoints FROM webhook_endpoints
WHERE environment_id = %s AND archived_at IS NULL
"""

_INSERT = """
INSERT INTO webhook_endpoints (id, environment_id, shown_url, description, event_types, is_enabled,
                               sealed, next_key_at, inserted_at, updated_at)
VALUES (%(id)s, %(environment_id)s, %(shown_url)s, %(description)s, %(event_types)s,
        %(is_enabled)s, %(sealed)s, %(next_key_at)s, %(inserted_at)s, %(updated_at)s)
"""

_UPDATE = """
UPDATE webhook_endpoints
SET shown_url = %(shown_url)s, description = %(description)s, event_types = %(event_types)s,
    is_enabled = %(is_enabled)s, sealed = %(sealed)s, next_key_at = %(next_key_at)s,
    updated_at = %(updated_at)s
WHERE id = %(id)s AND environment_id = %(environment_id)s AND archived_at IS NULL
"""

_ARCHIVE = """
UPDATE webhook_endpoints
SET archived_at = %s, is_enabled = false, sealed = NULL, next_key_at = NULL
WHERE environment_id = %s AND id = %s AND archived_at IS NULL
"""

_SEALED = """
SELECT sealed FROM webhook_endpoints
WHERE environment_id = %s AND id = %s AND archived_at IS NULL FOR NO KEY UPDATE
"""

_WANTED = """
SELECT id, event_types FROM webhook_endpoints
WHERE environment_id = %s AND archived_at IS NULL AND is_enabled ORDER BY id
"""

_ENVIRONMENTS = """
SELECT DISTINCT environment_id FROM webhook_endpoints WHERE archived_at IS NULL AND is_enabled
"""


async def lock_endpoints(connection: Connection, environment_id: UUID) -> int:
    """Let nobody else change the endpoints of an environment; returns how many there are."""
    await connection.execute(_LOCK, (environment_id,))
    cursor = await connection.execute(_COUNT, (environment_id,))
    row = await cursor.fetchone()
    return int(row["endpoints"]) if row else 0


async def list_endpoints(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[WebhookEndpoint]:
    """Return a page of endpoints, newest first."""
    where = Where()
    where.add("w.environment_id = %s AND w.archived_at IS NULL", environment_id)
    return await _ENDPOINTS.page(connection, where, request)


async def get_endpoint(
    connection: Connection, environment_id: UUID, endpoint_id: UUID
) -> WebhookEndpoint | None:
    """Return an endpoint, or None."""
    columns = columns_of(WebhookEndpoint, "w")
    return await fetch_one(
        connection,
        WebhookEndpoint,
        f"SELECT {columns} FROM webhook_endpoints w"  # noqa: S608 - names of fields
        " WHERE w.environment_id = %s AND w.id = %s AND w.archived_at IS NULL",
        (environment_id, endpoint_id),
    )


async def hold_sealed(
    connection: Connection, environment_id: UUID, endpoint_id: UUID
) -> bytes | None:
    """Lock an endpoint and return its sealed secrets, or None when there is none."""
    cursor = await connection.execute(_SEALED, (environment_id, endpoint_id))
    row = await cursor.fetchone()
    return None if row is None else bytes(row["sealed"])


async def insert_endpoint(
    connection: Connection, environment_id: UUID, endpoint: WebhookEndpoint, sealed: bytes
) -> None:
    """Store an endpoint."""
    values = {**asdict(endpoint), "environment_id": environment_id, "sealed": sealed}
    await connection.execute(_INSERT, values)


async def update_endpoint(
    connection: Connection, environment_id: UUID, endpoint: WebhookEndpoint, sealed: bytes
) -> None:
    """Store an endpoint as it is now."""
    values = {**asdict(endpoint), "environment_id": environment_id, "sealed": sealed}
    await connection.execute(_UPDATE, values)


async def archive_endpoint(
    connection: Connection, environment_id: UUID, endpoint_id: UUID, now: datetime
) -> bool:
    """Take an endpoint out of use, and its secrets with it; returns whether there was one."""
    cursor = await connection.execute(_ARCHIVE, (now, environment_id, endpoint_id))
    return cursor.rowcount > 0


async def wanted_events(connection: Connection, environment_id: UUID) -> dict[UUID, frozenset[str]]:
    """Return what each enabled endpoint wants to be told of, by its id."""
    cursor = await connection.execute(_WANTED, (environment_id,))
    return {row["id"]: frozenset(row["event_types"]) for row in await cursor.fetchall()}


async def environments_with_endpoints(connection: Connection) -> list[UUID]:
    """Return the environments that have enabled endpoints."""
    cursor = await connection.execute(_ENVIRONMENTS)
    return [row["environment_id"] for row in await cursor.fetchall()]
