"""Statements over the files that go with messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from runtime.database import Connection

_KNOWN = "SELECT digest FROM attachments WHERE workflow_run_id = %s AND digest = ANY(%s)"

# Bytes as they are: written as text they would be escaped, which keeps everybody waiting.
_KEEP = """
INSERT INTO attachments (workflow_run_id, digest, environment_id, content)
SELECT %s, digest, %s, content
FROM unnest(%s::text[], %b::bytea[]) AS kept (digest, content)
ON CONFLICT DO NOTHING
"""

_CONTENTS = """
SELECT digest, content FROM attachments
WHERE environment_id = %s AND workflow_run_id = %s AND digest = ANY(%s)
"""


async def keep_attachments(
    connection: Connection,
    environment_id: UUID,
    workflow_run_id: UUID,
    contents: Mapping[str, bytes],
) -> None:
    """Keep files of a trigger by their digests; those that are there already are not sent again.

    Called last in a transaction: who keeps the same file meanwhile waits for its end.
    """
    cursor = await connection.execute(_KNOWN, (workflow_run_id, list(contents)))
    known = {row["digest"] for row in await cursor.fetchall()}
    # In one order for everybody, so that no two wait for each other.
    new = sorted(contents.keys() - known)
    if new:
        values = (workflow_run_id, environment_id, new, [contents[digest] for digest in new])
        await connection.execute(_KEEP, values)


async def contents_of(
    connection: Connection,
    environment_id: UUID,
    workflow_run_id: UUID,
    digests: Collection[str],
) -> dict[str, bytes]:
    """Return files of a trigger by their digests; those that are gone are missing."""
    cursor = await connection.execute(_CONTENTS, (environment_id, workflow_run_id, list(digests)))
    return {row["digest"]: row["content"] for row in await cursor.fetchall()}
