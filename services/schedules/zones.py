"""Schedules follow their recipients into another time zone.

A trigger of the database notes everybody whose zone was changed. Whoever changes a recipient has
the schedules follow in the same transaction; the sweep looks once more when everything that was
under way then is over: a schedule that was just being made, or a change by somebody who did not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from domain.schedules.rows import Move
from models.queries.schedules import moves
from models.queries.schedules import schedules as statements
from runtime.logs import get_logger
from services.engine import Engine, Unit
from services.in_pages import in_pages
from services.schedules.appointments import appoint_and_tell, first_appointment

_log = get_logger(__name__)

# Longer than any transaction.
_SETTLES = timedelta(minutes=1)
_PAGE_SIZE = 100


async def follow_zones(unit: Unit, environment_id: UUID, people: Iterable[InlineRecipient]) -> None:
    """Let the schedules of those follow who were stored in this unit and have another zone now."""
    # Most say nothing of a zone, and cost nothing.
    named = [one.ref for one in people if one.properties and "timezone" in one.properties]
    if not named:
        return
    moved = await moves.moved_among(unit.connection, environment_id, named)
    if moved:
        await _follow(unit, environment_id, moved)


async def follow_settled_moves(engine: Engine) -> int:
    """Look once more after those who moved a while ago; one that fails keeps no other waiting.

    Returns:
        How many there were.

    Raises:
        Unavailable: the database is away.
    """
    return await in_pages(
        engine,
        lambda connection, after: moves.settled_moves(
            connection, age=_SETTLES, limit=_PAGE_SIZE, after=after
        ),
        partial(_follow_all, engine),
        size=_PAGE_SIZE,
    )


async def _follow_all(engine: Engine, settled: Sequence[Move]) -> bool:
    for move in settled:
        try:
            async with engine.unit() as unit:
                await _follow(unit, move.environment_id, [move.recipient])
                await moves.forget_move(unit.connection, move)
        except Exception as error:
            _log.warning("move_not_followed", error=type(error).__name__)
    return True


async def _follow(unit: Unit, environment_id: UUID, refs: Collection[RecipientRef]) -> None:
    """Make the appointments of recipients anew; an occurrence whose time has come still happens."""
    found = await statements.lock_schedules_of(unit.connection, environment_id, refs)
    waiting = [
        schedule
        for schedule in found
        if schedule.next_occurrence_at is not None
        and schedule.next_occurrence_at > unit.now
        # A single occurrence is an instant, wherever the recipient is.
        and schedule.repeats
    ]
    if not waiting:
        return
    zones = await statements.zones_of(unit.connection, environment_id, refs)
    made = [
        first_appointment(unit.engine, schedule, unit.now, zones.get(schedule.recipient))
        for schedule in waiting
    ]
    changed = [
        appointment
        for schedule, appointment in zip(waiting, made, strict=True)
        if appointment.at != schedule.next_occurrence_at
    ]
    if changed:
        await appoint_and_tell(unit, environment_id, changed)
