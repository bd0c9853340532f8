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

# Nobody has to store a tenant before a member of an audience names it, and runs with it.
_HAS_OF_TENANT = """
SELECT EXISTS (
    SELECT FROM recipient_runs
    WHERE environment_id = %(environment_id)s AND tenant_id = %(tenant)s
) OR EXISTS (
    SELECT FROM audience_members
    WHERE environment_id = %(environment_id)s AND tenant_id = %(tenant)s
) AS found
"""


async def has_workflow(connection: Connection, environment_id: UUID, key: str) -> bool:
    """Tell whether an environment has, or had, a workflow or a broadcast of this key."""
    cursor = await connection.execute(_HAS_WORKFLOW, {"environment_id": environment_id, "key": key})
    row = await cursor.fetchone()
    return row is not None and bool(row["found"])


async def has_of_tenant(connection: Connection, environment_id: UUID, tenant: str) -> bool:
    """Tell whether a run or a member of an audience is of a tenant, which need not be stored."""
    values = {"environment_id": environment_id, "tenant": tenant}
    cursor = await connection.execute(_HAS_OF_TENANT, values)
    row = await cursor.fetchone()
    return row is not None and bool(row["found"])
