"""A run whose history becomes long goes on in a new one, and forgets nothing on the way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from domain.contract.queues import DELIVER_EMAIL
from domain.contract.runs import (
    Advanced,
    AwaitBatch,
    AwaitEvent,
    DeliverMessageInput,
    DeliveryOrder,
)
from temporal_workflows.signals import BATCH_CLOSED, CANCEL_REQUESTED, EVENT_ARRIVED
from tests.support.scripted_activities import FINISHED
from tests.support.stage import Stage, sleep_until
from tests.support.waiting import until

FAR = 3600.0
_LONG = 12


@pytest.fixture(autouse=True)
def _soon_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a history of a few events count as long, where the server says so of thousands."""
    monkeypatch.setattr(
        workflow.Info,
        "is_continue_as_new_suggested",
        lambda info: info.get_current_history_length() > _LONG,
    )


def waiting(cursor: str) -> Advanced:
    """Return the answer of a walk that found no event, and waits on."""
    return Advanced(
        AwaitEvent("wait", time.time() + FAR, "wait: an event"), cursor, story=[f"at {cursor}"]
    )


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
    for number in range(1, wakes + 2):

        async def has_walked(number: int = number) -> bool:
            return len(stage.script.walks) == number

        await until(has_walked)
        await stage.client.get_workflow_handle(handle.id).signal(EVENT_ARRIVED, "wait")
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", *map(str, range(wakes + 1))]
    assert await histories(handle) > 2


async def test_word_goes_along(stage: Stage) -> None:
    """What was heard in the history before is known in the next, and the wait for it is over."""
    naps = {str(n): sleep_until(time.time() + 0.1 * n, str(n + 1)) for n in range(1, 8)}
    batch = Advanced(AwaitBatch("batch-1", time.time() + FAR, "gathers"), cursor="batch")
    stage.script.directives = {
        "": sleep_until(0.0, "1"),
        **naps,
        "8": batch,
        "batch": waiting("end"),
        "end": FINISHED,
    }
    handle = await stage.start(start_signal=BATCH_CLOSED, start_signal_args=["batch-1"])
    await stage.client.get_workflow_handle(handle.id).signal(EVENT_ARRIVED, "wait")
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
    naps = {str(n): sleep_until(time.time() + 0.1 * n, str(n + 1)) for n in range(1, 6)}
    stage.script.directives = {
        "": sleep_until(0.0, "1", deliveries=[mail]),
        **naps,
        "6": waiting("7"),
        "7": waiting("8"),
        "8": FINISHED,
    }
    handle = await stage.start()
    await reached.wait()

    async def has_walked_on() -> bool:
        return stage.script.walks[-1].cursor == "6"

    await until(has_walked_on)
    assert await histories(handle) == 1
    gate.set()

    async def has_sent() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return not pending

    await until(has_sent)
    for cursor in ("7", "8"):
        await stage.client.get_workflow_handle(handle.id).signal(EVENT_ARRIVED, "wait")

        async def has_come(cursor: str = cursor) -> bool:
            return stage.script.walks[-1].cursor == cursor

        await until(has_come)
    assert await handle.result() == "completed"
    assert stage.script.delivered == [("mail-1", 1)]
    assert await histories(handle) == 2


async def test_a_cancel_needs_no_new_history(stage: Stage) -> None:
    """A run that is to end does so where it is."""
    naps = {str(n): sleep_until(time.time() + 0.05 * n, str(n + 1)) for n in range(1, 3)}
    stage.script.directives = {"": sleep_until(0.0, "1"), **naps, "3": waiting("4")}
    handle = await stage.start()

    async def waits() -> bool:
        return stage.script.walks[-1:] != [] and stage.script.walks[-1].cursor == "3"

    await until(waits)
    await stage.client.get_workflow_handle(handle.id).signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
