"""Schedules as requests see them: made, changed, deleted, listed.

Whoever writes several locks them in the order of their ids, after the recipients whose they are;
so do those who delete a recipient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.recipients.refs import RecipientRef
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.schedules.requests import NewSchedules
from domain.schedules.rows import MAX_SHOWN_DATA_BYTES, Appointment, Schedule
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

# The cheap look at its size first: how much a compressed document takes, without reading it.
_SHOWN = {
    "data": f"CASE WHEN pg_column_size(s.data) <= {MAX_SHOWN_DATA_BYTES} THEN CASE WHEN"
    f" octet_length(s.data::text) <= {MAX_SHOWN_DATA_BYTES} THEN s.data END END"
}
_COLUMNS = columns_of(Schedule, "s", _SHOWN)
_LISTING = Listing(Schedule, "schedules s", "s", ("id",), expressions=_SHOWN)
_CONDITIONS = {"workflow_key": "s.workflow_key = %s", "tenant": "s.tenant_id = %s"}

_ZONES = """
SELECT r.collection, r.id, r.properties ->> 'timezone' AS zone FROM recipients r
JOIN unnest(%s::text[], %s::text[]) AS given (collection, id) USING (collection, id)
WHERE r.environment_id = %s
"""

_INSERT = f"""
INSERT INTO schedules AS s
    (id, environment_id, workflow_key, collection, recipient_id, tenant_id, actor_collection,
     actor_id, data, repeats, scheduled_at, ending_at, next_occurrence_at, due_at, failures,
     inserted_at, updated_at)
SELECT given.id, %(environment_id)s, %(workflow_key)s, given.collection, given.recipient_id,
       %(tenant_id)s, %(actor_collection)s, %(actor_id)s,
       coalesce(given.own_data, %(data)s::jsonb), %(repeats)s::jsonb, %(scheduled_at)s,
       %(ending_at)s, given.next_at, given.next_at, 0, %(now)s, %(now)s
FROM unnest(%(ids)s::uuid[], %(collections)s::text[], %(recipient_ids)s::text[],
            %(own_data)s::jsonb[], %(next_at)s::timestamptz[])
    AS given (id, collection, recipient_id, own_data, next_at)
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of fields

_LOCK = f"""
SELECT {_COLUMNS} FROM schedules s WHERE s.environment_id = %s AND s.id = ANY(%s)
ORDER BY s.id FOR UPDATE
"""  # noqa: S608 - names of fields

_LOCK_OF = f"""
SELECT {_COLUMNS} FROM schedules s
JOIN unnest(%s::text[], %s::text[]) AS given (collection, id)
    ON s.collection = given.collection AND s.recipient_id = given.id
WHERE s.environment_id = %s ORDER BY s.id FOR UPDATE OF s
"""  # noqa: S608 - names of fields

_APPOINT = """
UPDATE schedules s SET next_occurrence_at = given.at, due_at = given.at, failures = 0
FROM unnest(%s::uuid[], %s::timestamptz[]) AS given (id, at)
WHERE s.environment_id = %s AND s.id = given.id
"""

_DELETE = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM schedules WHERE environment_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
)
DELETE FROM schedules s USING locked WHERE s.id = locked.id
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of fields


@dataclass(frozen=True, slots=True)
class _Zone:
    collection: str
    id: str
    zone: str | None


async def zones_of(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> dict[RecipientRef, str | None]:
    """Return the time zones of those recipients that are stored, as they were given."""
    values = ([ref.collection for ref in refs], [ref.id for ref in refs], environment_id)
    found = await fetch_all(connection, _Zone, _ZONES, values)
    return {RecipientRef(one.collection, one.id): one.zone for one in found}


async def insert_schedules(
    connection: Connection,
    environment_id: UUID,
    wanted: NewSchedules,
    made: Sequence[tuple[RecipientRef, JsonObject | None, Appointment]],
    *,
    now: datetime,
) -> list[Schedule]:
    """Store schedules.

    Args:
        connection: inside a transaction that holds their recipients.
        environment_id: where.
        wanted: what they have in common.
        made: of each its recipient, data of its own if it has any, and id and first occurrence.
        now: when.
    """
    actor, tenant = wanted.actor, wanted.tenant
    values = {
        "environment_id": environment_id,
        "workflow_key": wanted.workflow_key,
        "tenant_id": tenant.ref.id if tenant else None,
        "actor_collection": actor.ref.collection if actor else None,
        "actor_id": actor.ref.id if actor else None,
        "data": None if wanted.data is None else Jsonb(wanted.data),
        "repeats": Jsonb(wanted.repeats),
        "scheduled_at": wanted.scheduled_at,
        "ending_at": wanted.ending_at,
        "ids": [appointment.schedule_id for _, _, appointment in made],
        "collections": [ref.collection for ref, _, _ in made],
        "recipient_ids": [ref.id for ref, _, _ in made],
        "own_data": [None if own is None else Jsonb(own) for _, own, _ in made],
        "next_at": [appointment.at for _, _, appointment in made],
        "now": now,
    }
    return await fetch_all(connection, Schedule, _INSERT, values)


async def lock_schedules(
    connection: Connection, environment_id: UUID, ids: Sequence[UUID]
) -> list[Schedule]:
    """Lock those of the schedules that are there for the rest of the transaction."""
    return await fetch_all(connection, Schedule, _LOCK, (environment_id, list(ids)))


async def lock_schedules_of(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> list[Schedule]:
    """Lock the schedules of some recipients for the rest of the transaction."""
    values = ([ref.collection for ref in refs], [ref.id for ref in refs], environment_id)
    return await fetch_all(connection, Schedule, _LOCK_OF, values)


async def change_schedules(
    connection: Connection,
    environment_id: UUID,
    ids: Sequence[UUID],
    columns: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Give schedules that are locked new values, the same to all; columns are named by us."""
    named = {
        name: Jsonb(value) if name in ("data", "repeats") and value is not None else value
        for name, value in columns.items()
    }
    changes = "".join(f"{name} = %({name})s, " for name in named)
    await connection.execute(
        f"UPDATE schedules SET {changes}updated_at = %(now)s"  # noqa: S608 - names of columns
        " WHERE environment_id = %(environment_id)s AND id = ANY(%(ids)s)",
        {**named, "environment_id": environment_id, "ids": list(ids), "now": now},
    )


async def appoint(
    connection: Connection, environment_id: UUID, appointments: Sequence[Appointment]
) -> None:
    """Note the next occurrences of schedules that are locked."""
    ids = [each.schedule_id for each in appointments]
    await connection.execute(_APPOINT, (ids, [each.at for each in appointments], environment_id))


async def delete_schedules(
    connection: Connection, environment_id: UUID, ids: Sequence[UUID]
) -> list[Schedule]:
    """Delete schedules; return those that were there."""
    return await fetch_all(connection, Schedule, _DELETE, (environment_id, list(ids)))


async def schedules_by_id(
    connection: Connection, environment_id: UUID, ids: Sequence[UUID]
) -> list[Schedule]:
    """Return those of the schedules that are there, in any order."""
    where = Where()
    where.add("s.environment_id = %s AND s.id = ANY(%s)", environment_id, list(ids))
    return await _LISTING.all(connection, where)


async def list_schedules(
    connection: Connection, environment_id: UUID, wanted: ScheduleFilters, request: PageRequest
) -> Page[Schedule]:
    """Return a page of the schedules of a workflow, newest first."""
    where = Where()
    where.add("s.environment_id = %s", environment_id)
    where.add_by_name(_CONDITIONS, wanted)
    if wanted.recipients is not None:
        where.add(
            "(s.recipient_id, s.collection) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [ref.id for ref in wanted.recipients],
            [ref.collection for ref in wanted.recipients],
        )
    return await _LISTING.page(connection, where, request)


async def list_schedules_of(
    connection: Connection,
    environment_id: UUID,
    ref: RecipientRef,
    wanted: RecipientScheduleFilters,
    request: PageRequest,
) -> Page[Schedule]:
    """Return a page of the schedules of a recipient, newest first."""
    where = Where()
    where.add("s.environment_id = %s", environment_id)
    where.recipient(ref, alias="s")
    where.add_by_name(_CONDITIONS, wanted)
    return await _LISTING.page(connection, where, request)
