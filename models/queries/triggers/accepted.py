"""Statement that reads a trigger back."""

from __future__ import annotations

from uuid import UUID

from domain.triggers.rows import AcceptedTrigger
from models.queries.runs.runs import BRANCH
from models.sql import columns_of, fetch_one
from runtime.database import Connection

_EXPRESSIONS = {
    "branch": BRANCH,
    "has_runs": "EXISTS (SELECT FROM recipient_runs r WHERE r.workflow_run_id = w.id)",
    "is_being_made": "EXISTS (SELECT FROM trigger_expansions x WHERE x.workflow_run_id = w.id)",
}
_ACCEPTED = f"""
SELECT {columns_of(AcceptedTrigger, "w", _EXPRESSIONS)} FROM workflow_runs w
WHERE w.environment_id = %s AND w.id = %s
"""  # noqa: S608 - names of fields


async def get_accepted(
    connection: Connection, environment_id: UUID, workflow_run_id: UUID
) -> AcceptedTrigger | None:
    """Return a trigger, or None."""
    return await fetch_one(
        connection, AcceptedTrigger, _ACCEPTED, (environment_id, workflow_run_id)
    )
