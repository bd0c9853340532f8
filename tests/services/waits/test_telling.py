"""How runs hear of the events that they wait for, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.service import RPCStatusCode

from domain.kit.clock import utc_now
from domain.messages.engagement import Engagement, StatusChange
from services.messages.messages import engage_many
from services.waits import sweep
from services.waits.sweep import look_after_waits
from services.waits.telling import READER, close_telling
from tests.support.interruptions import FailingTemporal
from tests.support.steps import message_event, wait_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until
from tests.support.world import World, channel_step, when

KEY = "flow"
FEED = when("event.step_ref", "equal_to", "feed")


async def wait_for(world: World, event_key: str = "read", *, to: str = "ellie", **body: Any) -> str:
    """Send a message, and wait for something that is done with it; answers the run."""
    key = f"flow-{event_key}"
    wait = wait_step(message_event(event_key, key), FEED)
    await world.publish(key, channel_step("feed"), wait)
    run_id = await world.begin(key, {"id": to}, **body)
    await world.walk(run_id)
    return run_id


async def engage(world: World, run_id: str, action: Engagement = Engagement.READ) -> None:
    """Let the recipient do something with the message of a run."""
    message_id: UUID = (await world.messages(run_id))[0]["id"]
    change = StatusChange(action)
    await engage_many(world.engine, world.environment.scope, [message_id], [message_id], change)


def told(world: World, temporal: TemporalRecorder) -> list[str]:
    """Return the runs of this environment that were told to look; sweeps look at all."""
    ours = f"run/{world.environment.scope.slug}/"
    return [
        name.rpartition("/")[2]
        for name, signal, _ in temporal.signals
        if signal == "event_arrived" and name.startswith(ours)
    ]


@dataclass
class _Refusing(TemporalRecorder):
    """Takes no word for one run."""

    refused: str = ""

    def get_workflow_handle(self, workflow_id: str, **options: Any) -> Any:
        """Return a handle that records, or of another Temporal that refuses."""
        if workflow_id.endswith(self.refused):
            refusing = FailingTemporal(status=RPCStatusCode.INVALID_ARGUMENT)
            return refusing.get_workflow_handle(workflow_id)
        return super().get_workflow_handle(workflow_id, **options)


async def until_told(world: World, temporal: TemporalRecorder, *runs: str) -> None:
    """Wait until these runs were told."""

    async def look() -> bool:
        return set(runs) <= set(told(world, temporal))

    await until(look)


async def subscribed(world: World) -> list[str] | None:
    """Return what the waits of the environment want to hear of."""
    rows = await world.make.rows(
        "SELECT event_types FROM outbox_subscriptions WHERE reader = %s AND environment_id = %s",
        *(READER, world.environment.id),
    )
    return rows[0]["event_types"] if rows else None


async def waits(world: World) -> list[dict[str, Any]]:
    """Return the waits of the environment."""
    return await world.make.rows(
        "SELECT * FROM event_waits WHERE environment_id = %s", world.environment.id
    )


async def test_word_goes_at_once(world: World, temporal: TemporalRecorder) -> None:
    """The process that stored the event tells the run that waits for it, and nobody else."""
    ellie, _sam = await wait_for(world), await wait_for(world, to="sam")
    await engage(world, ellie)
    await until_told(world, temporal, ellie)
    await look_after_waits(world.engine)
    assert told(world, temporal) == [ellie]


async def test_many_at_once(world: World, temporal: TemporalRecorder) -> None:
    """Of many events at once none is lost, whoever hands them over."""
    runs = [await wait_for(world, to=f"user-{n}") for n in range(12)]
    other = world.with_parts()
    await asyncio.gather(
        *(engage(other if n % 2 else world, run_id) for n, run_id in enumerate(runs))
    )
    await until_told(world, temporal, *runs)
    assert sorted(set(told(world, temporal))) == sorted(runs)


async def test_nothing_is_written_that_nobody_waits_for(world: World) -> None:
    """Events of other kinds stay out of the outbox; another wait widens what is heard."""
    run_id = await wait_for(world)
    assert await subscribed(world) == ["message.read"]
    await wait_for(world, "archived")
    assert await subscribed(world) == ["message.archived", "message.read"]
    await engage(world, run_id, Engagement.SEEN)
    rows = await world.make.rows(
        "SELECT event_type FROM outbox WHERE environment_id = %s", world.environment.id
    )
    assert rows == []


async def test_a_process_that_dies_before_it_tells(
    world: World, temporal: TemporalRecorder
) -> None:
    """The sweep tells what the process that stored the event did not."""
    run_id = await wait_for(world)
    world.engine.waits_under_way.is_busy = True  # whoever was at it is gone
    await engage(world, run_id)
    assert told(world, temporal) == []
    await look_after_waits(world.engine)
    assert told(world, temporal) == [run_id]


async def test_a_process_that_stops_tells_nobody_any_more(
    world: World, temporal: TemporalRecorder
) -> None:
    """It leaves no task behind, and what it had not told is told by the sweep."""
    run_id = await wait_for(world)
    await engage(world, run_id)
    await close_telling(world.engine)
    assert world.engine.waits_under_way.tasks == set()
    await look_after_waits(world.engine)
    assert set(told(world, temporal)) == {run_id}


async def test_an_event_that_missed_the_subscription(
    world: World, temporal: TemporalRecorder
) -> None:
    """What was under way when the wait began is looked for when it must have been stored."""
    run_id = await wait_for(world)
    await world.make.rows(
        "UPDATE outbox_subscriptions SET event_types = '{}' WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )
    await engage(world, run_id)
    await look_after_waits(world.engine)
    assert told(world, temporal) == []
    await look_after_waits(world.at(utc_now() + timedelta(seconds=80)).engine)
    assert run_id in told(world, temporal)
    assert [wait["settled_at"] is not None for wait in await waits(world)] == [True]


async def test_a_wait_that_cannot_be_looked_after(
    world: World, temporal: TemporalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sweep comes to all of them: one whose run is not told stands in nobody's way."""
    monkeypatch.setattr(sweep, "_PAGE_SIZE", 1)
    runs = [await wait_for(world, to=person) for person in ("ellie", "sam")]
    await world.make.rows(
        "UPDATE outbox_subscriptions SET event_types = '{}' WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )
    for run_id in runs:
        await engage(world, run_id)
    refusing = _Refusing(refused=runs[0])
    later = world.at(utc_now() + timedelta(seconds=80)).with_parts(temporal=refusing)
    await look_after_waits(later.engine)
    assert [run_id for run_id in runs if run_id in told(world, refusing)] == [runs[1]]
    settled = {str(one["recipient_run_id"]): one["settled_at"] for one in await waits(world)}
    assert [settled[run_id] is not None for run_id in runs] == [False, True]


async def test_a_cancelled_run(world: World, temporal: TemporalRecorder) -> None:
    """A run that was cancelled while it waited hears of nothing, and its wait is dropped."""
    run_id = await wait_for(world, cancellation_key="ck")
    await world.cancel("flow-read", "ck")
    assert (await world.walk(run_id, "wait_1/resume")).status == "cancelled"
    await engage(world, run_id)
    while await waits(world):
        await look_after_waits(world.engine)
    assert told(world, temporal) == []


@pytest.mark.parametrize("waits_on", [True, False])
async def test_the_subscription_ends_with_the_last_wait(world: World, waits_on: bool) -> None:
    """Where nothing has waited for a quarter of an hour, walks pay for no events."""
    run_id = await wait_for(world)
    if not waits_on:
        await engage(world, run_id)
        assert (await world.walk(run_id, "wait_1/resume")).status == "completed"
    for minutes, is_subscribed in ((0, True), (14, True), (16, waits_on)):
        later = world.at(utc_now() + timedelta(minutes=minutes))
        await look_after_waits(later.engine)
        assert (await subscribed(world) is not None) is is_subscribed, minutes


async def test_short_waits_keep_the_subscription(world: World) -> None:
    """A wait between two sweeps lets the time begin anew; the others are not subscribed again."""
    begun = utc_now()
    for minutes in (0, 10, 20, 30):
        now = world.at(begun + timedelta(minutes=minutes))
        await wait_for(now)
        await look_after_waits(now.engine)
        await world.make.rows(
            "DELETE FROM event_waits WHERE environment_id = %s RETURNING 1", world.environment.id
        )
        await look_after_waits(world.at(begun + timedelta(minutes=minutes + 5)).engine)
        assert await subscribed(world) is not None, minutes
