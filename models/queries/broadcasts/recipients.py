"""Statements over whom files name that are uploaded for broadcasts.

Whoever reads a file, or replaces it, holds its broadcast, which names the upload that counts.
Whoever writes several rows locks them in the order of their primary key.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.audiences.members import Membership
from domain.kit.json_types import JsonObject
from runtime.database import Connection, take_long

# Where several lines of a file name the same pair, the last one counts.
_ADD = """
INSERT INTO broadcast_recipients AS r (upload_id, user_id, tenant_id, environment_id, data)
SELECT %(upload_id)s, given.user_id, given.tenant_id, %(environment_id)s, given.data
FROM unnest(%(user_ids)s::text[], %(tenant_ids)s::text[], %(data)s::jsonb[])
    AS given (user_id, tenant_id, data)
ORDER BY given.user_id COLLATE "C", given.tenant_id COLLATE "C"
ON CONFLICT (upload_id, user_id, tenant_id) DO UPDATE SET data = excluded.data
"""

_FORGET = """
WITH locked AS MATERIALIZED (
    SELECT * FROM broadcast_recipients
    WHERE environment_id = %(environment_id)s AND upload_id = %(upload_id)s
    ORDER BY upload_id, user_id, tenant_id FOR UPDATE
)
DELETE FROM broadcast_recipients b USING locked l
WHERE (b.upload_id, b.user_id, b.tenant_id) = (l.upload_id, l.user_id, l.tenant_id)
"""

_COMPLETE = """
UPDATE broadcasts SET upload_is_complete = true
WHERE environment_id = %s AND key = %s AND upload_id = %s
"""


async def add_recipients(
    connection: Connection,
    environment_id: UUID,
    upload_id: UUID,
    recipients: Mapping[Membership, JsonObject | None],
) -> None:
    """Note whom a file names, each with the data of the broadcast for this one alone."""
    await connection.execute(
        _ADD,
        {
            "upload_id": upload_id,
            "environment_id": environment_id,
            "user_ids": [one.user_id for one in recipients],
            "tenant_ids": [one.tenant_id for one in recipients],
            "data": [None if data is None else Jsonb(data) for data in recipients.values()],
        },
    )


async def complete_upload(
    connection: Connection, environment_id: UUID, broadcast_key: str, upload_id: UUID
) -> None:
    """Note that all of a file was read, unless another one has taken its place."""
    await connection.execute(_COMPLETE, (environment_id, broadcast_key, upload_id))


async def forget_recipients(connection: Connection, environment_id: UUID, upload_id: UUID) -> None:
    """Drop whom a file names, who may be half a million."""
    await take_long(connection)
    values = {"environment_id": environment_id, "upload_id": upload_id}
    await connection.execute(_FORGET, values)
