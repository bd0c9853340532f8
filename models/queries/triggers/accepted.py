"""Statements that read a trigger back, and keep one that was refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.triggers.requests import TriggerRequest
from domain.triggers.rows import REFUSED, AcceptedTrigger
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
_REFUSED = """
INSERT INTO workflow_runs
    (id, environment_id, workflow_key, version_id, tenant_id, data, settings, source,
     recipient_count, held_back_recipients, accepted_at)
VALUES (%s, %s, %s, %s, %s, '{}', '{}', %s, 0, %s, %s)
"""


async def get_accepted(
    connection: Connection, environment_id: UUID, workflow_run_id: UUID
) -> AcceptedTrigger | None:
    """Return a trigger, or None."""
    return await fetch_one(
        connection, AcceptedTrigger, _ACCEPTED, (environment_id, workflow_run_id)
    )


async def keep_refused(
    connection: Connection,
    environment_id: UUID,
    request: TriggerRequest,
    *,
    workflow_run_id: UUID,
    version_id: UUID,
    reason: str,
    now: datetime,
) -> None:
    """Keep a trigger of users that its workflow refuses; nothing of it is released.

    Args:
        connection: in a transaction or not.
        environment_id: where.
        request: the trigger.
        workflow_run_id: the id that it would have had.
        version_id: of the workflow that refuses it.
        reason: for people; it must not quote data.
        now: the instant.
    """
    tenant_id = request.tenant.ref.id if request.tenant else None
    users = [one.ref.id for one in request.recipients]
    what = (workflow_run_id, environment_id, request.workflow_key, version_id, tenant_id)
    source = Jsonb({**request.source, REFUSED: reason})
    await connection.execute(_REFUSED, (*what, source, Jsonb(users), now))
