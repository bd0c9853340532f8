"""Statements that accept a trigger and hand its runs over to Temporal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.idempotency import IdempotencyClaim, StoredAnswer
from domain.ids import FIRST_ID, LAST_ID, recipient_run_id
from domain.triggers import TriggerRequest
from models.queries.idempotency import TAKE, take_values
from runtime.database import Connection

# Everything in one statement: the answer to an Idempotency-Key, the trigger and its runs exist
# together or not at all. A concurrent twin waits at the key, finds it taken, and writes nothing.
# A recipient that was only referred to gets a run if it is stored; the others are noted.
_ACCEPT = f"""
WITH taken AS ({TAKE}
), allowed AS (
    SELECT 1 WHERE %(claim_key)s::text IS NULL OR EXISTS (SELECT FROM taken)
), given AS (
    SELECT given.* FROM allowed, unnest(
        %(run_ids)s::uuid[], %(collections)s::text[], %(recipient_ids)s::text[],
        %(trigger_data)s::jsonb[], %(stored)s::boolean[])
        AS given (id, collection, recipient_id, trigger_data, stored)
), known AS (
    SELECT * FROM given WHERE stored OR EXISTS (
        SELECT FROM recipients r WHERE r.environment_id = %(environment_id)s
           AND r.collection = given.collection AND r.id = given.recipient_id)
), accepted AS (
    INSERT INTO workflow_runs
        (id, environment_id, workflow_key, version_id, actor_collection, actor_id, tenant_id,
         cancellation_key, data, settings, source, recipient_count, missing_recipients,
         accepted_at)
    SELECT %(id)s, %(environment_id)s, %(workflow_key)s, %(version_id)s, %(actor_collection)s,
           %(actor_id)s, %(tenant_id)s, %(cancellation_key)s, %(data)s, %(settings)s, %(source)s,
           (SELECT count(*) FROM known),
           (SELECT jsonb_agg(CASE WHEN collection = '$users' THEN to_jsonb(recipient_id)
                ELSE jsonb_build_object('id', recipient_id, 'collection', collection) END)
            FROM given WHERE id NOT IN (SELECT id FROM known)),
           %(now)s
    FROM allowed
    RETURNING id
), owed AS (
    INSERT INTO trigger_releases
        (workflow_run_id, environment_id, accepted_at, due_at, attempts, fanout)
    SELECT %(id)s, %(environment_id)s, now(), now() + %(release_within)s, 0, 1
    FROM allowed WHERE EXISTS (SELECT FROM known)
), made AS (
    INSERT INTO recipient_runs
        (id, environment_id, workflow_run_id, workflow_key, version_id, collection, recipient_id,
         tenant_id, cancellation_key, trigger_data, status, error_count, event_count,
         step_outcomes, inserted_at, updated_at)
    SELECT known.id, %(environment_id)s, %(id)s, %(workflow_key)s, %(version_id)s,
           known.collection, known.recipient_id, %(tenant_id)s, %(cancellation_key)s,
           known.trigger_data, 'queued', 0, 0, '{{}}', %(now)s, %(now)s
    FROM known
    RETURNING id, collection, recipient_id, workflow_key, tenant_id, cancellation_key,
              workflow_run_id, environment_id, event_count
)
SELECT made.* FROM accepted LEFT JOIN made ON true
"""  # noqa: S608 - both parts are constants of ours

_STARTABLE = """
SELECT r.id, r.collection, r.recipient_id, r.workflow_key, r.tenant_id, r.cancellation_key,
       r.workflow_run_id, r.environment_id, r.event_count, r.updated_at AS alive_at,
       e.slug AS environment
FROM recipient_runs r JOIN environments e ON e.id = r.environment_id
WHERE r.workflow_run_id = %s AND r.id > %s AND r.id <= %s AND r.status = 'queued'
ORDER BY r.id LIMIT %s
"""


async def accept_trigger(
    connection: Connection,
    environment_id: UUID,
    request: TriggerRequest,
    *,
    workflow_run_id: UUID,
    version_id: UUID,
    claim: IdempotencyClaim | None,
    answer: StoredAnswer,
    now: datetime,
    release_within: timedelta,
) -> list[dict[str, Any]] | None:
    """Store a trigger and its runs in state `queued`.

    Args:
        connection: in a transaction or not; the statement is one by itself.
        environment_id: where.
        request: the trigger.
        workflow_run_id: its id.
        version_id: what its runs walk through.
        claim: the key to take with it, or None when it has none or has taken it already.
        answer: what the key is answered with from now on.
        now: the instant it happens.
        release_within: after which time the sweep releases it, unless it is released by then.

    Returns:
        The runs; or None when the key was taken before, and nothing was stored.
    """
    actor = request.actor.ref if request.actor else None
    recipients = request.recipients
    cursor = await connection.execute(
        _ACCEPT,
        {
            **take_values(environment_id, claim, answer=answer, now=now),
            "id": workflow_run_id,
            "release_within": release_within,
            "workflow_key": request.workflow_key,
            "version_id": version_id,
            "actor_collection": actor.collection if actor else None,
            "actor_id": actor.id if actor else None,
            "tenant_id": request.tenant.ref.id if request.tenant else None,
            "cancellation_key": request.cancellation_key,
            "data": Jsonb(request.data),
            "settings": Jsonb(request.settings),
            "source": Jsonb(request.source),
            "run_ids": [recipient_run_id(workflow_run_id, entry.ref.gid) for entry in recipients],
            "collections": [entry.ref.collection for entry in recipients],
            "recipient_ids": [entry.ref.id for entry in recipients],
            "trigger_data": [
                None if entry.trigger_data is None else Jsonb(entry.trigger_data)
                for entry in recipients
            ],
            "stored": [entry.properties is not None for entry in recipients],
        },
    )
    rows = await cursor.fetchall()
    if not rows:
        return None
    # A trigger without runs answers one row of nulls.
    return [row for row in rows if row["id"] is not None]


async def startable_runs(
    connection: Connection,
    workflow_run_id: UUID,
    *,
    after: UUID = FIRST_ID,
    last: UUID = LAST_ID,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return the runs of a trigger, in a range of ids, that have not begun."""
    cursor = await connection.execute(_STARTABLE, (workflow_run_id, after, last, limit))
    return await cursor.fetchall()
