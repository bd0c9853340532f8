"""What operators do with single schedules: look at one, pause it, and resume it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.principals import EnvironmentScope
from domain.schedules.rows import Schedule
from models.queries.schedules import schedules as statements
from services.engine import Engine
from services.schedules.appointments import appoint_and_tell, first_appointment

_MISSING = "The schedule does not exist."


async def get_schedule(
    engine: Engine, environment: EnvironmentScope, schedule_id: UUID
) -> Schedule:
    """Return a schedule. Raises NotFound."""
    async with engine.connection() as connection:
        found = await statements.schedules_by_id(connection, environment.id, [schedule_id])
    if not found:
        raise NotFound(_MISSING)
    return found[0]


async def pause_schedule(
    engine: Engine, environment: EnvironmentScope, schedule_id: UUID
) -> Schedule:
    """Let nothing occur until the schedule is resumed; one that is paused stays so.

    Raises:
        NotFound: there is no such schedule.
    """
    return await _set_pause(engine, environment, schedule_id, paused=True)


async def resume_schedule(
    engine: Engine, environment: EnvironmentScope, schedule_id: UUID
) -> Schedule:
    """Let the schedule occur again, from now on; one that is not paused stays as it is.

    Raises:
        NotFound: there is no such schedule.
    """
    return await _set_pause(engine, environment, schedule_id, paused=False)


async def _set_pause(
    engine: Engine, environment: EnvironmentScope, schedule_id: UUID, *, paused: bool
) -> Schedule:
    async with engine.unit() as unit:
        connection = unit.connection
        locked = await statements.lock_schedules(connection, environment.id, [schedule_id])
        if not locked:
            raise NotFound(_MISSING)
        (schedule,) = locked
        if (schedule.paused_at is not None) is paused:
            return schedule
        paused_at = unit.now if paused else None
        await statements.change_schedules(
            connection, environment.id, [schedule_id], {"paused_at": paused_at}, now=unit.now
        )
        schedule = replace(schedule, paused_at=paused_at, updated_at=unit.now)
        zones = await statements.zones_of(connection, environment.id, [schedule.recipient])
        appointment = first_appointment(engine, schedule, unit.now, zones.get(schedule.recipient))
        await appoint_and_tell(unit, environment.id, [appointment])
    return replace(schedule, next_occurrence_at=appointment.at)
