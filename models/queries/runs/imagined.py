"""Statements that find out whom an imagined trigger would reach; they lock and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.audiences.members import NO_TENANT, Membership
from domain.kit.ids import first_id_at
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.subscriptions import ReachedThrough
from domain.schedules.rows import MAX_SHOWN_DATA_BYTES
from domain.triggers.expansions import Followed, Follower
from domain.what_if.rows import ComingSchedule, Named, People, Uploaded
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.queries.runs.walks import PREFERENCES
from models.sql import columns_of, fetch_all
from runtime.database import Connection

_PEOPLE = f"""
SELECT to_jsonb(recipient) AS recipient, to_jsonb(actor) AS actor, to_jsonb(tenant) AS tenant,
       {PREFERENCES} AS preferences
FROM jsonb_to_recordset(%s) AS r (
    position int, environment_id uuid, collection text, recipient_id text,
    actor_collection text, actor_id text, tenant_id text)
LEFT JOIN recipients recipient ON recipient.environment_id = r.environment_id
    AND recipient.collection = r.collection AND recipient.id = r.recipient_id
LEFT JOIN recipients actor ON actor.environment_id = r.environment_id
    AND actor.collection = r.actor_collection AND actor.id = r.actor_id
LEFT JOIN recipients tenant ON tenant.environment_id = r.environment_id
    AND tenant.collection = '{TENANTS}' AND tenant.id = r.tenant_id
ORDER BY r.position
"""  # noqa: S608 - names of fields

_ENTERED = """
SELECT f.collection, f.recipient_id, f.tenant_id FROM {table} f
JOIN unnest(%s::text[], %s::text[]) AS given (collection, id)
    ON f.collection = given.collection AND f.recipient_id = given.id
WHERE f.environment_id = %s AND f.workflow_key = %s AND f.recipient_run_id < %s
"""

_MEMBERS = """
SELECT user_id, tenant_id FROM audience_members
WHERE environment_id = %s AND audience_key = %s ORDER BY user_id, tenant_id LIMIT %s
"""
_EVERYBODY = f"""
SELECT id AS user_id, '{NO_TENANT}' AS tenant_id FROM recipients
WHERE environment_id = %s AND collection = '{USERS}' ORDER BY id LIMIT %s
"""  # noqa: S608 - constants

# Data that is too much together is not all read.
_UPLOADED = """
SELECT user_id, tenant_id, is_readable, CASE WHEN is_readable THEN data END AS data
FROM (
    SELECT chosen.*, sum(coalesce(octet_length(data::text), 0))
        OVER (ORDER BY user_id, tenant_id) <= %(room)s AS is_readable
    FROM (
        SELECT user_id, tenant_id, data FROM broadcast_recipients
        WHERE environment_id = %(environment_id)s AND upload_id = %(upload_id)s
        ORDER BY user_id, tenant_id LIMIT %(limit)s
    ) chosen
) listed
ORDER BY user_id, tenant_id
"""

# Object by object the oldest first, as they are made.
_FOLLOWERS = """
SELECT o.id AS through_id, o.root_id, s.recipient_collection AS collection, s.recipient_id,
       s.inserted_at AS subscribed_at
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])
    AS o (id, root_id, collection, object_id)
CROSS JOIN LATERAL (
    SELECT * FROM subscriptions s
    WHERE s.environment_id = %s
      AND s.object_collection = o.collection AND s.object_id = o.object_id
    ORDER BY s.inserted_at, s.recipient_collection, s.recipient_id LIMIT %s
) s
LIMIT %s
"""

_WAYS = """
SELECT given.collection, given.id, s.properties, to_jsonb(o) AS object
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
    AS given (object_collection, object_id, collection, id)
LEFT JOIN recipients o ON o.environment_id = %s
    AND o.collection = given.object_collection AND o.id = given.object_id
LEFT JOIN subscriptions s ON s.environment_id = %s
    AND s.object_collection = given.object_collection AND s.object_id = given.object_id
    AND s.recipient_collection = given.collection AND s.recipient_id = given.id
"""

_NEWEST_USERS = f"""
SELECT id FROM recipients WHERE environment_id = %s AND collection = '{USERS}'
ORDER BY inserted_at DESC, id DESC LIMIT %s
"""  # noqa: S608 - constants

_USERS = f"""
SELECT {columns_of(Recipient, "r")} FROM recipients r
WHERE environment_id = %s AND collection = '{USERS}' AND id > %s ORDER BY collection, id LIMIT %s
"""  # noqa: S608 - names of fields

# Data that is large is not read, and of many schedules not all of it: see `MAX_SHOWN_DATA_BYTES`.
_SIZE = f"""CASE WHEN pg_column_size(s.data) > {MAX_SHOWN_DATA_BYTES} THEN NULL
    ELSE coalesce(octet_length(s.data::text), 0) END"""
_SCHEDULES = f"""
SELECT {
    columns_of(
        ComingSchedule,
        "s",
        {
            "zone": "r.properties ->> 'timezone'",
            "data": "CASE WHEN s.is_readable THEN s.data END",
        },
    )
}
FROM (
    SELECT chosen.*, size IS NOT NULL AND sum(size) OVER (ORDER BY id) <= %(room)s AS is_readable
    FROM (
        SELECT s.*, {_SIZE} AS size FROM schedules s
        WHERE s.environment_id = %(environment_id)s AND s.workflow_key = %(workflow_key)s
          AND s.branch_id IS NULL AND s.next_occurrence_at <= %(until)s
        ORDER BY s.id LIMIT %(limit)s
    ) chosen
) s
LEFT JOIN recipients r ON r.environment_id = s.environment_id
    AND r.collection = s.collection AND r.id = s.recipient_id
ORDER BY s.id
"""  # noqa: S608 - names of fields


async def people_of(
    connection: Connection, environment_id: UUID, named: Sequence[Named]
) -> list[People]:
    """Return whom triggers name, as they are stored, in the order of `named`."""
    rows = [
        {
            "position": position,
            "environment_id": str(environment_id),
            "collection": each.recipient.collection,
            "recipient_id": each.recipient.id,
            "actor_collection": each.actor.collection if each.actor else None,
            "actor_id": each.actor.id if each.actor else None,
            "tenant_id": each.tenant_id,
        }
        for position, each in enumerate(named)
    ]
    return await fetch_all(connection, People, _PEOPLE, (Jsonb(rows),))


async def entered(
    connection: Connection,
    environment_id: UUID,
    workflow_key: str,
    recipients: Sequence[RecipientRef],
    *,
    before: datetime,
    is_sandboxed: bool,
) -> set[tuple[RecipientRef, str]]:
    """Return who had entered a workflow that takes everybody once, each with the tenant or none.

    Args:
        connection: to read with.
        environment_id: the environment, or the branch whose content it is.
        workflow_key: of the workflow.
        recipients: of whom.
        before: only who had by then.
        is_sandboxed: whether in sandbox mode, which counts by itself.
    """
    values: tuple[Any, ...] = (
        [ref.collection for ref in recipients],
        [ref.id for ref in recipients],
        environment_id,
        workflow_key,
        first_id_at(before),
    )
    statement = _ENTERED.format(table=FIRST_RUN_TABLES[is_sandboxed])
    cursor = await connection.execute(statement, values)
    return {
        (RecipientRef(row["collection"], row["recipient_id"]), row["tenant_id"])
        for row in await cursor.fetchall()
    }


async def addressees_of(
    connection: Connection, environment_id: UUID, audience_key: str | None, *, limit: int
) -> list[Membership]:
    """Return the first of those whom a broadcast would reach: members, or every user."""
    if audience_key is None:
        return await fetch_all(connection, Membership, _EVERYBODY, (environment_id, limit))
    values = (environment_id, audience_key, limit)
    return await fetch_all(connection, Membership, _MEMBERS, values)


async def uploaded_of(
    connection: Connection, environment_id: UUID, upload_id: UUID, *, limit: int, room: int
) -> list[Uploaded]:
    """Return the first of those whom the file of a broadcast names.

    Args:
        connection: to read with.
        environment_id: where.
        upload_id: the file.
        limit: so many at most.
        room: bytes of data that are read of all of them.
    """
    values = {
        "environment_id": environment_id,
        "upload_id": upload_id,
        "limit": limit,
        "room": room,
    }
    return await fetch_all(connection, Uploaded, _UPLOADED, values)


async def followers_of(
    connection: Connection, environment_id: UUID, objects: Sequence[Followed], *, limit: int
) -> list[Follower]:
    """Return those who follow some objects, as many as are wanted."""
    columns = (
        [each.id for each in objects],
        [each.root_id for each in objects],
        [each.collection for each in objects],
        [each.object_id for each in objects],
    )
    values = (*columns, environment_id, limit, limit)
    return await fetch_all(connection, Follower, _FOLLOWERS, values)


async def ways_of(
    connection: Connection,
    environment_id: UUID,
    ways: Sequence[tuple[RecipientRef, RecipientRef]],
) -> dict[RecipientRef, ReachedThrough]:
    """Return how recipients are reached, each through one object, by recipient."""
    if not ways:
        return {}
    columns = (
        [through.collection for through, _ in ways],
        [through.id for through, _ in ways],
        [ref.collection for _, ref in ways],
        [ref.id for _, ref in ways],
    )
    cursor = await connection.execute(_WAYS, (*columns, environment_id, environment_id))
    return {
        RecipientRef(row["collection"], row["id"]): ReachedThrough(row["properties"], row["object"])
        for row in await cursor.fetchall()
    }


async def newest_users(connection: Connection, environment_id: UUID, *, limit: int) -> list[str]:
    """Return the ids of the newest users, the newest first."""
    cursor = await connection.execute(_NEWEST_USERS, (environment_id, limit))
    return [row["id"] for row in await cursor.fetchall()]


async def coming_schedules(
    connection: Connection,
    environment_id: UUID,
    workflow_key: str,
    *,
    until: datetime,
    limit: int,
    room: int,
) -> list[ComingSchedule]:
    """Return schedules of a workflow that occur by an instant, the oldest first.

    Args:
        connection: to read with.
        environment_id: where; those of branches are left out.
        workflow_key: of the workflow.
        until: what does not occur by then is left out.
        limit: so many at most.
        room: bytes of data that are read of all of them.
    """
    values = {
        "environment_id": environment_id,
        "workflow_key": workflow_key,
        "until": until,
        "limit": limit,
        "room": room,
    }
    return await fetch_all(connection, ComingSchedule, _SCHEDULES, values)


async def users_after(
    connection: Connection, environment_id: UUID, user_id: str, *, limit: int
) -> list[Recipient]:
    """Return the users whose ids come next after one, by id."""
    return await fetch_all(connection, Recipient, _USERS, (environment_id, user_id, limit))
