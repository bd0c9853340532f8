"""SQL over API keys and service tokens: listing, making and ending them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from domain.kit.pages import Page, PageRequest
from models.queries.paging import Keyset, conditions, order_and_limit, turn
from runtime.database import Connection


class ApiKeyRow(TypedDict):
    """One API key, without its token."""

    id: UUID
    environment_id: UUID
    environment: str
    kind: str
    name: str
    hint: str
    inserted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ServiceTokenRow(TypedDict):
    """One service token, without the token itself."""

    id: UUID
    name: str
    hint: str
    inserted_at: datetime
    revoked_at: datetime | None


_KEYS_NEWEST_FIRST = Keyset(("k.id",))
_TOKENS_NEWEST_FIRST = Keyset(("t.id",))
_KEY = """k.id, k.environment_id, e.slug AS environment, k.kind, k.name, k.hint, k.inserted_at,
    k.expires_at, k.revoked_at"""
_TOKEN = "t.id, t.name, t.hint, t.inserted_at, t.revoked_at"  # noqa: S105 - columns


async def insert_api_key(
    connection: Connection, key: ApiKeyRow, token_hash: bytes
) -> ApiKeyRow | None:
    """Keep a key; None when this very token is known already."""
    cursor = await connection.execute(
        """
        INSERT INTO api_keys (id, environment_id, kind, name, token_hash, hint, inserted_at)
        VALUES (%(id)s, %(environment_id)s, %(kind)s, %(name)s, %(token_hash)s, %(hint)s,
            %(inserted_at)s)
        ON CONFLICT (token_hash) DO NOTHING RETURNING id
        """,
        {**key, "token_hash": token_hash},
    )
    return key if await cursor.fetchone() else None


async def get_api_key(connection: Connection, key_id: UUID) -> ApiKeyRow | None:
    """Return and lock a key that is not revoked."""
    cursor = await connection.execute(
        f"""
        SELECT {_KEY} FROM api_keys k JOIN environments e ON e.id = k.environment_id
        WHERE k.id = %s AND k.revoked_at IS NULL FOR NO KEY UPDATE OF k
        """,  # noqa: S608 - constants
        [key_id],
    )
    row: Any = await cursor.fetchone()
    key: ApiKeyRow | None = row
    return key


async def list_api_keys(connection: Connection, environment_id: UUID, request: PageRequest) -> Page:
    """Return a page of the keys of an environment that are not revoked, newest first."""
    filters, values = conditions(_KEYS_NEWEST_FIRST, request)
    where = " AND ".join(["k.environment_id = %s", "k.revoked_at IS NULL", *filters])
    cursor = await connection.execute(
        f"SELECT {_KEY} FROM api_keys k"  # noqa: S608 - constants
        f" JOIN environments e ON e.id = k.environment_id"
        f" WHERE {where} {order_and_limit(_KEYS_NEWEST_FIRST, request)}",
        [environment_id, *values],
    )
    return turn(_KEYS_NEWEST_FIRST, request, await cursor.fetchall())


async def end_api_key(
    connection: Connection,
    key_id: UUID,
    *,
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> None:
    """End a key: at once, or later but never later than it would end anyway."""
    await connection.execute(
        """
        UPDATE api_keys SET revoked_at = %s, expires_at = least(expires_at, %s) WHERE id = %s
        """,
        [revoked_at, expires_at, key_id],
    )


async def insert_service_token(
    connection: Connection, token: ServiceTokenRow, token_hash: bytes
) -> ServiceTokenRow | None:
    """Keep a service token; None when this very token is known already."""
    cursor = await connection.execute(
        """
        INSERT INTO service_tokens (id, name, token_hash, hint, inserted_at)
        VALUES (%(id)s, %(name)s, %(token_hash)s, %(hint)s, %(inserted_at)s)
        ON CONFLICT (token_hash) DO NOTHING RETURNING id
        """,
        {**token, "token_hash": token_hash},
    )
    return token if await cursor.fetchone() else None


async def list_service_tokens(connection: Connection, request: PageRequest) -> Page:
    """Return a page of the tokens that are not revoked, newest first."""
    filters, values = conditions(_TOKENS_NEWEST_FIRST, request)
    cursor = await connection.execute(
        f"SELECT {_TOKEN} FROM service_tokens t"  # noqa: S608 - constants
        f" WHERE {' AND '.join(['t.revoked_at IS NULL', *filters])}"
        f" {order_and_limit(_TOKENS_NEWEST_FIRST, request)}",
        values,
    )
    return turn(_TOKENS_NEWEST_FIRST, request, await cursor.fetchall())


async def lock_service_tokens(connection: Connection) -> set[UUID]:
    """Return and lock every token that is not revoked."""
    cursor = await connection.execute(
        "SELECT id FROM service_tokens WHERE revoked_at IS NULL ORDER BY id FOR UPDATE"
    )
    return {row["id"] for row in await cursor.fetchall()}


async def revoke_service_token(connection: Connection, token_id: UUID, now: datetime) -> None:
    """End a service token at once."""
    await connection.execute(
        "UPDATE service_tokens SET revoked_at = %s WHERE id = %s", [now, token_id]
    )
