"""Many schedules due in one minute, and workers that die: real database, real Temporal."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from domain.contract.timers import ScheduleClockInput
from domain.kit.clock import utc_now
from services.effects import do_left_over_effects
from services.triggers.release_sweep import release_left_over
from services.triggers.schedule_clocks import fire_due, look_after_schedules
from tests.support.schedules import FLOW, schedule
from tests.support.waiting import soon
from tests.support.world import World, channel_step

CALLS, EACH = 3, 80


async def _looks_that_die(world: World) -> None:
    """Look as every clock does, and die in the middle, again and again."""
    for seconds in (0.05, 0.1, 0.2, 0.3):
        for clock in range(world.engine.settings.schedule_clocks):
            look = asyncio.create_task(fire_due(world.engine, ScheduleClockInput(clock, 0.0)))
            await asyncio.sleep(seconds)
            look.cancel()
            await asyncio.gather(look, return_exceptions=True)


@pytest.mark.timeout(600)
async def test_each_occurs_once(alone: World) -> None:
    """Clocks fire side by side with looks that die half way: every schedule makes one run."""
    await alone.publish(FLOW, channel_step("feed"))
    at = utc_now() + timedelta(seconds=2)
    for call in range(CALLS):
        people = [{"id": f"user-{call}-{n}", "name": "N"} for n in range(EACH)]
        when = at + timedelta(milliseconds=call)
        await schedule(alone, *people, scheduled_at=when.isoformat(), data={"call": call})

    await _looks_that_die(alone)

    async def have_ended() -> bool:
        # A busy Temporal may take longer than a process waits; the rest is the sweep's.
        for duty in (release_left_over, do_left_over_effects, look_after_schedules):
            await duty(alone.engine)
        statuses = Counter(run["status"] for run in await alone.runs())
        return statuses == {"completed": CALLS * EACH}

    await soon(have_ended, "not all runs have ended", seconds=500, every=1.0)
    messages = await alone.make.rows(
        "SELECT recipient_id FROM messages WHERE environment_id = %s", alone.environment.id
    )
    assert len({row["recipient_id"] for row in messages}) == len(messages) == CALLS * EACH
    (left,) = await alone.make.rows("SELECT count(*) FROM schedules WHERE due_at IS NOT NULL")
    assert left["count"] == 0
