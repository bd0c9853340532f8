"""A clock of schedules, on a real Temporal server with scripted looks, and with the product's."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from domain.contract.queues import RUNS
from domain.contract.timers import ClockState, ScheduleClockInput
from domain.kit.clock import utc_now
from domain.kit.ids import schedule_clock_workflow_id
from temporal_workflows import ScheduleClockWorkflow
from temporal_workflows.signals import DUE_EARLIER
from tests.support.schedules import FLOW, schedule, triggers_of
from tests.support.scripted_activities import Script, ScriptedActivities
from tests.support.stage import Stage
from tests.support.waiting import soon
from tests.support.world import World, channel_step

FAR = 3600.0


@pytest.fixture
def clock(stage: Stage, scripted_activities: ScriptedActivities) -> int:
    """Return the number of a clock that follows this test's script."""
    scripted_activities.clocks.append(stage.script)
    return len(scripted_activities.clocks) - 1


async def _start(
    stage: Stage, clock: int, seconds: float, **options: Any
) -> WorkflowHandle[Any, None]:
    order = ScheduleClockInput(clock, time.time() + seconds)
    return await stage.client.start_workflow(
        ScheduleClockWorkflow.run,
        order,
        id=f"schedule-clock/{clock}",
        task_queue=RUNS,
        execution_timeout=timedelta(seconds=60),
        **options,
    )


def _gaps(script: Script) -> list[float]:
    return [round(at - script.looked_at[0], 1) for at in script.looked_at]


async def test_it_ends_when_nothing_is_to_come(stage: Stage, clock: int) -> None:
    """It looks when its time has come; told that nothing follows, it is over."""
    begun = time.time()
    await (await _start(stage, clock, 0.3)).result()

    (looked_at,) = stage.script.looked_at
    assert looked_at >= begun + 0.3


async def test_it_sleeps_until_the_next_is_due(stage: Stage, clock: int) -> None:
    """What a look answers is when it looks again; what is left over of a page, at once."""
    in_a_second = ClockState(due_at=time.time() + 1.2, fired=3)
    stage.script.clock = [ClockState(due_at=time.time(), fired=100), in_a_second]
    await (await _start(stage, clock, 0)).result()

    first, second, third = _gaps(stage.script)
    assert second - first < 0.6
    assert third >= 0.9


async def test_it_hears_of_an_earlier_one(stage: Stage, clock: int) -> None:
    """Word of an earlier appointment ends its sleep; word of a later one does not."""
    handle = await _start(stage, clock, FAR)
    begun = time.time()
    await handle.signal(DUE_EARLIER, begun + 2 * FAR)
    await handle.signal(DUE_EARLIER, begun + 0.3)
    await handle.result()

    (looked_at,) = stage.script.looked_at
    assert looked_at >= begun + 0.3


async def test_what_it_hears_while_it_looks_is_not_lost(stage: Stage, clock: int) -> None:
    """A look may be too early for an appointment that it is told of meanwhile."""
    stage.script.clock = [ClockState(due_at=time.time() + FAR)]
    handle = await _start(stage, clock, 0)
    await soon(_has_looked(stage.script))
    await handle.signal(DUE_EARLIER, time.time() + 0.2)
    await handle.result()

    assert len(stage.script.looked_at) == 2


def _has_looked(script: Script) -> Any:
    async def look() -> bool:
        return bool(script.looked_at)

    return look


async def _is_running(world: World) -> bool:
    clocks = range(world.engine.settings.schedule_clocks)
    for number in clocks:
        handle = world.engine.temporal.get_workflow_handle(schedule_clock_workflow_id(number))
        try:
            found = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue
        if found.status is WorkflowExecutionStatus.RUNNING:
            return True
    return False


async def test_a_schedule_of_the_product_occurs(alone: World) -> None:
    """What is scheduled soon makes its message by itself; then no clock is left."""
    await alone.publish(FLOW, channel_step("feed"))
    at = utc_now() + timedelta(seconds=1)
    far, near = await schedule(alone, {"id": "a"}, {"id": "b"}, scheduled_at=at.isoformat())
    for each in (far, near):
        assert await soon(lambda each=each: triggers_of(alone, each))

    async def have_ended() -> bool:
        return [run["status"] for run in await alone.runs()] == ["completed"] * 2

    await soon(have_ended)
    for run in await alone.runs():
        assert len(await alone.messages(run["id"])) == 1
        assert run["inserted_at"] >= at

    async def is_over() -> bool:
        return not await _is_running(alone)

    await soon(is_over)
