"""SQL over API keys and service tokens: listing, making and ending them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.account.credentials import ApiKey, ServiceToken
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_one
from runtime.database import Connection

_KEYS = Listing(
    ApiKey,
    "api_keys k JOIN environments e ON e.id = k.environment_id",
    "k",
    ("id",),
    expressions={"environment": "e.slug"},
)
_TOKENS = Listing(ServiceToken, "service_tokens t", "t", ("id",))


async def insert_api_key(connection: Connection, key: ApiKey, token_hash: bytes) -> bool:
    """Keep a key; False when this very token is known already."""
    cursor = await connection.execute(
        """
        INSERT INTO api_keys (id, environment_id, kind, name, token_hash, hint, inserted_at)
        VALUES (%(id)s, %(environment_id)s, %(kind)s, %(name)s, %(token_hash)s, %(hint)s,
            %(inserted_at)s)
        ON CONFLICT (token_hash) DO NOTHING
        """,
        {**asdict(key), "token_hash": token_hash},
    )
    return cursor.rowcount == 1


async def lasting_by_hash(
    connection: Connection, token_hashes: Sequence[bytes]
) -> dict[bytes, bool]:
    """Return of those of the tokens that are known whether they work without an end."""
    cursor = await connection.execute(
        "SELECT token_hash, revoked_at IS NULL AND expires_at IS NULL AS lasts"
        " FROM api_keys WHERE token_hash = ANY(%s)",
        [list(token_hashes)],
    )
    return {bytes(row["token_hash"]): row["lasts"] for row in await cursor.fetchall()}


async def get_api_key(connection: Connection, key_id: UUID) -> ApiKey | None:
    """Return and lock a key that is not revoked."""
    return await fetch_one(
        connection,
        ApiKey,
        f"SELECT {columns_of(ApiKey, 'k', _KEYS.expressions)} FROM {_KEYS.source}"  # noqa: S608 - constants
        " WHERE k.id = %s AND k.revoked_at IS NULL FOR NO KEY UPDATE OF k",
        [key_id],
    )


async def list_api_keys(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[ApiKey]:
    """Return a page of the keys of an environment that are not revoked, newest first."""
    where = Where()
    where.add("k.environment_id = %s", environment_id)
    where.add("k.revoked_at IS NULL")
    return await _KEYS.page(connection, where, request)


async def expire_api_key(connection: Connection, key_id: UUID, expires_at: datetime) -> None:
    """Let a key end later, but never later than it would end anyway."""
    await connection.execute(
        "UPDATE api_keys SET expires_at = least(expires_at, %s) WHERE id = %s",
        [expires_at, key_id],
    )


async def revoke_api_key(connection: Connection, key_id: UUID, now: datetime) -> None:
    """End a key at once."""
    await connection.execute("UPDATE api_keys SET revoked_at = %s WHERE id = %s", [now, key_id])


async def insert_service_token(
    connection: Connection, token: ServiceToken, token_hash: bytes
) -> bool:
    """Keep a service token; False when this very token is known already."""
    cursor = await connection.execute(
        """
        INSERT INTO service_tokens (id, name, token_hash, hint, inserted_at)
        VALUES (%(id)s, %(name)s, %(token_hash)s, %(hint)s, %(inserted_at)s)
        ON CONFLICT (token_hash) DO NOTHING
        """,
        {**asdict(token), "token_hash": token_hash},
    )
    return cursor.rowcount == 1


async def list_service_tokens(connection: Connection, request: PageRequest) -> Page[ServiceToken]:
    """Return a page of the tokens that are not revoked, newest first."""
    where = Where()
    where.add("t.revoked_at IS NULL")
    return await _TOKENS.page(connection, where, request)


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
