"""Statements that make the runs of a broadcast: who receives it is written down when it is sent.

Whoever makes a page holds the broadcast's row in `trigger_expansions`, as for those who follow an
object, and so does whoever stops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.recipients.refs import USERS
from domain.runs.statuses import RunStatus
from domain.triggers.addressees import (
    ADDRESSED,
    BROADCAST_SOURCE,
    Addressee,
    BroadcastTrigger,
)
from domain.triggers.expansions import Expansion
from models.queries.triggers.expansions import FIRST_PLACE
from models.sql import fetch_all
from runtime.database import Connection, take_long

_ACCEPT = f"""
WITH accepted AS (
    INSERT INTO workflow_runs
        (id, environment_id, workflow_key, version_id, cancellation_key, data, settings, source,
         recipient_count, accepted_at)
    VALUES (%(id)s, %(environment_id)s, %(key)s, %(version_id)s, %(cancellation_key)s, '{{}}',
            '{{}}', %(source)s, %(recipient_count)s, %(now)s)
), owed AS (
    INSERT INTO trigger_releases
        (workflow_run_id, environment_id, accepted_at, due_at, attempts, fanout)
    VALUES (%(id)s, %(environment_id)s, now(), now() + %(release_within)s, 0, 1)
)
INSERT INTO trigger_expansions
    (workflow_run_id, environment_id, workflow_key, cancellation_key, cancellation_ids, depth,
     through_id, after_at, after_collection, after_id)
VALUES (%(id)s, %(environment_id)s, %(key)s, %(cancellation_key)s, '{{}}', {ADDRESSED},
        {FIRST_PLACE})
"""  # noqa: S608 - constants

# One statement, so one snapshot: whoever joins or leaves meanwhile changes nothing.
_WRITE_DOWN = """
INSERT INTO broadcast_addressees (workflow_run_id, environment_id, user_id, tenant_id)
"""
_MEMBERS = f"""
{_WRITE_DOWN}
SELECT %(id)s, %(environment_id)s, user_id, tenant_id FROM audience_members
WHERE environment_id = %(environment_id)s AND audience_key = %(audience_key)s
"""  # noqa: S608 - constants
_EVERYBODY = f"""
{_WRITE_DOWN}
SELECT %(id)s, %(environment_id)s, id, '' FROM recipients
WHERE environment_id = %(environment_id)s AND collection = '{USERS}'
"""  # noqa: S608 - constants

# Nobody asks any more whom the file has named.
_UPLOADED = """
WITH locked AS MATERIALIZED (
    SELECT * FROM broadcast_recipients
    WHERE environment_id = %(environment_id)s AND upload_id = %(upload_id)s
    ORDER BY upload_id, user_id, tenant_id FOR UPDATE
), taken AS (
    DELETE FROM broadcast_recipients b USING locked l
    WHERE (b.upload_id, b.user_id, b.tenant_id) = (l.upload_id, l.user_id, l.tenant_id)
    RETURNING b.user_id, b.tenant_id, b.data
)
INSERT INTO broadcast_addressees (workflow_run_id, environment_id, user_id, tenant_id, data)
SELECT %(id)s, %(environment_id)s, user_id, tenant_id, data FROM taken
"""

# Behind whom the last page has ended: what was deleted since then is not read again. The place is
# kept where that among followers is, the tenant in the column of the collection.
_NEXT = """
SELECT user_id, tenant_id FROM broadcast_addressees
WHERE workflow_run_id = %s AND environment_id = %s AND (user_id, tenant_id) > (%s, %s)
ORDER BY user_id, tenant_id LIMIT %s
"""

# Who is not stored any more receives nothing. With EXISTS, PostgreSQL might rather read all users
# at once than look for a page of them.
_ADD = f"""
WITH given AS (
    SELECT * FROM unnest(%(run_ids)s::uuid[], %(user_ids)s::text[], %(tenant_ids)s::text[])
        AS given (id, user_id, tenant_id)
), taken AS (
    DELETE FROM broadcast_addressees a USING given
    WHERE a.workflow_run_id = %(id)s AND a.environment_id = %(environment_id)s
      AND a.user_id = given.user_id AND a.tenant_id = given.tenant_id
    RETURNING given.*, a.data
)
INSERT INTO recipient_runs
    (id, environment_id, workflow_run_id, workflow_key, version_id, collection, recipient_id,
     tenant_id, cancellation_key, trigger_data, status, error_count, event_count, step_outcomes,
     inserted_at, updated_at)
SELECT taken.id, %(environment_id)s, %(id)s, w.workflow_key, w.version_id, '{USERS}',
       taken.user_id, nullif(taken.tenant_id, ''), w.cancellation_key, taken.data,
       '{RunStatus.QUEUED}', 0, 0, '{{}}', w.accepted_at, %(now)s
FROM taken JOIN workflow_runs w ON w.id = %(id)s
WHERE (SELECT true FROM recipients r WHERE r.environment_id = %(environment_id)s
    AND r.collection = '{USERS}' AND r.id = taken.user_id)
ORDER BY taken.id
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - constants


async def accept_broadcast(
    connection: Connection, environment_id: UUID, trigger: BroadcastTrigger, now: datetime
) -> int:
    """Store the trigger that a broadcast becomes, and who receives it; the runs are made later.

    Returns:
        How many receive it: there may be millions.
    """
    await take_long(connection)
    values = {
        "id": trigger.workflow_run_id,
        "environment_id": environment_id,
        "audience_key": trigger.audience_key,
        "upload_id": trigger.upload_id,
    }
    statement = _EVERYBODY if trigger.audience_key is None else _MEMBERS
    if trigger.upload_id is not None:
        statement = _UPLOADED
    addressed = await connection.execute(statement, values)
    await connection.execute(
        _ACCEPT,
        {
            **values,
            "key": trigger.key,
            "version_id": trigger.version_id,
            "cancellation_key": trigger.cancellation_key,
            "source": Jsonb(trigger.source),
            "release_within": trigger.release_within,
            "recipient_count": addressed.rowcount,
            "now": now,
        },
    )
    return addressed.rowcount


async def next_addressees(
    connection: Connection, expansion: Expansion, *, limit: int
) -> list[Addressee]:
    """Return those who come next; fewer than `limit` are the last."""
    owner = (expansion.workflow_run_id, expansion.environment_id)
    values = (*owner, expansion.after_id, expansion.after_collection, limit)
    return await fetch_all(connection, Addressee, _NEXT, values)


async def add_runs(
    connection: Connection, expansion: Expansion, page: Sequence[Addressee], now: datetime
) -> None:
    """Store the runs of a page in state `queued`, and take the page off the list."""
    await connection.execute(
        _ADD,
        {
            "id": expansion.workflow_run_id,
            "environment_id": expansion.environment_id,
            "run_ids": [one.run_id(expansion.workflow_run_id) for one in page],
            "user_ids": [one.user_id for one in page],
            "tenant_ids": [one.tenant_id for one in page],
            "now": now,
        },
    )


async def forget_addressees(
    connection: Connection, environment_id: UUID, workflow_run_id: UUID
) -> int:
    """Let those receive nothing who have no run yet; returns how many there were."""
    cursor = await connection.execute(
        "DELETE FROM broadcast_addressees WHERE workflow_run_id = %s AND environment_id = %s",
        (workflow_run_id, environment_id),
    )
    return cursor.rowcount


async def is_broadcast(connection: Connection, environment_id: UUID, workflow_run_id: UUID) -> bool:
    """Tell whether a trigger is a broadcast."""
    cursor = await connection.execute(
        "SELECT source ->> 'type' = %s AS is_broadcast FROM workflow_runs"
        " WHERE id = %s AND environment_id = %s",
        (BROADCAST_SOURCE, workflow_run_id, environment_id),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["is_broadcast"])
