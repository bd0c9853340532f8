"""Schedules, fired when their time has come."""

from __future__ import annotations

from temporalio import activity

from activities.beats import beating
from domain.contract.timers import ClockState, ScheduleClockInput
from services.engine import Engine
from services.triggers.schedule_clocks import fire_due


class ScheduleActivities:
    """Fires schedules."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="fire_schedules")
    async def fire_schedules(self, order: ScheduleClockInput) -> ClockState:
        """Fire what is due of one clock's schedules, and answer when to look again."""
        async with beating(at_once=False):
            return await fire_due(self._engine, order)
