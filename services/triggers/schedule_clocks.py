"""Fires schedules whose time has come: each in a transaction of its own, exactly once.

The transaction holds the schedule's row from the look at what is due to the note of what follows,
so an update or a deletion comes before the occurrence or after it. The id of the trigger is derived
from the schedule and the occurrence.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from domain.contract.timers import ClockState, ScheduleClockInput
from domain.kit.clock import iso
from domain.kit.errors import InvalidParams, NotFound, Unavailable, Unprocessable
from domain.kit.ids import scheduled_id
from domain.kit.json_types import encoded_size
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.schedules.rows import (
    Appointment,
    DropReason,
    DueSchedule,
    Schedule,
    TakenSchedule,
)
from domain.triggers.requests import TriggerRequest
from models.queries.schedules import clocks as statements
from models.queries.schedules.schedules import delete_schedules
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.at_once import each_at_once
from services.engine import Engine, Unit
from services.schedules.appointments import patience_of
from services.schedules.zones import follow_settled_moves
from services.temporal_calls import wake_clock
from services.triggers.triggering import trigger_within

_log = get_logger(__name__)

_PAGE_SIZE = 100
# A transaction is half a dozen round trips; more at once would only take connections from others.
_CONCURRENCY = 4
# An activity that works on reports back so often.
_BUDGET_SECONDS = 30.0
# One that cannot be fired lets the others pass, and is tried again.
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=10)
# Temporal may be busy, or restart; it is given this long.
_GRACE = timedelta(seconds=30)


async def fire_due(engine: Engine, order: ScheduleClockInput) -> ClockState:
    """Fire what is due of one clock's schedules, the longest due first.

    Returns:
        How many there were, and when the clock has to look again; never, when nothing is to come,
        or when fewer clocks are wanted and others look after its schedules.

    Raises:
        Unavailable: the database is away; what was not fired stays due.
    """
    clock, clocks = order.clock, engine.settings.schedule_clocks
    if clock >= clocks:
        return ClockState()
    loop = asyncio.get_running_loop()
    deadline, fired = loop.time() + _BUDGET_SECONDS, 0
    while True:
        async with engine.connection() as connection:
            due = await statements.due_schedules(
                connection, clock=clock, clocks=clocks, now=engine.clock(), limit=_PAGE_SIZE
            )
            if not due:
                next_at = await statements.next_due(connection, clock=clock, clocks=clocks)
                return ClockState(due_at=next_at.timestamp() if next_at else None, fired=fired)
        await each_at_once(due, partial(_fire_or_put_off, engine), at_once=_CONCURRENCY)
        fired += len(due)
        if loop.time() > deadline:
            return ClockState(due_at=engine.clock().timestamp(), fired=fired)


async def _fire_or_put_off(engine: Engine, due: DueSchedule) -> None:
    """Fire a schedule; one that fails is tried later. Raises Unavailable: the database is away."""
    try:
        await fire_schedule(engine, due)
    except Exception as error:
        if not isinstance(error, Unavailable):
            fault = fault_of(error)
            _log.error("schedule_not_fired", schedule_id=str(due.id), **fault.fields())
        async with engine.connection() as connection:
            await statements.put_off(
                connection,
                due.environment_id,
                due.id,
                now=engine.clock(),
                first=_FIRST_WAIT,
                longest=_LONGEST_WAIT,
            )


async def fire_schedule(engine: Engine, due: DueSchedule) -> DropReason | None:
    """Let a schedule occur whose time has come; one that somebody else has fired is left alone.

    One that was made on a branch while that was deleted is deleted, too.

    Returns:
        Why the occurrence made no run, or None.

    Raises:
        Unavailable: the database is away, or somebody has locked whom the trigger describes.
    """
    async with engine.unit() as unit:
        taken = await statements.take_due(unit.connection, due.environment_id, due.id, now=unit.now)
        if taken is None or taken.next_occurrence_at is None:
            return None
        if taken.is_left_over:
            await delete_schedules(unit.connection, due.environment_id, [taken.id])
            return None
        expected = taken.next_occurrence_at
        zone, patience = engine.zone_of(taken.zone), patience_of(engine)
        found = taken.timing.due(expected, unit.now, zone, patience=patience)
        reason: DropReason | None = DropReason.TOO_LATE
        if found.occurrence is not None:
            reason = await _trigger(unit, taken, found.occurrence, found.following)
        await statements.note_occurrence(
            unit.connection,
            due.environment_id,
            Appointment(taken.id, found.following),
            occurrence=found.occurrence or expected,
            reason=reason,
        )
    if reason is not None:
        _log.warning("schedule_dropped", schedule_id=str(due.id), reason=reason.value)
    return reason


async def _trigger(
    unit: Unit, taken: TakenSchedule, occurrence: datetime, following: datetime | None
) -> DropReason | None:
    """Accept the trigger of an occurrence; returns why there is none, or None."""
    environment = EnvironmentScope(
        taken.environment_id, taken.environment, taken.config_version, taken.branch_id
    )
    request = occurrence_request(taken, occurrence, following)
    trigger_id = scheduled_id(taken.id, occurrence)
    try:
        try:
            await trigger_within(unit, environment, request, trigger_id)
        except Unprocessable as refusal:
            if refusal.code != "actor_missing":
                raise
            # Deleted since; the recipient is not to miss anything for it.
            await trigger_within(unit, environment, replace(request, actor=None), trigger_id)
    except NotFound:
        return DropReason.WORKFLOW_MISSING
    except InvalidParams:
        return DropReason.DATA_INVALID
    except Unprocessable as refusal:
        return DropReason(refusal.code)
    return None


def occurrence_request(
    schedule: Schedule, occurrence: datetime, following: datetime | None
) -> TriggerRequest:
    """Write the trigger of an occurrence; its source is what the run is told of the schedule."""
    data = schedule.data or {}
    tenant = None
    if schedule.tenant_id is not None:
        tenant = InlineRecipient(RecipientRef(TENANTS, schedule.tenant_id), properties={})
    return TriggerRequest(
        schedule.workflow_key,
        (InlineRecipient(schedule.recipient),),
        InlineRecipient(schedule.actor) if schedule.actor else None,
        tenant,
        data,
        source={
            "type": "schedule",
            "schedule_id": str(schedule.id),
            "last_occurrence_at": iso(occurrence),
            "next_occurrence_at": iso(following),
        },
        data_bytes=encoded_size(data),
        reaches_followers=False,
    )


async def look_after_schedules(engine: Engine) -> int:
    """Wake clocks that have left schedules alone, and follow recipients who have moved.

    Returns:
        How many there were of both.

    Raises:
        Unavailable: the database is away.
    """
    return await wake_left_over_clocks(engine) + await follow_settled_moves(engine)


async def wake_left_over_clocks(engine: Engine, *, grace: timedelta = _GRACE) -> int:
    """Wake the clocks that have left schedules alone whose time has come, whatever the reason.

    Args:
        engine: the parts of this process.
        grace: how long after its time a schedule counts as left over.

    Returns:
        How many clocks there were.

    Raises:
        Unavailable: the database is away.
    """
    now = engine.clock()
    async with engine.connection() as connection:
        overdue = await statements.overdue_clocks(
            connection, clocks=engine.settings.schedule_clocks, before=now - grace
        )
    for clock in overdue:
        try:
            await wake_clock(engine.temporal, ScheduleClockInput(clock, now.timestamp()))
        except Exception as error:
            _log.warning("clock_not_woken", clock=clock, error=type(error).__name__)
    return len(overdue)
