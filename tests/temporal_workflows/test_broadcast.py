"""The wait for a scheduled broadcast, on a real Temporal server with scripted activities."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from domain.contract.fan_outs import Chunk, ChunkPlan, TriggerFanoutInput
from domain.contract.queues import RUNS
from domain.contract.timers import BroadcastInput
from temporal_workflows import BroadcastWorkflow, TriggerFanoutWorkflow
from temporal_workflows.signals import CANCEL_REQUESTED
from tests.support.stage import Stage


async def _wait(stage: Stage, seconds: float) -> WorkflowHandle[Any, str]:
    order = BroadcastInput(stage.environment_id, "sale", 3, time.time() + seconds)
    return await stage.client.start_workflow(
        BroadcastWorkflow.run, order, id=f"broadcast/{uuid4()}", task_queue=RUNS
    )


async def test_it_is_sent_at_its_time(stage: Stage) -> None:
    """It sleeps until then, and has it sent once; what is past is sent at once."""
    for seconds in (0.3, -60.0):
        begun = time.time()
        handle = await _wait(stage, seconds)
        assert await handle.result() == "sent"
        assert time.time() >= begun + seconds
    assert stage.script.broadcasts == [3, 3]


async def test_it_is_cancelled(stage: Stage) -> None:
    """Word of a cancel ends the wait, and nothing is sent."""
    handle = await _wait(stage, 3600)
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert stage.script.broadcasts == []


async def test_a_pause_between_pages(stage: Stage) -> None:
    """A fan-out waits between its pages for as long as the plan says."""
    started: list[float] = []

    async def work(chunk: Chunk, attempt: int) -> int:
        started.append(time.time())
        return 1

    def page(first: str, last: str, **more: Any) -> ChunkPlan:
        return ChunkPlan([Chunk("t", stage.environment_id, first, last)], **more)

    stage.script.work = work
    stage.script.pages = {"": page("0", "1", more=True, pause=0.7), "1": page("1", "2")}
    order = TriggerFanoutInput(str(uuid4()), stage.environment_id)
    assert await stage.execute(TriggerFanoutWorkflow.run, order) == 2
    assert started[1] - started[0] >= 0.7
