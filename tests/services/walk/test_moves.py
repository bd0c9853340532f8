"""A walk follows the moves of its steps, through branches, waits, ends and changes of its data."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.contract.runs import AdvanceInput, Finished, SleepUntil
from domain.kit.pages import PageRequest
from models.queries.messages import activities
from services.messages import messages
from services.walk.transaction import advance
from tests.support.extra_steps import ExtraExecutor, extra, extra_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step, sleep_of, when

__all__ = ["extra"]

SAYS = {"markdown_body": "{{ data.x }} {{ x }} {{ activities[0].x }}"}


async def test_data_that_a_step_changed(world: World, extra: ExtraExecutor) -> None:
    """Templates, conditions and messages see what the steps before them made of the data."""
    run_id, done = await world.send(
        channel_step("before", template=SAYS),
        extra_step("one", "patch", x="new", y={"deep": 1}),
        channel_step("after", template=SAYS, conditions=when("data.x", "equal_to", "new")),
        extra_step("two", "patch", x="newer"),
        channel_step("last", template=SAYS),
        data={"x": "old", "z": True},
    )
    assert done.next == Finished()
    said = [row["content"]["blocks"][0]["rendered"] for row in await world.messages(run_id)]
    assert sorted(said) == [f"<p>{word} {word} {word}</p>\n" for word in ("new", "newer", "old")]
    kept = {row["step_ref"]: row["data"] for row in await world.messages(run_id)}
    assert kept["before"] == {"x": "old", "z": True}
    assert kept["last"] == {"x": "newer", "z": True}


async def test_data_of_an_earlier_walk(world: World, extra: ExtraExecutor) -> None:
    """What a step changed is there again in later walks, and a repeated one changes nothing."""
    run_id, first = await world.send(
        extra_step("one", "patch", x="new"),
        extra_step("wait", "wait", brings={"y": "brought"}),
        channel_step("feed", template={"markdown_body": "{{ x }} {{ y }}"}),
        data={"x": "old"},
    )
    before = await world.snapshot(run_id)
    assert (await world.walk(run_id)).next == first.next
    assert await world.snapshot(run_id) == before
    await world.walk(run_id, first.cursor)
    (message,) = await world.messages(run_id)
    assert message["data"] == {"x": "new", "y": "brought"}
    assert (await world.run(run_id))["step_outcomes"]["wait"]["n"] == 1
    patches = await world.make.rows(
        "SELECT position, step_ref, patch FROM run_patches WHERE recipient_run_id = %s"
        " ORDER BY position",
        run_id,
    )
    assert [row["step_ref"] for row in patches] == ["one", "wait"]
    return_to_start = await world.walk(run_id)
    assert return_to_start.next == Finished()


async def test_readers_see_the_same_data(world: World, extra: ExtraExecutor) -> None:
    """The feed and a message's activities answer the data as the steps left it."""
    run_id, _ = await world.send(
        extra_step("one", "patch", x="new", y={"deep": 1}), channel_step("feed"), data={"x": "old"}
    )
    (message,) = await world.messages(run_id)
    async with world.engine.database.connection() as connection:
        data = await activities.trigger_data_of(
            connection,
            world.environment.id,
            [message["recipient_run_id"]],
            each=1_000,
            together=1_000,
        )
    assert data == {message["recipient_run_id"]: {"x": "new", "y": {"deep": 1}}}
    page = await messages.list_trigger_activities(
        world.engine, world.environment.scope, message["id"], None, PageRequest()
    )
    (activity,) = page.rows
    assert activity.data == {"x": "new", "y": {"deep": 1}}


async def test_branches(world: World, extra: ExtraExecutor) -> None:
    """A run goes into the branch that a step chose, five deep, and comes out behind it."""
    tree = [channel_step("core")]
    for level in range(5):
        fork = extra_step(f"fork_{level}", "branch", [channel_step(f"no_{level}")], tree, branch=1)
        tree = [fork, channel_step(f"out_{level}")]
    run_id, done = await world.send(*tree)
    assert done.next == Finished()
    made = [row["step_ref"] for row in await world.messages(run_id)]
    assert sorted(made) == ["core", *(f"out_{level}" for level in range(5))]
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before


async def test_a_wait_within_a_branch(world: World, extra: ExtraExecutor) -> None:
    """A cursor names the step that waits wherever it stands, and the run leaves its branch."""
    run_id, first = await world.send(
        extra_step(
            "fork",
            "branch",
            [extra_step("wait", "wait"), channel_step("inside")],
            branch=0,
        ),
        channel_step("behind"),
    )
    assert first.cursor == "wait/resume"
    await world.walk(run_id, first.cursor)
    made = {row["step_ref"] for row in await world.messages(run_id)}
    assert made == {"inside", "behind"}


async def test_halted(world: World, extra: ExtraExecutor) -> None:
    """A step may end the run well; nothing behind it is taken."""
    run_id, done = await world.send(extra_step("stop", "halt"), channel_step("feed"))
    assert (done.next, done.status) == (Finished(), "completed")
    assert await world.reason(run_id, "run_completed") == "enough"
    assert (await world.run(run_id))["error_count"] == 0
    assert await world.messages(run_id) == []


async def test_the_second_half_of_a_step(world: World, extra: ExtraExecutor) -> None:
    """A step that waited is resumed with what it kept, once."""
    run_id, first = await world.send(extra_step("wait", "wait"), data={"b": 1, "a": 2})
    assert (first.cursor, sleep_of(first).label) == ("wait/resume", "an extra wait")
    assert (await world.walk(run_id, first.cursor)).next == Finished()
    await world.walk(run_id, first.cursor)
    ((ref, kept),) = extra.resumed
    assert (ref, kept["seen"]) == ("wait", ["a", "b"])
    assert extra.arrived == ["wait"]


async def test_the_second_half_has_three_attempts(world: World, extra: ExtraExecutor) -> None:
    """A step that fails when it resumes is resumed again, and keeps what it had."""
    run_id, first = await world.send(extra_step("wait", "wait", fails=True))
    second = await world.walk(run_id, first.cursor)
    assert second.cursor == "wait/resume/2"
    assert (await world.walk(run_id, first.cursor)).next == second.next
    third = await world.walk(run_id, second.cursor)
    assert third.cursor == "wait/resume/3"
    assert (await world.walk(run_id, third.cursor)).next == Finished()
    assert [kept["seen"] for _, kept in extra.resumed] == [[], [], []]
    assert extra.arrived == ["wait"]
    failed = [row for row in await world.events(run_id) if row["event"] == "step_failed"]
    assert [(row["step_ref"], row["step_type"]) for row in failed] == [("wait", "extra")]


async def test_a_cursor_that_is_ahead_of_the_row(world: World, extra: ExtraExecutor) -> None:
    """A step to resume that PostgreSQL has no memory of (a restore) is arrived at."""
    await world.publish("flow", extra_step("wait", "wait"))
    run_id = await world.begin("flow")
    assert (await world.walk(run_id, "wait/resume")).cursor == "wait/resume"
    assert extra.arrived == ["wait"]


async def test_a_cursor_at_no_step(world: World) -> None:
    """A cursor at a step that the version does not have ends the run with an error."""
    await world.publish("flow", channel_step("feed"))
    run_id = await world.begin("flow")
    assert (await world.walk(run_id, "elsewhere")).next == Finished()
    assert await world.reason(run_id, "run_halted") == "step_missing"


async def test_a_workflow_that_cannot_obey(world: World, extra: ExtraExecutor) -> None:
    """A directive that the workflow does not speak waits a minute for one that does."""
    await world.publish("flow", extra_step("wait", "wait"))
    run_id = await world.begin("flow")
    order = AdvanceInput(run_id, str(world.environment.id), speaks=["finished", "walk_on"])
    old = await advance(world.engine, order)
    assert (old.cursor, sleep_of(old).label) == ("wait", "wait: needs a newer worker")
    new = await world.walk(run_id, old.cursor)
    assert new.next == SleepUntil(sleep_of(new).until, "an extra wait")
    assert new.cursor == "wait/resume"
    assert extra.arrived == ["wait"]


async def test_a_stored_wait_of_a_newer_process(world: World, extra: ExtraExecutor) -> None:
    """A wait of an unknown kind, stored by a newer process, is left to newer processes."""
    run_id, first = await world.send(extra_step("wait", "wait"))
    await world.make.rows(
        "UPDATE recipient_runs SET step_outcomes = jsonb_set(step_outcomes, '{wait,directive}',"
        """ '{"kind": "await_the_tide", "sea": "north"}') WHERE id = %s RETURNING 1""",
        run_id,
    )
    again = await world.walk(run_id)
    assert (again.cursor, sleep_of(again).label) == ("wait", "wait: needs a newer worker")
    assert first.cursor == "wait/resume"


@pytest.mark.parametrize("repeats", [1, 2])
async def test_effects_are_owed(
    world: World, extra: ExtraExecutor, temporal: TemporalRecorder, repeats: int
) -> None:
    """What a step owes to Temporal is recorded with it, once, and done after the commit."""
    payload = {
        "message_id": str(uuid4()),
        "retry": 1,
        "workflow_key": "flow",
        "queue": "deliver-sms",
        "label": "x",
    }
    await world.publish("flow", extra_step("owe", "owe", kind="deliver_message", payload=payload))
    run_id = await world.begin("flow")
    for _ in range(repeats):
        await world.walk(run_id)
    starts = [one for one in temporal.starts if one[0].startswith("message/")]
    assert len(starts) == 1


async def test_a_failed_step_owes_nothing(world: World, extra: ExtraExecutor) -> None:
    """What a step owed before it failed is dropped with what it made."""
    await world.send(extra_step("bad", "fail"))
    owed = await world.make.rows(
        "SELECT 1 FROM owed_effects WHERE environment_id = %s", world.environment.id
    )
    assert owed == []
