"""A recipient run obeys its directives, delivers once, and ends well when it is cancelled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError

from domain.contract.deliveries import DeliverMessageInput, FirstAttempt
from domain.contract.queues import DELIVER_EMAIL, DELIVER_SMS
from domain.contract.runs import Advanced, DeliveryOrder, Fetch, Finished, HttpFetchInput, WalkOn
from temporal_workflows import activity_stubs, recipient_run
from temporal_workflows.signals import CANCEL_REQUESTED
from temporal_workflows.waits import SPEAKS
from tests.support.scripted_activities import CANCELLED, FINISHED
from tests.support.stage import Stage, sleep_until
from tests.support.waiting import until

HOUR = 3600.0
MAIL = DeliveryOrder("mail-1", DELIVER_EMAIL, "mail by email")


def finished(*deliveries: DeliveryOrder, status: str = "completed", **changes: Any) -> Advanced:
    """Return the answer of a run's last walk."""
    return Advanced(Finished(), status=status, deliveries=list(deliveries), **changes)


async def count_events(handle: WorkflowHandle[Any, Any]) -> Counter[str]:
    """Count the events of a run's history by kind, without the prefix of their names."""
    history = await handle.fetch_history()
    names = (EventType.Name(event.event_type) for event in history.events)
    return Counter(name.removeprefix("EVENT_TYPE_").lower() for name in names)


async def until_status(handle: WorkflowHandle[Any, Any], event: str) -> None:
    """Wait until a history has an event."""

    async def has_event() -> bool:
        return (await count_events(handle))[event] > 0

    await until(has_event)


async def ends_cancelled(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell whether a run ended as Temporal's own cancel ends it."""
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    return isinstance(failure.value.cause, CancelledError)


class Gate:
    """A delivery that waits at the provider until it is let through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def deliver(self, order: DeliverMessageInput, attempt: int) -> str:
        """Say that the provider was reached, and wait."""
        self.reached.set()
        await self.open.wait()
        return "sent"


async def test_finished(stage: Stage) -> None:
    """A directive to finish ends the run with the run's status, in one workflow task."""
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert [(walk.run_id, walk.cursor, walk.cancel) for walk in stage.script.walks] == [
        ("run-1", "", False)
    ]
    assert sum((await count_events(handle)).values()) == 6


async def test_sleep_then_walk_on(stage: Stage) -> None:
    """A directive to sleep is one timer; the walk goes on from its cursor, not before the time."""
    due = time.time() + 1.5
    stage.script.directives = {"": sleep_until(due), "1": FINISHED}
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert time.time() >= due
    assert [walk.cursor for walk in stage.script.walks] == ["", "1"]
    assert (await count_events(handle))["timer_started"] == 1


async def test_26_time_that_is_past_needs_no_timer(stage: Stage) -> None:
    """A wait that is over before it begins is none."""
    past = sleep_until(time.time() - 5)
    stage.script.directives = {"": past, "1": sleep_until(0.0, "2"), "2": FINISHED}
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", "1", "2"]
    assert (await count_events(handle))["timer_started"] == 0


def fetching(stage: Stage, not_before: float | None = None) -> Advanced:
    """Return the answer of a walk that needs the answer of a server."""
    attempt = HttpFetchInput("run-1", stage.environment_id, "fetch")
    return Advanced(Fetch(attempt, not_before, "fetch: request"), cursor="1")


async def test_fetch_then_walk_on(stage: Stage) -> None:
    """A directive to fetch is one activity, not before its time; then the walk goes on."""
    due = time.time() + 1.0
    stage.script.directives = {"": fetching(stage, due), "1": FINISHED}
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert time.time() >= due
    assert [order.step_ref for order in stage.script.fetched] == ["fetch"]
    assert (await count_events(handle))["timer_started"] == 1


async def test_cancel_before_a_fetch(stage: Stage) -> None:
    """A cancel that comes while a request is put off ends the run, and nothing is sent."""
    stage.script.directives = {"": fetching(stage, time.time() + HOUR), "1": CANCELLED}
    handle = await stage.start()
    await until_status(handle, "timer_started")
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert stage.script.fetched == []


async def test_8_cancel_during_a_fetch(stage: Stage) -> None:
    """A cancel ends the run at once; the request is not called back, nor waited for."""
    reached, end = asyncio.Event(), asyncio.Event()

    async def answer(order: HttpFetchInput, attempt: int) -> str:
        reached.set()
        await end.wait()
        return "done"

    stage.script.fetch = answer
    stage.script.directives = {"": fetching(stage)}
    handle = await stage.start()
    await reached.wait()
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    end.set()


async def test_a_fetch_that_an_operator_cancels(stage: Stage) -> None:
    """Temporal's own cancel ends the run too, however long the request takes."""
    reached, end = asyncio.Event(), asyncio.Event()

    async def answer(order: HttpFetchInput, attempt: int) -> str:
        reached.set()
        await end.wait()
        return "done"

    stage.script.fetch = answer
    stage.script.directives = {"": fetching(stage)}
    handle = await stage.start()
    await reached.wait()
    await handle.cancel()
    assert await ends_cancelled(handle)
    end.set()


async def test_deliveries_are_awaited(stage: Stage) -> None:
    """A run that finished walking ends when its messages are with their providers."""
    gate = Gate()
    stage.script.deliver = gate.deliver
    stage.script.directives = {"": finished(MAIL)}
    handle = await stage.start()
    await gate.reached.wait()
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    gate.open.set()
    assert await handle.result() == "completed"
    assert stage.script.delivered == [("mail-1", 1)]


async def test_run_walks_on_beside_its_deliveries(stage: Stage) -> None:
    """A slow provider holds up nobody but itself."""
    gate = Gate()
    stage.script.deliver = gate.deliver
    stage.script.directives = {
        "": sleep_until(time.time() + 0.2, deliveries=[MAIL]),
        "1": FINISHED,
    }
    handle = await stage.start()
    await gate.reached.wait()
    await until(_walked(stage, 2))
    gate.open.set()
    assert await handle.result() == "completed"


async def test_repeated_order_is_one_delivery(stage: Stage) -> None:
    """Walks name the open messages that they find again; each is delivered once."""
    other = DeliveryOrder("sms-1", DELIVER_SMS, "sms")
    stage.script.directives = {
        "": sleep_until(0.0, deliveries=[MAIL]),
        "1": sleep_until(0.0, "2", deliveries=[MAIL, other]),
        "2": finished(MAIL, other),
    }
    handle = await stage.start()
    await handle.result()
    assert sorted(stage.script.delivered) == [("mail-1", 1), ("sms-1", 1)]


async def test_walks_on_at_once(stage: Stage) -> None:
    """A walk that used its budget is followed by the next one, in the same workflow task."""
    stage.script.directives = {"": Advanced(WalkOn(), "b"), "b": finished(MAIL)}
    stage.script.directives[""].deliveries.append(MAIL)
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert [walk.cursor for walk in stage.script.walks] == ["", "b"]
    assert stage.script.delivered == [("mail-1", 1)]
    assert (await count_events(handle))["timer_started"] == 0


async def test_says_what_it_can_obey(stage: Stage) -> None:
    """With each walk a run says which kinds of directives it obeys."""
    await (await stage.start()).result()
    assert [walk.speaks for walk in stage.script.walks] == [list(SPEAKS)]


async def test_few_deliveries_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messages a run makes, a bounded number is under way, and all go out."""
    assert recipient_run._DELIVERIES_AT_ONCE < 2_000
    monkeypatch.setattr(recipient_run, "_DELIVERIES_AT_ONCE", 3)
    gate = Gate()
    stage.script.deliver = gate.deliver
    orders = [DeliveryOrder(f"mail-{n}", DELIVER_EMAIL, "mail") for n in range(10)]
    stage.script.directives = {"": finished(*orders)}
    handle = await stage.start()
    await until(lambda: _are_pending(handle, 3))
    gate.open.set()
    assert await handle.result() == "completed"
    assert {message for message, _ in stage.script.delivered} == {o.message_id for o in orders}


async def _are_pending(handle: WorkflowHandle[Any, Any], number: int) -> bool:
    pending = len((await handle.describe()).raw_description.pending_activities)
    assert pending <= number
    return pending == number


async def test_send_window_is_waited_for(stage: Stage) -> None:
    """A message for later is handed over at its instant, by a timer of its own."""
    opens = time.time() + 0.5
    later = DeliveryOrder("mail-1", DELIVER_EMAIL, "mail", not_before=opens)
    moments: list[float] = []

    async def deliver(order: DeliverMessageInput, attempt: int) -> str:
        moments.append(time.time())
        return "sent"

    stage.script.deliver = deliver
    stage.script.directives = {"": finished(later)}
    await (await stage.start()).result()
    assert len(moments) == 1
    assert moments[0] >= opens


async def test_7_signal_wakes_a_sleeping_run(stage: Stage) -> None:
    """A cancel signal ends a wait at once; the last walk is told that it is a cancel."""
    stage.script.directives = {"": sleep_until(time.time() + HOUR)}
    handle = await stage.start()
    await until_status(handle, "timer_started")
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert [(walk.cursor, walk.cancel) for walk in stage.script.walks] == [
        ("", False),
        ("1", True),
    ]


async def test_signal_before_the_first_walk(stage: Stage) -> None:
    """A run that is told to cancel before it began never walks as if it were not."""
    handle = await stage.start(start_signal=CANCEL_REQUESTED)
    assert await handle.result() == "cancelled"
    assert [walk.cancel for walk in stage.script.walks] == [True]


async def test_cancel_from_temporal_while_asleep(stage: Stage) -> None:
    """An operator's cancel is recorded by one last walk, and ends the execution as cancelled."""
    stage.script.directives = {"": sleep_until(time.time() + HOUR)}
    handle = await stage.start()
    await until_status(handle, "timer_started")
    await handle.cancel()
    assert await ends_cancelled(handle)
    assert [(walk.cursor, walk.cancel) for walk in stage.script.walks] == [
        ("", False),
        ("1", True),
    ]


@pytest.mark.parametrize("asleep", [True, False])
async def test_cancel_from_temporal_lets_deliveries_finish(stage: Stage, asleep: bool) -> None:
    """A message that is with its provider is not given up because its run is cancelled."""
    gate = Gate()
    stage.script.deliver = gate.deliver
    waiting = sleep_until(time.time() + HOUR, deliveries=[MAIL])
    stage.script.directives = {"": waiting if asleep else finished(MAIL)}
    stage.script.on_cancel = finished(MAIL, status="cancelled")
    handle = await stage.start()
    await gate.reached.wait()
    await handle.cancel()
    await until(_walked(stage, 2))
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    gate.open.set()
    assert await ends_cancelled(handle)
    assert stage.script.delivered == [("mail-1", 1)]


async def test_cancel_from_temporal_during_a_durable_walk(stage: Stage) -> None:
    """A cancel while the database is away is recorded as soon as it can be."""
    stage.script.failing_walks = 4
    handle = await stage.start()
    await until(_walked(stage, 1))
    await handle.cancel()
    assert await ends_cancelled(handle)
    assert stage.script.walks[-1].cancel
    stage.script.durable_walk.set()


async def test_walk_falls_back_to_the_durable_form(stage: Stage) -> None:
    """When the quick walk keeps failing, the same walk is retried by the server instead."""
    stage.script.failing_walks = 4
    stage.script.durable_walk.set()
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert stage.script.forms == ["local"] * 4 + ["durable"]
    assert (await count_events(handle))["activity_task_scheduled"] == 1


async def test_quick_walk_forgives_a_hiccup(stage: Stage) -> None:
    """One failure of the quick walk costs no event."""
    stage.script.failing_walks = 1
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert sum((await count_events(handle)).values()) == 6


async def test_delivery_settled_at_once_costs_one_event(stage: Stage) -> None:
    """A first attempt that settles the message needs no regular activity."""
    stage.script.first_attempt = FirstAttempt(settled=True, state="sent")
    stage.script.directives = {"": finished(MAIL)}
    handle = await stage.start()
    assert await handle.result() == "completed"
    assert stage.script.tried_at_once == [("mail-1", DELIVER_EMAIL)]
    assert stage.script.delivered == []
    assert sum((await count_events(handle)).values()) == 7


async def test_attempts_are_repeated_without_a_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts that fail or never come back are made again until one says that it is settled."""
    soon = RetryPolicy(initial_interval=timedelta(milliseconds=10), backoff_coefficient=1.0)
    monkeypatch.setattr(activity_stubs, "DELIVERY_RETRY", soon)
    monkeypatch.setattr(activity_stubs, "DELIVERY_TIMEOUT", timedelta(milliseconds=300))

    async def late(order: DeliverMessageInput, attempt: int) -> str:
        if attempt == 1:
            await asyncio.sleep(1)
        if attempt < 12:
            raise ApplicationError("not final yet", type="TryAgain")
        return "sent"

    stage.script.deliver = late
    stage.script.directives = {"": finished(MAIL)}
    assert await (await stage.start()).result() == "completed"
    assert [attempt for _, attempt in stage.script.delivered] == list(range(1, 13))


async def test_operator_reads_the_story(stage: Stage) -> None:
    """The run's details in the Temporal UI say what it did and what it waits for."""
    wait = sleep_until(time.time() + HOUR, story=["`feed` made a message"], status="paused")
    stage.script.directives = {"": wait}
    handle = await stage.start()
    await until_status(handle, "timer_started")
    metadata: Any = await handle.query("__temporal_workflow_metadata")
    details = metadata.current_details
    assert "**paused**" in details
    assert "- `feed` made a message" in details
    assert "- waits: a wait" in details
    await handle.signal(CANCEL_REQUESTED)
    assert await handle.result() == CANCELLED.status


def _walked(stage: Stage, times: int) -> Any:
    async def look() -> bool:
        return len(stage.script.walks) >= times

    return look
