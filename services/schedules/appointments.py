"""Next occurrences, and the word to the clock that has to look earlier for one.

Every appointment that is written here is watched: its clock has been told of a time that is not
later, or the transaction owes it that word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.schedules.rows import Appointment, Schedule
from models.queries.schedules import clocks as statements
from models.queries.schedules.schedules import appoint
from services import effect_kinds, effects
from services.engine import Engine, Unit

# No transaction lasts longer, so what it does not see was committed, or comes to look after it.
_LONGEST_TRANSACTION = timedelta(minutes=1)


def patience_of(engine: Engine) -> timedelta:
    """Return how late an occurrence may happen."""
    return timedelta(seconds=engine.settings.schedule_catch_up_seconds)


def first_appointment(
    engine: Engine, schedule: Schedule, now: datetime, zone: str | None
) -> Appointment:
    """Return when a schedule that was changed or resumed occurs next; not while it is paused.

    An occurrence whose time has come, and that was not fired yet, still happens if the schedule
    still has it.

    Args:
        engine: the parts of this process.
        schedule: as it is now.
        now: this instant.
        zone: the recipient's, as it was given.
    """
    if schedule.paused_at is not None:
        return Appointment(schedule.id, None)
    timing, named, due = schedule.timing, engine.zone_of(zone), schedule.next_occurrence_at
    if due is not None and due <= now and timing.occurs_at(due, named):
        return Appointment(schedule.id, due)
    at = timing.first(
        now,
        named,
        last=schedule.last_occurrence_at,
        patience=patience_of(engine),
    )
    return Appointment(schedule.id, at)


async def appoint_and_tell(
    unit: Unit, environment_id: UUID, appointments: Sequence[Appointment]
) -> None:
    """Note the next occurrences of schedules that the unit has locked, and tell their clocks."""
    await appoint(unit.connection, environment_id, appointments)
    await tell_clocks(unit, environment_id, appointments)


async def tell_clocks(
    unit: Unit, environment_id: UUID, appointments: Iterable[Appointment]
) -> None:
    """Owe each clock that would look too late the word of the earliest of these appointments."""
    clocks = unit.engine.settings.schedule_clocks
    earliest: dict[int, datetime] = {}
    own = []
    for each in appointments:
        own.append(each.schedule_id)
        if each.at is not None:
            clock = each.clock(clocks)
            earliest[clock] = min(each.at, earliest.get(clock, each.at))
    if not earliest:
        return
    untold = await statements.unwatched(
        unit.connection,
        environment_id,
        sorted(earliest.items()),
        own=own,
        clocks=clocks,
        soon=unit.now + _LONGEST_TRANSACTION,
    )
    for clock in sorted(untold):
        payload = effect_kinds.appointment_of_clock(clock, due_at=earliest[clock].timestamp())
        await effects.owe(unit, environment_id, effect_kinds.WAKE_CLOCK, payload)
