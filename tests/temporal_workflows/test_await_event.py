"""A run that waits for an event: woken by word of one, by a cancel, or by the end of its wait."""

from __future__ import annotations

import time

from domain.contract.runs import Advanced, AwaitEvent
from temporal_workflows.signals import CANCEL_REQUESTED, EVENT_ARRIVED
from tests.support.scripted_activities import CANCELLED, FINISHED
from tests.support.stage import Stage
from tests.support.waiting import until

FAR = 3600.0


def waiting(seconds: float, cursor: str = "1") -> Advanced:
    """Return the answer of a walk that waits for an event."""
    return Advanced(AwaitEvent("wait", time.time() + seconds, "wait: an event"), cursor=cursor)


async def test_word_ends_the_wait(stage: Stage) -> None:
    """Word for the step wakes the run; word for another step does not."""
    stage.script.directives = {"": waiting(FAR), "1": FINISHED}
    handle = await stage.start()
    await handle.signal(EVENT_ARRIVED, "another")
    await handle.signal(EVENT_ARRIVED, "wait")
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", "1"]


async def test_word_that_is_there_before_the_wait(stage: Stage) -> None:
    """Word that comes while the walk still registers its wait is heard."""
    stage.script.directives = {"": waiting(FAR), "1": FINISHED}
    handle = await stage.start(start_signal=EVENT_ARRIVED, start_signal_args=["wait"])
    assert await handle.result() == "completed"


async def test_word_is_taken_once(stage: Stage) -> None:
    """A walk that finds no event waits on, for new word."""
    stage.script.directives = {"": waiting(FAR), "1": waiting(FAR, "2"), "2": FINISHED}
    handle = await stage.start()
    await handle.signal(EVENT_ARRIVED, "wait")

    async def waits_again() -> bool:
        return len(stage.script.walks) == 2

    await until(waits_again)
    await handle.signal(EVENT_ARRIVED, "wait")
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", "1", "2"]


async def test_the_time_is_over(stage: Stage) -> None:
    """Without word the run walks on when the wait ends, and not before."""
    ends = time.time() + 1.0
    stage.script.directives = {"": waiting(1.0), "1": FINISHED}
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert time.time() >= ends


async def test_a_cancel_ends_the_wait(stage: Stage) -> None:
    """A cancel wakes the run at once, and the walk is told of it."""
    stage.script.directives = {"": waiting(FAR), "1": CANCELLED}
    handle = await stage.start()
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert stage.script.walks[-1].cancel
