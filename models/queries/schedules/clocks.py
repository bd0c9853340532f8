"""Schedules as clocks see them: which are due, whatever environment they belong to.

Each schedule belongs to one of a number of clocks, by the last byte of its id. The index is by
time alone, so that the number may change: a clock passes over the others' rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.schedules.rows import Appointment, DropReason, DueSchedule, TakenSchedule
from models.sql import columns_of, fetch_all, fetch_one
from runtime.database import Connection

_CLOCK = "get_byte(uuid_send(s.id), 15) %% %(clocks)s"

_DUE = f"""
SELECT s.id, s.environment_id FROM schedules s
WHERE s.due_at <= %(now)s AND {_CLOCK} = %(clock)s
ORDER BY s.due_at, s.id LIMIT %(limit)s
"""  # noqa: S608 - fixed text

_NEXT = f"""
SELECT s.due_at FROM schedules s WHERE s.due_at IS NOT NULL AND {_CLOCK} = %(clock)s
ORDER BY s.due_at, s.id LIMIT 1
"""  # noqa: S608 - fixed text

_OVERDUE = f"""
SELECT DISTINCT {_CLOCK} AS clock FROM schedules s WHERE s.due_at < %(before)s
"""  # noqa: S608 - fixed text

# The occurrence is looked at under the lock: who changed or deleted the schedule came before.
_TAKE = f"""
SELECT {
    columns_of(
        TakenSchedule,
        "s",
        {
            "environment": "e.slug",
            "config_version": "e.config_version",
            "zone": "r.properties ->> 'timezone'",
            "is_left_over": "EXISTS (SELECT FROM branches b WHERE b.id = s.branch_id"
            " AND b.deleted_at IS NOT NULL)",
        },
    )
}
FROM schedules s JOIN environments e ON e.id = s.environment_id
LEFT JOIN recipients r ON r.environment_id = s.environment_id
    AND r.collection = s.collection AND r.id = s.recipient_id
WHERE s.environment_id = %s AND s.id = %s AND s.due_at <= %s
FOR UPDATE OF s
"""  # noqa: S608 - names of fields

_FIRED = """
UPDATE schedules
SET next_occurrence_at = %(following)s, due_at = %(following)s, failures = 0,
    last_occurrence_at = CASE WHEN %(reason)s::text IS NULL THEN %(occurrence)s::timestamptz
                              ELSE last_occurrence_at END,
    dropped_at = CASE WHEN %(reason)s::text IS NULL THEN dropped_at
                      ELSE %(occurrence)s::timestamptz END,
    drop_reason = coalesce(%(reason)s::text, drop_reason)
WHERE environment_id = %(environment_id)s AND id = %(id)s
"""

_PUT_OFF = """
UPDATE schedules
SET due_at = %(now)s + least(%(first)s * power(2, least(failures, 20)), %(longest)s),
    failures = failures + 1
WHERE environment_id = %(environment_id)s AND id = %(id)s AND due_at <= %(now)s
"""

# A clock that is going to look before an appointment, and not before this transaction is over,
# needs no word of it.
_UNWATCHED = f"""
SELECT given.clock FROM unnest(%(chosen)s::int[], %(at)s::timestamptz[]) AS given (clock, at)
WHERE NOT EXISTS (
    SELECT FROM schedules s
    WHERE s.due_at > %(soon)s AND s.due_at <= given.at AND {_CLOCK} = given.clock
      AND NOT s.id = ANY(%(own)s))
"""  # noqa: S608 - fixed text


async def due_schedules(
    connection: Connection, *, clock: int, clocks: int, now: datetime, limit: int
) -> list[DueSchedule]:
    """Return schedules of one clock whose time has come, the longest due first."""
    values = {"clock": clock, "clocks": clocks, "now": now, "limit": limit}
    return await fetch_all(connection, DueSchedule, _DUE, values)


async def next_due(connection: Connection, *, clock: int, clocks: int) -> datetime | None:
    """Return when the next schedule of a clock is due, or None when nothing is to come."""
    cursor = await connection.execute(_NEXT, {"clock": clock, "clocks": clocks})
    row = await cursor.fetchone()
    return row["due_at"] if row else None


async def overdue_clocks(connection: Connection, *, clocks: int, before: datetime) -> list[int]:
    """Return the clocks that have left a schedule alone that was due before an instant."""
    cursor = await connection.execute(_OVERDUE, {"clocks": clocks, "before": before})
    return sorted(row["clock"] for row in await cursor.fetchall())


async def unwatched(
    connection: Connection,
    environment_id: UUID,
    earliest: Sequence[tuple[int, datetime]],
    *,
    own: Sequence[UUID],
    clocks: int,
    soon: datetime,
) -> set[int]:
    """Return which clocks have to be told of an appointment.

    Args:
        connection: the transaction that makes the appointments.
        environment_id: where; clocks look after all environments.
        earliest: clocks, with the earliest appointment of each.
        own: the schedules that this transaction writes.
        clocks: how many there are.
        soon: by when the transaction is over.
    """
    values = {
        "chosen": [clock for clock, _ in earliest],
        "at": [at for _, at in earliest],
        "own": list(own),
        "clocks": clocks,
        "soon": soon,
    }
    cursor = await connection.execute(_UNWATCHED, values)
    return {row["clock"] for row in await cursor.fetchall()}


async def take_due(
    connection: Connection, environment_id: UUID, schedule_id: UUID, *, now: datetime
) -> TakenSchedule | None:
    """Lock a schedule for the rest of the transaction, if its time has come."""
    values = (environment_id, schedule_id, now)
    return await fetch_one(connection, TakenSchedule, _TAKE, values)


async def note_occurrence(
    connection: Connection,
    environment_id: UUID,
    appointment: Appointment,
    *,
    occurrence: datetime,
    reason: DropReason | None,
) -> None:
    """Note that a schedule which is locked has occurred, or why it made no run; and what follows.

    Args:
        connection: the transaction that holds it.
        environment_id: where.
        appointment: its next occurrence.
        occurrence: the one that is over.
        reason: why it made no run, or None when it made one.
    """
    values = {
        "environment_id": environment_id,
        "id": appointment.schedule_id,
        "following": appointment.at,
        "occurrence": occurrence,
        "reason": reason,
    }
    await connection.execute(_FIRED, values)


async def put_off(
    connection: Connection,
    environment_id: UUID,
    schedule_id: UUID,
    *,
    now: datetime,
    first: timedelta,
    longest: timedelta,
) -> None:
    """Let a schedule wait that could not be fired, twice as long each time, up to `longest`."""
    values = {
        "environment_id": environment_id,
        "id": schedule_id,
        "now": now,
        "first": first,
        "longest": longest,
    }
    await connection.execute(_PUT_OFF, values)
