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

from domain.kit.pages import Page, PageRequest
from domain.recipients.refs import RecipientRef
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.schedules.rows import MAX_SHOWN_DATA_BYTES, Appointment, NewSchedule, Schedule
from models.queries.recipients.by_key import BY_KEY, GIVEN, key_values
from models.sql import Listing, Where, columns_of, fetch_all
from runtime.database import Connection

# The cheap look at its size first: how much a compressed document takes, without reading it.
_SHOWN = {
    "data": f"CASE WHEN pg_column_size(s.data) <= {MAX_SHOWN_DATA_BYTES} THEN CASE WHEN"
    f" octet_length(s.data::text) <= {MAX_SHOWN_DATA_BYTES} THEN s.data END END"
}
_COLUMNS = columns_of(Schedule, "s", _SHOWN)
_LISTING = Listing(Schedule, "schedules s", "s", ("id",), expressions=_SHOWN)
# Those of a branch are listed there, and only there.
_IN_SCOPE = "s.environment_id = %s AND s.branch_id IS NOT DISTINCT FROM %s::uuid"
_CONDITIONS = {"workflow_key": "s.workflow_key = %s", "tenant": "s.tenant_id = %s"}

_ZONES = f"""
SELECT r.collection, r.id, r.properties ->> 'timezone' AS zone
FROM {GIVEN} CROSS JOIN LATERAL ({BY_KEY}) AS r
"""  # noqa: S608 - constants

_INSERT = f"""
INSERT INTO schedules AS s
    (id, environment_id, branch_id, workflow_key, collection, recipient_id, tenant_id,
     actor_collection, actor_id, data, repeats, scheduled_at, ending_at, next_occurrence_at, due_at,
     failures, inserted_at, updated_at)
SELECT given.id, %(environment_id)s, %(branch_id)s::uuid, wanted.workflow_key, given.collection,
       given.recipient_id, wanted.tenant_id, wanted.actor_collection, wanted.actor_id,
       coalesce(given.own_data, wanted.data), wanted.repeats, wanted.scheduled_at,
       wanted.ending_at, given.next_at, given.next_at, 0, %(now)s, %(now)s
FROM unnest(%(ids)s::uuid[], %(numbers)s::int[], %(collections)s::text[],
            %(recipient_ids)s::text[], %(own_data)s::jsonb[], %(next_at)s::timestamptz[])
    AS given (id, number, collection, recipient_id, own_data, next_at)
JOIN unnest(%(workflow_keys)s::text[], %(tenant_ids)s::text[], %(actor_collections)s::text[],
            %(actor_ids)s::text[], %(data)s::jsonb[], %(repeats)s::jsonb[],
            %(scheduled_at)s::timestamptz[], %(ending_at)s::timestamptz[])
    WITH ORDINALITY AS wanted (workflow_key, tenant_id, actor_collection, actor_id, data, repeats,
                               scheduled_at, ending_at, number) USING (number)
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of fields

_LOCK = f"""
SELECT {_COLUMNS} FROM schedules s WHERE s.environment_id = %s AND s.id = ANY(%s)
ORDER BY s.id FOR UPDATE
"""  # noqa: S608 - names of fields

_LOCK_OF = f"""
SELECT {_COLUMNS} FROM schedules s
JOIN {GIVEN} ON s.collection = given.collection AND s.recipient_id = given.id
WHERE s.environment_id = %(environment_id)s ORDER BY s.id FOR UPDATE OF s
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
    found = await fetch_all(connection, _Zone, _ZONES, key_values(environment_id, refs))
    return {RecipientRef(one.collection, one.id): one.zone for one in found}


async def insert_schedules(
    connection: Connection,
    environment_id: UUID,
    made: Sequence[NewSchedule],
    *,
    branch_id: UUID | None,
    now: datetime,
) -> list[Schedule]:
    """Store schedules, in a transaction that holds their recipients; return them in any order."""
    # What many have in common is sent once: its data may have 10 MB.
    common = list({id(one.wanted): one.wanted for one in made}.values())
    numbers = {id(wanted): number for number, wanted in enumerate(common, 1)}
    actors = [None if wanted.actor is None else wanted.actor.ref for wanted in common]
    values = {
        "environment_id": environment_id,
        "branch_id": branch_id,
        "workflow_keys": [wanted.workflow_key for wanted in common],
        "tenant_ids": [None if one.tenant is None else one.tenant.ref.id for one in common],
        "actor_collections": [None if actor is None else actor.collection for actor in actors],
        "actor_ids": [None if actor is None else actor.id for actor in actors],
        "data": [None if one.data is None else Jsonb(one.data) for one in common],
        "repeats": [Jsonb(wanted.repeats) for wanted in common],
        "scheduled_at": [wanted.scheduled_at for wanted in common],
        "ending_at": [wanted.ending_at for wanted in common],
        "ids": [one.appointment.schedule_id for one in made],
        "numbers": [numbers[id(one.wanted)] for one in made],
        "collections": [one.recipient.collection for one in made],
        "recipient_ids": [one.recipient.id for one in made],
        "own_data": [None if one.own_data is None else Jsonb(one.own_data) for one in made],
        "next_at": [one.appointment.at for one in made],
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
    return await fetch_all(connection, Schedule, _LOCK_OF, key_values(environment_id, refs))


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
    connection: Connection,
    environment_id: UUID,
    wanted: ScheduleFilters,
    request: PageRequest,
    *,
    branch_id: UUID | None,
) -> Page[Schedule]:
    """Return a page of the schedules of a workflow, newest first."""
    where = Where()
    where.add(_IN_SCOPE, environment_id, branch_id)
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
    *,
    branch_id: UUID | None,
) -> Page[Schedule]:
    """Return a page of the schedules of a recipient, newest first."""
    where = Where()
    where.add(_IN_SCOPE, environment_id, branch_id)
    where.recipient(ref, alias="s")
    where.add_by_name(_CONDITIONS, wanted)
    return await _LISTING.page(connection, where, request)
