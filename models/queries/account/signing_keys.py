"""SQL over signing keys, and over what an environment demands of public keys."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.account.security import Security, SigningKey
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import DEVELOPMENT
from models.sql import Listing, Where, fetch_one, names_of
from runtime.database import Connection

_KEYS = Listing(SigningKey, "signing_keys k", "k", ("id",))
# Whether whoever presents a public key has to send a user token, of table `environments AS e`.
IS_REQUIRED = f"coalesce(e.enhanced_security, e.slug <> '{DEVELOPMENT}')"
_INSERT = f"""
INSERT INTO signing_keys ({", ".join(names_of(SigningKey))})
VALUES ({", ".join(f"%({name})s" for name in names_of(SigningKey))})
ON CONFLICT (environment_id, public_key) DO NOTHING
"""  # noqa: S608 - constants


async def insert_signing_key(connection: Connection, key: SigningKey) -> bool:
    """Keep a key; False when the environment has it already, even as a revoked one."""
    return (await connection.execute(_INSERT, asdict(key))).rowcount == 1


async def list_signing_keys(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[SigningKey]:
    """Return a page of the keys of an environment that are not revoked, newest first."""
    where = Where()
    where.add("k.environment_id = %s", environment_id)
    where.add("k.revoked_at IS NULL")
    return await _KEYS.page(connection, where, request)


async def count_signing_keys(connection: Connection, environment_id: UUID) -> int:
    """Return how many keys an environment has, and let nobody add one meanwhile."""
    await connection.execute(
        "SELECT FROM environments WHERE id = %s FOR NO KEY UPDATE", [environment_id]
    )
    cursor = await connection.execute(
        "SELECT count(*) AS found FROM signing_keys"
        " WHERE environment_id = %s AND revoked_at IS NULL",
        [environment_id],
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["found"])


async def is_signing_key(connection: Connection, environment_id: UUID, public_key: str) -> bool:
    """Tell whether an environment has this key, and it is not revoked."""
    cursor = await connection.execute(
        "SELECT FROM signing_keys"
        " WHERE environment_id = %s AND public_key = %s AND revoked_at IS NULL",
        [environment_id, public_key],
    )
    return await cursor.fetchone() is not None


async def revoke_signing_key(
    connection: Connection, environment_id: UUID, key_id: UUID, now: datetime
) -> bool:
    """End a key; False when the environment has none with this id."""
    cursor = await connection.execute(
        "UPDATE signing_keys SET revoked_at = %s"
        " WHERE environment_id = %s AND id = %s AND revoked_at IS NULL",
        [now, environment_id, key_id],
    )
    return cursor.rowcount == 1


async def get_security(connection: Connection, environment_id: UUID) -> Security | None:
    """Return what an environment demands."""
    return await fetch_one(
        connection,
        Security,
        f"SELECT e.enhanced_security, {IS_REQUIRED} AS is_required"  # noqa: S608 - constants
        " FROM environments e WHERE e.id = %s",
        [environment_id],
    )


async def set_security(
    connection: Connection, environment_id: UUID, enhanced_security: bool | None
) -> None:
    """Say what an environment demands."""
    await connection.execute(
        "UPDATE environments SET enhanced_security = %s WHERE id = %s",
        [enhanced_security, environment_id],
    )
