"""A cancel ends every run that was accepted before it, whatever the run is doing."""

from __future__ import annotations

import asyncio

import pytest

from domain.clock import utc_now
from domain.errors import NotFound
from domain.runs import Finished
from domain.statuses import RunStatus
from models.queries import walks
from services.walk.journal import Journal
from tests.support.engine import Engine, channel_step, delay_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked


@pytest.fixture(autouse=True)
async def workflow(engine: Engine) -> None:
    """Publish a workflow that waits between a feed item and an e-mail."""
    await engine.publish(
        "remind", channel_step("feed"), delay_step(), channel_step("mail", "email")
    )


async def _cancellations(engine: Engine) -> list[int]:
    rows = await engine.make.rows(
        "SELECT run_count FROM cancellations WHERE environment_id = %s ORDER BY id",
        engine.environment.id,
    )
    return [row["run_count"] for row in rows]


async def test_cancels_a_waiting_run(engine: Engine, temporal: TemporalRecorder) -> None:
    """A paused run is cancelled by the request itself, told in its story, and woken to end."""
    run_id = await engine.begin("remind", cancellation_key="ck")
    first = await engine.walk(run_id)
    await engine.cancel("remind", "ck")
    run = await engine.run(run_id)
    assert (run["status"], run["resumes_at"]) == ("cancelled", None)
    assert await engine.reason(run_id, "run_cancelled") == "cancel_requested"
    workflow_id = f"run/{engine.environment.scope.slug}/remind/{run_id}"
    assert [(signal[0], signal[1]) for signal in temporal.signals] == [
        (workflow_id, "cancel_requested")
    ]
    assert (await engine.walk(run_id, first.cursor)).status == "cancelled"
    assert [row["step_ref"] for row in await engine.messages(run_id)] == ["feed"]


async def test_cancels_a_run_that_has_not_begun(engine: Engine) -> None:
    """A queued run makes nothing when its start comes after the cancel."""
    run_id = await engine.begin("remind", cancellation_key="ck")
    await engine.cancel("remind", "ck")
    directive = await engine.walk(run_id)
    assert (directive.next, directive.status) == (Finished(), "cancelled")
    assert await engine.messages(run_id) == []
    assert await engine.story(run_id) == ["run_cancelled"]


async def test_messages_that_were_made_still_go_out(engine: Engine) -> None:
    """A cancel touches no message: what waits for its provider is delivered."""
    await engine.publish("mail", channel_step("mail", "email"), delay_step())
    run_id = await engine.begin("mail", cancellation_key="ck")
    first = await engine.walk(run_id)
    await engine.cancel("mail", "ck")
    assert (await engine.walk(run_id, first.cursor)).deliveries == first.deliveries


async def test_only_the_named_recipients(engine: Engine) -> None:
    """With recipients only their runs end; an empty list ends none."""
    trigger = await engine.trigger("remind", {"id": "a"}, {"id": "b"}, cancellation_key="ck")
    await engine.cancel("remind", "ck", "b", "stranger")
    assert [run["status"] for run in await engine.runs(trigger)] == ["queued", "cancelled"]
    assert await _cancellations(engine) == [1]


async def test_other_keys_and_workflows_stay(engine: Engine) -> None:
    """A cancel holds for one key of one workflow in one environment."""
    await engine.publish("other", delay_step())
    runs = [
        await engine.begin("remind", cancellation_key="ck2"),
        await engine.begin("remind"),
        await engine.begin("other", cancellation_key="ck"),
    ]
    await engine.cancel("remind", "ck")
    assert [(await engine.run(run))["status"] for run in runs] == ["queued"] * 3
    assert await _cancellations(engine) == [0]


async def test_all_triggers_of_the_key(engine: Engine) -> None:
    """Several triggers may share a key; a trigger after the cancel is untouched."""
    before = [await engine.begin("remind", cancellation_key="ck") for _ in range(2)]
    await engine.cancel("remind", "ck")
    after = await engine.begin("remind", cancellation_key="ck")
    statuses = [(await engine.run(run))["status"] for run in (*before, after)]
    assert statuses == ["cancelled", "cancelled", "queued"]


async def test_second_cancel_changes_nothing(engine: Engine, temporal: TemporalRecorder) -> None:
    """A run that has ended stays as it ended."""
    run_id = await engine.begin("remind", cancellation_key="ck")
    await engine.cancel("remind", "ck")
    before = await engine.snapshot(run_id)
    await engine.cancel("remind", "ck")
    assert await engine.snapshot(run_id) == before
    assert len(temporal.signals) == 1


async def test_completed_run_stays_completed(engine: Engine) -> None:
    """A cancel that comes after the end does nothing."""
    await engine.publish("quick", channel_step("feed"))
    run_id = await engine.begin("quick", cancellation_key="ck")
    await engine.walk(run_id)
    await engine.cancel("quick", "ck")
    assert (await engine.run(run_id))["status"] == "completed"


async def test_unknown_workflow(engine: Engine) -> None:
    """A workflow that was never committed here is not found."""
    with pytest.raises(NotFound) as missing:
        await engine.cancel("nothing", "ck")
    assert missing.value.code == "workflow_missing"


async def test_cancel_waits_for_a_walk(engine: Engine) -> None:
    """A cancel during a walk comes after all of it: its message stands, the run ends there."""
    run_id = await engine.begin("remind", cancellation_key="ck")
    async with engine.platform.database.transaction() as connection:
        row = await walks.take_run(connection, engine.environment.id, run_id)
        assert row is not None
        cancelling = asyncio.create_task(engine.cancel("remind", "ck"))
        await until_blocked(engine.make)
        # What the walk does while it holds the row.
        journal = Journal(row, utc_now())
        journal.begin()
        journal.outcomes["feed"] = {"outcome": "sent"}
        journal.rest(RunStatus.PAUSED, journal.now)
        await walks.record_walk(connection, row["id"], journal.change, journal.rows, journal.now)
        assert not cancelling.done()
    await cancelling
    run = await engine.run(run_id)
    assert (run["status"], run["event_count"]) == ("cancelled", 2)
    assert run["step_outcomes"] == {"feed": {"outcome": "sent"}}
    assert await engine.story(run_id) == ["run_started", "run_cancelled"]


async def test_cancel_that_waited_for_the_last_walk(engine: Engine) -> None:
    """When the walk that it waited for completed the run, the cancel came too late."""
    run_id = await engine.begin("remind", cancellation_key="ck")
    async with engine.platform.database.transaction() as connection:
        row = await walks.take_run(connection, engine.environment.id, run_id)
        assert row is not None
        cancelling = asyncio.create_task(engine.cancel("remind", "ck"))
        await until_blocked(engine.make)
        journal = Journal(row, utc_now())
        journal.complete(None)
        await walks.record_walk(connection, row["id"], journal.change, journal.rows, journal.now)
    await cancelling
    assert (await engine.run(run_id))["status"] == "completed"
    assert await _cancellations(engine) == [0]


async def test_walks_and_cancels_at_once(engine: Engine) -> None:
    """Whichever comes first: a cancelled run has its one feed item or none, and never an e-mail."""
    trigger = await engine.trigger(
        "remind", *({"id": f"u{n:02}"} for n in range(20)), cancellation_key="ck"
    )
    runs = [run["id"] for run in await engine.runs(trigger)]
    await asyncio.gather(*(engine.walk(run) for run in runs), engine.cancel("remind", "ck"))
    for run in runs:
        assert (await engine.run(run))["status"] == "cancelled"
        story = await engine.story(run)
        assert story[-1] == "run_cancelled"
        assert len(await engine.messages(run)) == story.count("message_enqueued") <= 1


async def test_cancels_do_not_deadlock(engine: Engine) -> None:
    """Cancels of the same runs, in any order of recipients, end each run once."""
    people = [f"u{n:02}" for n in range(40)]
    trigger = await engine.trigger("remind", *({"id": p} for p in people), cancellation_key="ck")
    await asyncio.gather(
        *(
            engine.cancel("remind", "ck", *(people if turn % 2 else reversed(people)))
            for turn in range(8)
        )
    )
    assert sum(await _cancellations(engine)) == 40
    for run in await engine.runs(trigger):
        assert await engine.story(run["id"]) == ["run_cancelled"]
