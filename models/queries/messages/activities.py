"""Statements over what triggers contributed to messages."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from domain.kit.json_types import JsonObject
from models.queries.runs.own_data import OWN_DATA
from runtime.database import Connection

# Data of one run up to the first bound, newest runs first, and all together up to the second. What
# is stored compressed beyond the bound is not even unpacked to be measured. The same fold as
# `domain.workflows.run_data`: of equal keys the last one stays.
_TRIGGER_DATA = f"""
SELECT id, data FROM (
    SELECT id, data, sum(size) OVER (ORDER BY id DESC) AS total FROM (
        SELECT r.id, (w.data || coalesce(own.data, '{{}}') || coalesce(p.patch, '{{}}'))
                     - 'attachments' AS data,
               octet_length(w.data::text) + coalesce(octet_length(own.data::text), 0)
                   + coalesce(octet_length(p.patch::text), 0) AS size
        FROM recipient_runs r JOIN workflow_runs w ON w.id = r.workflow_run_id
        CROSS JOIN LATERAL (SELECT {OWN_DATA} AS data) own
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(e.key, e.value ORDER BY position) AS patch
            FROM run_patches, jsonb_each(patch) e WHERE recipient_run_id = r.id
        ) p ON true
        WHERE r.environment_id = %(environment_id)s AND r.id = ANY(%(run_ids)s)
          AND pg_column_size(w.data) + coalesce(pg_column_size(own.data), 0) <= %(each)s
        OFFSET 0
    ) AS measured
    WHERE size <= %(each)s
) AS bounded
WHERE total <= %(together)s
"""  # noqa: S608 - fixed text


async def trigger_data_of(
    connection: Connection,
    environment_id: UUID,
    run_ids: Iterable[UUID],
    *,
    each: int,
    together: int,
) -> dict[UUID, JsonObject]:
    """Return by run what its trigger carried for its recipient, without attachments.

    Runs whose data is larger than `each` bytes are left out, and those beyond `together`.
    """
    values = {
        "environment_id": environment_id,
        "run_ids": list(run_ids),
        "each": each,
        "together": together,
    }
    cursor = await connection.execute(_TRIGGER_DATA, values)
    return {row["id"]: row["data"] for row in await cursor.fetchall()}
