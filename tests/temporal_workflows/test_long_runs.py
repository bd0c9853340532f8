"""A run whose history becomes long goes on in a new one, and forgets nothing on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from domain.contract.deliveries import DeliverMessageInput
from domain.contract.queues import DELIVER_EMAIL
from domain.contract.runs import Advanced, AwaitBatch, AwaitEvent, DeliveryOrder
from temporal_workflows.signals import BATCH_CLOSED, CANCEL_REQUESTED, EVENT_ARRIVED
from tests.support.long_histories import long_after
from tests.support.scripted_activities import FINISHED
from tests.support.stage import Stage
from tests.support.waiting import until

FAR = 3600.0
_LONG = 12


@pytest.fixture(autouse=True)
def _soon_long() -> Iterator[None]:
    with long_after(_LONG):
        yield


def waiting(cursor: str, step: str = "wait", **changes: Any) -> Advanced:
    """Return the answer of a walk that found no event, and waits on."""
    directive = AwaitEvent(step, time.time() + FAR, f"{step}: an event")
    return Advanced(directive, cursor, story=[f"at {cursor}"], **changes)


async def wake(stage: Stage, run_id: str, cursors: Iterable[str], step: str = "wait") -> None:
    """Wake a run each time that it has walked from one of these places, and waits."""
    for cursor in cursors:

        async def has_come(cursor: str = cursor) -> bool:
            return stage.script.walks[-1:] != [] and stage.script.walks[-1].cursor == cursor

        await until(has_come)
        await stage.client.get_workflow_handle(run_id).signal(EVENT_ARRIVED, step)


async def histories(handle: WorkflowHandle[Any, Any]) -> int:
    """Count the histories of a run from its first to its newest."""
    count, run_id = 1, handle.first_execution_run_id
    while True:
        history = await handle._client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
        last = history.events[-1]
        if last.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return count
        continued = last.workflow_execution_continued_as_new_event_attributes
        count, run_id = count + 1, continued.new_execution_run_id


async def test_a_wait_that_is_woken_again_and_again(stage: Stage) -> None:
    """Each wake is one walk from the place where the one before has ended."""
    wakes = 12
    stage.script.directives = {
        "": waiting("0"),
        **{str(n): waiting(str(n + 1)) for n in range(wakes)},
        str(wakes): FINISHED,
    }
    handle = await stage.start()
    await wake(stage, handle.id, ["", *map(str, range(wakes))])
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", *map(str, range(wakes + 1))]
    assert await histories(handle) > 2


async def test_word_goes_along(stage: Stage) -> None:
    """What was heard in the history before is known in the next, and the wait for it is over."""
    batch = Advanced(AwaitBatch("batch-1", time.time() + FAR, "gathers"), cursor="batch")
    stage.script.directives = {
        "": waiting("1", "other"),
        **{str(n): waiting(str(n + 1), "other") for n in range(1, 8)},
        "8": batch,
        "batch": waiting("end"),
        "end": FINISHED,
    }
    handle = await stage.start(start_signal=BATCH_CLOSED, start_signal_args=["batch-1"])
    await stage.client.get_workflow_handle(handle.id).signal(EVENT_ARRIVED, "wait")
    await wake(stage, handle.id, ["", *map(str, range(1, 8))], "other")
    assert await handle.result() == "completed"
    assert await histories(handle) > 1


async def test_a_delivery_under_way_is_not_left_behind(stage: Stage) -> None:
    """As long as a message is with its provider, the run stays where it is."""
    reached, gate = asyncio.Event(), asyncio.Event()

    async def deliver(order: DeliverMessageInput, attempt: int) -> str:
        reached.set()
        await gate.wait()
        return "sent"

    stage.script.deliver = deliver
    mail = DeliveryOrder("mail-1", DELIVER_EMAIL, "mail by email")
    stage.script.directives = {
        "": waiting("1", deliveries=[mail]),
        **{str(n): waiting(str(n + 1)) for n in range(1, 8)},
        "8": FINISHED,
    }
    handle = await stage.start()
    await reached.wait()
    await wake(stage, handle.id, ["", *map(str, range(1, 6))])

    async def has_walked_on() -> bool:
        return stage.script.walks[-1].cursor == "6"

    await until(has_walked_on)
    assert await histories(handle) == 1
    gate.set()

    async def has_sent() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return not pending

    await until(has_sent)
    await wake(stage, handle.id, ["6", "7"])
    assert await handle.result() == "completed"
    assert stage.script.delivered == [("mail-1", 1)]
    assert await histories(handle) == 2


async def test_a_cancel_needs_no_new_history(stage: Stage) -> None:
    """A run that is to end does so where it is."""
    stage.script.directives = {
        "": waiting("1"),
        **{str(n): waiting(str(n + 1)) for n in range(1, 4)},
    }
    handle = await stage.start()
    await wake(stage, handle.id, [""])

    async def waits() -> bool:
        return stage.script.walks[-1].cursor == "1"

    await until(waits)
    await stage.client.get_workflow_handle(handle.id).signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert await histories(handle) == 1
