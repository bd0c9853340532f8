"""Fan-outs work through all ranges, page by page; the sweep does its duties side by side."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from domain.contract.deliveries import DeliverMessageInput, MessageDeliveryInput
from domain.contract.fan_outs import CancelFanoutInput, Chunk, ChunkPlan, TriggerFanoutInput
from domain.contract.jobs import SweepInput
from domain.contract.queues import DELIVER_EMAIL
from temporal_workflows import (
    CancelFanoutWorkflow,
    MessageDeliveryWorkflow,
    SweepWorkflow,
    TriggerFanoutWorkflow,
)
from tests.support.stage import Stage


def _plan(stage: Stage, count: int) -> ChunkPlan:
    return ChunkPlan([Chunk("t", stage.environment_id, str(n), str(n + 1)) for n in range(count)])


@pytest.mark.parametrize(
    ("workflow", "order"),
    [
        (TriggerFanoutWorkflow, TriggerFanoutInput),
        (CancelFanoutWorkflow, CancelFanoutInput),
    ],
)
async def test_ranges_are_worked_at_once(stage: Stage, workflow: type, order: type) -> None:
    """All ranges are under way together, and their counts are added up."""
    everybody = asyncio.Barrier(3)

    async def work(chunk: Chunk, attempt: int) -> int:
        await everybody.wait()
        return 10 * int(chunk.last)

    stage.script.work = work
    stage.script.plan = _plan(stage, 3)
    assert await stage.execute(workflow.run, order(str(uuid4()), stage.environment_id)) == 60
    assert len(stage.script.chunks) == 3


async def test_nothing_to_fan_out(stage: Stage) -> None:
    """An empty plan is done at once."""
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 0


async def test_failed_range_is_repeated(stage: Stage) -> None:
    """One range that fails is tried again; the others are not."""

    async def work(chunk: Chunk, attempt: int) -> int:
        if chunk.last == "2" and attempt == 1:
            raise ApplicationError("Temporal was away")
        return 1

    stage.script.work = work
    stage.script.plan = _plan(stage, 3)
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 3
    assert sorted(chunk.last for chunk in stage.script.chunks) == ["1", "2", "2", "3"]


async def test_manual_retry_delivers(stage: Stage) -> None:
    """The retry of a message delivers it on the queue of its channel."""
    delivery = DeliverMessageInput("mail-1", stage.environment_id, retry=2)
    await stage.execute(
        MessageDeliveryWorkflow.run, MessageDeliveryInput(delivery, DELIVER_EMAIL, "retry")
    )
    assert stage.script.delivered == [("mail-1", 1)]


async def test_sweep_does_every_duty(stage: Stage) -> None:
    """Each duty of the order is an activity of its own, and the sweep tells how much each did."""
    done = await stage.execute(SweepWorkflow.run, SweepInput(["mop", "dust"]))
    assert done == {"mop": 3, "dust": 4}


async def test_failing_duty_keeps_no_other_from_being_done(stage: Stage) -> None:
    """A duty that fails is told as -1, and the others are done."""
    done = await stage.execute(SweepWorkflow.run, SweepInput(["broken", "dust"]))
    assert done == {"broken": -1, "dust": 4}


async def test_few_ranges_at_once(stage: Stage) -> None:
    """A large fan-out has ten ranges on the queue at a time, whatever it has in all."""
    now, most = 0, 0

    async def work(chunk: Chunk, attempt: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return 1

    stage.script.work = work
    stage.script.plan = _plan(stage, 25)
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 25
    assert 1 < most <= 10


async def test_pages_follow_each_other(stage: Stage) -> None:
    """While a page says that there is more, the next is planned behind its last range."""
    stage.script.pages = {
        "": replace(_plan(stage, 2), more=True),
        "2": replace(_plan(stage, 2), more=False),
    }
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 4


async def test_a_plan_that_is_not_ready(stage: Stage) -> None:
    """While runs are still being made the plan is asked for again, and nothing is started."""
    stage.script.unready_plans = 3
    stage.script.pages = {"": replace(_plan(stage, 2), more=True), "2": _plan(stage, 1)}
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 3
    assert (stage.script.unready_plans, len(stage.script.chunks)) == (0, 3)
