"""Looks a presented token up by its hash."""

from __future__ import annotations

from domain.account.credentials import Credential
from domain.kit.principals import KeyKind
from models.queries.account.signing_keys import IS_REQUIRED
from models.sql import fetch_one
from runtime.database import Connection

# One statement for both kinds: which one it is, the record says. A revoked token is unknown.
_FIND = f"""
SELECT k.kind, k.id, k.name, e.id AS environment_id, e.slug AS environment_slug,
       e.config_version,
       coalesce(k.expires_at <= now(), false) AS is_expired,
       {IS_REQUIRED} AS requires_user_token,
       CASE k.kind WHEN '{KeyKind.PUBLIC}' THEN ARRAY(
           SELECT s.public_key FROM signing_keys s WHERE s.environment_id = e.id
             AND s.revoked_at IS NULL ORDER BY s.id DESC
       ) END AS signing_keys
FROM api_keys k JOIN environments e ON e.id = k.environment_id
WHERE k.token_hash = %(hash)s AND k.revoked_at IS NULL AND e.removed_at IS NULL
UNION ALL
SELECT 'service', t.id, t.name, NULL, NULL, NULL, false, false, NULL
FROM service_tokens t
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL
LIMIT 1
"""  # noqa: S608 - constants


async def find_credential(connection: Connection, token_hash: bytes) -> Credential | None:
    """Return the record of a token, whatever its environment: the token decides that."""
    return await fetch_one(connection, Credential, _FIND, {"hash": token_hash})
