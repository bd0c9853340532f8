"""Takes an `Idempotency-Key`, or finds the answer that was given to it before."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.errors import IdempotencyKeyRefused
from domain.triggers.idempotency import WINDOW, IdempotencyClaim, StoredAnswer
from runtime.database import Connection

# A concurrent twin blocks on the primary key until the first transaction ends: committed, it
# finds that answer; rolled back, it takes the key itself. Expired records are taken over.
TAKE_IF = """
INSERT INTO idempotency_records AS r (environment_id, path, key, request_digest, request_id,
    status_code, headers, body, inserted_at, expires_at)
SELECT %(environment_id)s::uuid, %(claim_path)s::text, %(claim_key)s::text, %(claim_digest)s::bytea,
    %(request_id)s::text, %(status_code)s::int, %(headers)s::jsonb, %(body)s::jsonb,
    %(now)s::timestamptz, %(expires_at)s::timestamptz
WHERE %(claim_key)s::text IS NOT NULL AND {condition}
ON CONFLICT (environment_id, path, key) DO UPDATE SET
    request_digest = excluded.request_digest, request_id = excluded.request_id,
    status_code = excluded.status_code, headers = excluded.headers, body = excluded.body,
    inserted_at = excluded.inserted_at, expires_at = excluded.expires_at
WHERE r.expires_at <= excluded.inserted_at
RETURNING 1 AS taken
"""
TAKE = TAKE_IF.format(condition="true")
_FIND = """
SELECT request_digest, request_id, status_code, headers, body FROM idempotency_records
WHERE environment_id = %s AND path = %s AND key = %s AND expires_at > %s
"""


def take_values(
    environment_id: UUID, claim: IdempotencyClaim | None, *, answer: StoredAnswer, now: datetime
) -> dict[str, Any]:
    """Return the parameters of `TAKE_IF`; without a claim they take nothing."""
    return {
        "environment_id": environment_id,
        "claim_path": claim.path if claim else None,
        "claim_key": claim.key if claim else None,
        "claim_digest": claim.digest if claim else None,
        "request_id": answer.request_id,
        "status_code": answer.status_code,
        "headers": Jsonb(answer.headers),
        "body": Jsonb(answer.body),
        "now": now,
        "expires_at": now + WINDOW,
    }


async def claim(
    connection: Connection,
    environment_id: UUID,
    claim: IdempotencyClaim,
    *,
    answer: StoredAnswer,
    now: datetime,
) -> StoredAnswer | None:
    """Take a key for `answer`, or return the answer to replay.

    Runs in the transaction that does the work, before the work: None means go on, and the answer
    is stored when the transaction commits.

    Raises:
        IdempotencyKeyRefused: `idempotency_key_mismatch`, the key was used for another request.
    """
    values = take_values(environment_id, claim, answer=answer, now=now)
    cursor = await connection.execute(TAKE, values)
    if await cursor.fetchone() is not None:
        return None
    return await find(connection, environment_id, claim, now=now)


async def find(
    connection: Connection, environment_id: UUID, claim: IdempotencyClaim, *, now: datetime
) -> StoredAnswer | None:
    """Return the answer that a key was given, or None when it was given none.

    Raises:
        IdempotencyKeyRefused: `idempotency_key_mismatch`, the key was used for another request.
    """
    cursor = await connection.execute(_FIND, [environment_id, claim.path, claim.key, now])
    row = await cursor.fetchone()
    if row is None:
        return None
    if bytes(row["request_digest"]) != claim.digest:
        used = "This Idempotency-Key was used for a different request in the last 24 hours."
        raise IdempotencyKeyRefused(used, code="idempotency_key_mismatch", error=used)
    return StoredAnswer(row["status_code"], row["body"], row["request_id"], row["headers"])


async def delete_expired(connection: Connection, *, now: datetime, limit: int) -> int:
    """Delete up to `limit` expired records and return how many there were."""
    cursor = await connection.execute(
        "DELETE FROM idempotency_records WHERE ctid IN ("
        "SELECT ctid FROM idempotency_records WHERE expires_at <= %s LIMIT %s)",
        [now, limit],
    )
    return cursor.rowcount
