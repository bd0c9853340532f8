"""A cancel ends every run that was accepted before it, whatever the run is doing."""

from __future__ import annotations

import asyncio

import pytest

from domain.content.workflow import WORKFLOW
from domain.contract.runs import Finished
from domain.kit.clock import utc_now
from domain.kit.errors import InvalidParams, NotFound
from domain.runs.statuses import RunStatus
from models.queries.runs import walks
from services.triggers.resolving import workflow_comes_first
from services.walk.journal import Journal
from tests.support.content import save_content
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, delay_step


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish a workflow that waits between a feed item and an e-mail."""
    await world.publish("remind", channel_step("feed"), delay_step(), channel_step("mail", "email"))


async def _cancellations(world: World) -> list[int]:
    rows = await world.make.rows(
        "SELECT run_count FROM cancellations WHERE environment_id = %s ORDER BY id",
        world.environment.id,
    )
    return [row["run_count"] for row in rows]


async def test_cancels_a_waiting_run(world: World, temporal: TemporalRecorder) -> None:
    """A paused run is cancelled by the request itself, told in its story, and woken to end."""
    run_id = await world.begin("remind", cancellation_key="ck")
    first = await world.walk(run_id)
    await world.cancel("remind", "ck")
    run = await world.run(run_id)
    assert (run["status"], run["resumes_at"]) == ("cancelled", None)
    assert await world.reason(run_id, "run_cancelled") == "cancel_requested"
    workflow_id = f"run/{world.environment.scope.slug}/remind/{run_id}"
    assert [(signal[0], signal[1]) for signal in temporal.signals] == [
        (workflow_id, "cancel_requested")
    ]
    assert (await world.walk(run_id, first.cursor)).status == "cancelled"
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["feed"]


async def test_5_cancels_a_run_that_has_not_begun(world: World) -> None:
    """A queued run makes nothing when its start comes after the cancel."""
    run_id = await world.begin("remind", cancellation_key="ck")
    await world.cancel("remind", "ck")
    directive = await world.walk(run_id)
    assert (directive.next, directive.status) == (Finished(), "cancelled")
    assert await world.messages(run_id) == []
    assert await world.story(run_id) == ["run_cancelled"]


async def test_messages_that_were_made_still_go_out(world: World) -> None:
    """A cancel touches no message: what waits for its provider is delivered."""
    await world.publish("mail", channel_step("mail", "email"), delay_step())
    run_id = await world.begin("mail", cancellation_key="ck")
    first = await world.walk(run_id)
    await world.cancel("mail", "ck")
    assert (await world.walk(run_id, first.cursor)).deliveries == first.deliveries


async def test_only_the_named_recipients(world: World) -> None:
    """With recipients only their runs end; an empty list ends none."""
    trigger = await world.trigger("remind", {"id": "a"}, {"id": "b"}, cancellation_key="ck")
    await world.cancel("remind", "ck", "b", "stranger")
    assert [run["status"] for run in await world.runs(trigger)] == ["queued", "cancelled"]
    assert await _cancellations(world) == [1]


async def test_other_keys_and_workflows_stay(world: World) -> None:
    """A cancel holds for one key of one workflow in one environment."""
    await world.publish("other", delay_step())
    runs = [
        await world.begin("remind", cancellation_key="ck2"),
        await world.begin("remind"),
        await world.begin("other", cancellation_key="ck"),
    ]
    await world.cancel("remind", "ck")
    assert [(await world.run(run))["status"] for run in runs] == ["queued"] * 3
    assert await _cancellations(world) == [0]


async def test_5_all_triggers_of_the_key(world: World) -> None:
    """Several triggers may share a key; a trigger after the cancel is untouched."""
    before = [await world.begin("remind", cancellation_key="ck") for _ in range(2)]
    await world.cancel("remind", "ck")
    after = await world.begin("remind", cancellation_key="ck")
    statuses = [(await world.run(run))["status"] for run in (*before, after)]
    assert statuses == ["cancelled", "cancelled", "queued"]


async def test_second_cancel_changes_nothing(world: World, temporal: TemporalRecorder) -> None:
    """A run that has ended stays as it ended."""
    run_id = await world.begin("remind", cancellation_key="ck")
    await world.cancel("remind", "ck")
    before = await world.snapshot(run_id)
    await world.cancel("remind", "ck")
    assert await world.snapshot(run_id) == before
    assert len(temporal.signals) == 1


async def test_completed_run_stays_completed(world: World) -> None:
    """A cancel that comes after the end does nothing."""
    await world.publish("quick", channel_step("feed"))
    run_id = await world.begin("quick", cancellation_key="ck")
    await world.walk(run_id)
    await world.cancel("quick", "ck")
    assert (await world.run(run_id))["status"] == "completed"


async def test_a_test_run_of_what_was_never_committed(world: World) -> None:
    """Test runs take what is saved, so a cancel knows what is saved."""
    document = {"name": "Draft", "steps": [delay_step(seconds=60)]}
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, WORKFLOW, "draft", document, force=True)
    run_id = await world.begin("draft", source="rehearsal", cancellation_key="ck")
    await world.cancel("draft", "ck")
    assert (await world.run(run_id))["status"] == "cancelled"


async def test_what_is_wrong_with_a_cancel_of_what_was_never_committed(world: World) -> None:
    """It is told as for any other workflow: this one is there."""
    document = {"name": "Draft", "steps": [delay_step(seconds=60)]}
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, WORKFLOW, "draft", document, force=True)
    scope = world.environment.scope
    with pytest.raises(InvalidParams):
        async with workflow_comes_first(world.engine, scope, "draft", is_to_run=False):
            raise InvalidParams.of("cancellation_key", "is required")
    with pytest.raises(NotFound):
        async with workflow_comes_first(world.engine, scope, "nothing", is_to_run=False):
            raise InvalidParams.of("cancellation_key", "is required")


async def test_unknown_workflow(world: World) -> None:
    """A workflow that nobody has saved here is not found."""
    with pytest.raises(NotFound) as missing:
        await world.cancel("nothing", "ck")
    assert missing.value.code == "workflow_missing"


async def test_cancel_waits_for_a_walk(world: World) -> None:
    """A cancel during a walk comes after all of it: its message stands, the run ends there."""
    run_id = await world.begin("remind", cancellation_key="ck")
    async with world.engine.database.transaction() as connection:
        taken = await walks.take_run(connection, world.environment.id, run_id)
        assert taken is not None
        cancelling = asyncio.create_task(world.cancel("remind", "ck"))
        await until_blocked(world.make)
        # What the walk does while it holds the row.
        journal = Journal(taken, utc_now())
        journal.begin()
        journal.outcomes["feed"] = {"outcome": "sent"}
        journal.rest(RunStatus.PAUSED, journal.now)
        await walks.record_walk(connection, taken.id, journal.change, journal.rows, journal.now)
        assert not cancelling.done()
    await cancelling
    run = await world.run(run_id)
    assert (run["status"], run["event_count"]) == ("cancelled", 2)
    assert run["step_outcomes"] == {"feed": {"outcome": "sent"}}
    assert await world.story(run_id) == ["run_started", "run_cancelled"]


async def test_cancel_that_waited_for_the_last_walk(world: World) -> None:
    """When the walk that it waited for completed the run, the cancel came too late."""
    run_id = await world.begin("remind", cancellation_key="ck")
    async with world.engine.database.transaction() as connection:
        taken = await walks.take_run(connection, world.environment.id, run_id)
        assert taken is not None
        cancelling = asyncio.create_task(world.cancel("remind", "ck"))
        await until_blocked(world.make)
        journal = Journal(taken, utc_now())
        journal.complete(None)
        await walks.record_walk(connection, taken.id, journal.change, journal.rows, journal.now)
    await cancelling
    assert (await world.run(run_id))["status"] == "completed"
    assert await _cancellations(world) == [0]


async def test_7_walks_and_cancels_at_once(world: World) -> None:
    """Whichever comes first: a cancelled run has its one feed item or none, and never an e-mail."""
    trigger = await world.trigger(
        "remind", *({"id": f"u{n:02}"} for n in range(20)), cancellation_key="ck"
    )
    runs = [run["id"] for run in await world.runs(trigger)]
    await asyncio.gather(*(world.walk(run) for run in runs), world.cancel("remind", "ck"))
    for run in runs:
        assert (await world.run(run))["status"] == "cancelled"
        story = await world.story(run)
        assert story[-1] == "run_cancelled"
        assert len(await world.messages(run)) == story.count("message_enqueued") <= 1


async def test_cancels_do_not_deadlock(world: World) -> None:
    """Cancels of the same runs, in any order of recipients, end each run once."""
    people = [f"u{n:02}" for n in range(40)]
    trigger = await world.trigger("remind", *({"id": p} for p in people), cancellation_key="ck")
    await asyncio.gather(
        *(
            world.cancel("remind", "ck", *(people if turn % 2 else reversed(people)))
            for turn in range(8)
        )
    )
    assert sum(await _cancellations(world)) == 40
    for run in await world.runs(trigger):
        assert await world.story(run["id"]) == ["run_cancelled"]
