"""Statements that tell whether something is known by the key by which runs and messages name it."""

from __future__ import annotations

from uuid import UUID

from domain.content.workflow import WORKFLOW
from runtime.database import Connection

# A workflow of the environment or of its branches, saved, published or archived; or a broadcast.
_HAS_WORKFLOW = f"""
SELECT EXISTS (
    SELECT FROM content_resources
    WHERE (environment_id = %(environment_id)s OR environment_id IN (
            SELECT id FROM branches WHERE environment_id = %(environment_id)s))
      AND resource_type = '{WORKFLOW.name}' AND key = %(key)s
) OR EXISTS (
    SELECT FROM broadcasts WHERE environment_id = %(environment_id)s AND key = %(key)s
) AS found
"""  # noqa: S608 - a constant


async def has_workflow(connection: Connection, environment_id: UUID, key: str) -> bool:
    """Tell whether an environment has, or had, a workflow or a broadcast of this key."""
    cursor = await connection.execute(_HAS_WORKFLOW, {"environment_id": environment_id, "key": key})
    row = await cursor.fetchone()
    return row is not None and bool(row["found"])
