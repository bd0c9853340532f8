"""Looks a presented token up by its hash."""

from __future__ import annotations

from domain.account.credentials import Credential
from models.sql import fetch_one
from runtime.database import Connection

# One statement for both kinds: which one it is, the record says. A revoked token is unknown.
_FIND = """
SELECT k.kind, k.id, k.name, e.id AS environment_id, e.slug AS environment_slug,
       e.config_version,
       coalesce(k.expires_at <= now(), false) AS is_expired
FROM api_keys k JOIN environments e ON e.id = k.environment_id
WHERE k.token_hash = %(hash)s AND k.revoked_at IS NULL
UNION ALL
SELECT 'service', t.id, t.name, NULL, NULL, NULL, false
FROM service_tokens t
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL
LIMIT 1
"""


async def find_credential(connection: Connection, token_hash: bytes) -> Credential | None:
    """Return the record of a token, whatever its environment: the token decides that."""
    return await fetch_one(connection, Credential, _FIND, {"hash": token_hash})
