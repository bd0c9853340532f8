"""The watch over the window of a batch, on a real Temporal server with scripted looks."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from domain.contract.queues import RUNS
from domain.contract.runs import Advanced, AwaitBatch
from domain.contract.timers import BatchWindowInput
from temporal_workflows import BatchWindowWorkflow
from temporal_workflows.signals import BATCH_CLOSED, CANCEL_REQUESTED, CLOSES_EARLIER
from tests.support.scripted_activities import FINISHED
from tests.support.stage import Stage
from tests.support.waiting import until

FAR = 3600.0


async def _watch(stage: Stage, seconds: float) -> WorkflowHandle[Any, None]:
    order = BatchWindowInput("batch", stage.environment_id, time.time() + seconds)
    return await stage.client.start_workflow(
        BatchWindowWorkflow.run, order, id=f"batch/{uuid4()}", task_queue=RUNS
    )


async def test_it_looks_once_when_the_window_is_over(stage: Stage) -> None:
    """The timer fires, the window is closed, and the watch ends."""
    handle = await _watch(stage, 0.2)
    await handle.result()

    assert stage.script.looks == 1


async def test_it_waits_for_an_end_that_has_moved(stage: Stage) -> None:
    """When its timer fires too early, it sleeps until the end that it is told then."""
    stage.script.windows = [time.time() + 0.6]
    handle = await _watch(stage, 0.1)
    await handle.result()

    assert stage.script.looks == 2


async def test_it_hears_of_an_earlier_end(stage: Stage) -> None:
    """Word of an earlier end ends its sleep; word of a later one does not."""
    handle = await _watch(stage, FAR)
    await handle.signal(CLOSES_EARLIER, time.time() + 2 * FAR)
    await handle.signal(CLOSES_EARLIER, time.time() + 0.2)
    await handle.result()

    assert stage.script.looks == 1


async def test_it_is_begun_by_its_first_word(stage: Stage) -> None:
    """A start that carries the same end as its signal looks at that end, and not at once."""
    end = time.time() + 0.3
    handle = await stage.client.start_workflow(
        BatchWindowWorkflow.run,
        BatchWindowInput("batch", stage.environment_id, end),
        id=f"batch/{uuid4()}",
        task_queue=RUNS,
        start_signal=CLOSES_EARLIER,
        start_signal_args=[end],
    )
    await handle.result()

    assert stage.script.looks == 1
    assert time.time() >= end


async def _has_walked(stage: Stage) -> None:
    async def look() -> bool:
        return bool(stage.script.walks)

    await until(look)


def _awaits(stage: Stage) -> None:
    waits = Advanced(AwaitBatch("batch", time.time() + FAR, "gathers"), cursor="1")
    stage.script.directives = {"": waits, "1": FINISHED}


async def test_a_run_waits_for_the_word_of_its_batch(stage: Stage) -> None:
    """The word of another batch wakes nobody; that of its own does."""
    _awaits(stage)
    handle = await stage.start()
    await _has_walked(stage)
    await handle.signal(BATCH_CLOSED, "another")
    await handle.signal(BATCH_CLOSED, "batch")

    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", "1"]


async def test_a_word_that_comes_before_the_wait_is_remembered(stage: Stage) -> None:
    """A batch that closes while its run still walks needs no second word."""
    _awaits(stage)
    handle = await stage.start(start_signal=BATCH_CLOSED, start_signal_args=["batch"])

    assert await handle.result() == "completed"


async def test_a_cancel_ends_the_wait(stage: Stage) -> None:
    """A cancelled run does not wait for its batch."""
    _awaits(stage)
    handle = await stage.start()
    await _has_walked(stage)
    await handle.signal(CANCEL_REQUESTED)
    await handle.result()

    assert stage.script.walks[-1].cancel
