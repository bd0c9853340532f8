"""What runs on a branch uses its content, and is kept apart where content decides."""

from __future__ import annotations

import asyncio

import pytest

from domain.kit.errors import NotFound
from domain.triggers.requests import REHEARSAL, parse_trigger_request
from services.content.branches import delete_branch, rebase_branch
from services.triggers import triggering
from services.triggers.expansions import expand
from tests.support.schedules import FLOW, fire, row_of, schedule, triggers_of
from tests.support.steps import (
    batch_step,
    delay_step,
    email_step,
    feed_step,
    throttle_step,
    trigger_step,
)
from tests.support.subscribers import follow, make_object, project
from tests.support.waiting import until_blocked
from tests.support.world import World

_BRANCH_OF = "SELECT branch_id FROM workflow_runs WHERE id = %s"


async def _says(world: World, run_id: str) -> str:
    (message,) = await world.messages(run_id)
    return str(message["content"]["blocks"][0]["rendered"])


async def test_runs_have_the_content_of_their_branch(world: World) -> None:
    """The version of the branch is run, and what it refers to is taken from there as well."""
    await world.publish("flow", feed_step("Main"))
    branch = await world.branch()
    await branch.publish("flow", feed_step("Branch"))

    here, there = await world.begin("flow"), await branch.begin("flow")
    for run_id in (here, there):
        await world.walk(run_id)

    assert "Main" in await _says(world, here)
    assert "Branch" in await _says(world, there)


async def test_a_layout_is_taken_from_the_branch(world: World) -> None:
    """Content that is found at the moment of rendering is the branch's, too."""
    step = email_step(
        template={"subject": "Hi", "html_body": "Hi", "settings": {"layout_key": "frame"}}
    )
    await world.layout("frame", "<b>Main {{ content }}</b>")
    await world.publish("flow", step)
    branch = await world.branch()
    await branch.layout("frame", "<b>Branch {{ content }}</b>")

    here, there = await world.begin("flow"), await branch.begin("flow")
    for run_id in (here, there):
        await world.walk(run_id)

    (main_message,), (branch_message,) = await world.messages(here), await world.messages(there)
    assert "Main" in main_message["content"]["html_body"]
    assert "Branch" in branch_message["content"]["html_body"]


async def test_a_run_keeps_its_version_while_the_branch_moves(world: World) -> None:
    """Commits and rebases change nothing for a run under way."""
    await world.publish("flow", delay_step(), feed_step("Before"))
    branch = await world.branch()
    run_id = await branch.begin("flow")
    paused = await world.walk(run_id)
    await world.publish("flow", feed_step("Main, later"))
    await rebase_branch(world.engine, world.environment.scope, "feature")
    await branch.publish("flow", feed_step("Branch, later"))

    await world.walk(run_id, paused.cursor)

    assert "Before" in await _says(world, run_id)


async def test_an_unknown_workflow_is_unknown_on_each_side(world: World) -> None:
    """What was committed on a branch cannot be triggered elsewhere, and the other way round."""
    branch = await world.branch()
    await world.publish("ours", feed_step())
    await branch.publish("theirs", feed_step())

    with pytest.raises(NotFound):
        await world.trigger("theirs")
    with pytest.raises(NotFound):
        await branch.trigger("ours")


async def test_a_deleted_branch_ends_its_runs(world: World) -> None:
    """At their next step, as those of a workflow that was archived; others go on."""
    await world.publish("flow", delay_step(), feed_step())
    branch = await world.branch()
    here, there = await world.begin("flow"), await branch.begin("flow")
    paused = [await world.walk(run_id) for run_id in (here, there)]

    await delete_branch(world.engine, world.environment.scope, "feature")

    for run_id, before in zip((here, there), paused, strict=True):
        await world.walk(run_id, before.cursor)
    assert len(await world.messages(here)) == 1
    assert (await world.run(there))["end_reason"] == "workflow_inactive"


async def test_a_step_triggers_on_its_branch(world: World) -> None:
    """The workflow that a step triggers is that of the branch."""
    branch = await world.branch()
    await branch.publish("child", feed_step("Child"))
    await branch.publish("flow", trigger_step("child"))
    await world.walk(await branch.begin("flow"))

    (child,) = await world.runs_of("child")
    (row,) = await world.make.rows(_BRANCH_OF, child["workflow_run_id"])
    assert row["branch_id"] == branch.environment.scope.branch_id


async def test_cancels_hold_where_they_are_made(world: World) -> None:
    """One on a branch cancels its runs alone, and one without a branch none of a branch."""
    await world.publish("flow", delay_step(), feed_step())
    branch = await world.branch()
    here = await world.begin("flow", cancellation_key="k")
    there = await branch.begin("flow", cancellation_key="k")
    for run_id in (here, there):
        await world.walk(run_id)

    await branch.cancel("flow", "k")
    assert [(await world.run(one))["status"] for one in (here, there)] == ["paused", "cancelled"]
    there = await branch.begin("flow", cancellation_key="k")
    await world.cancel("flow", "k")
    assert [(await world.run(one))["status"] for one in (here, there)] == ["cancelled", "queued"]


async def test_batches_are_gathered_apart(world: World) -> None:
    """Under one key a branch has a window of its own, which closes with the branch's content."""
    await world.publish("flow", batch_step(), feed_step())
    branch = await world.branch()
    here, there = await world.begin("flow"), await branch.begin("flow")
    for run_id in (here, there):
        await world.walk(run_id)

    rows = await world.make.rows(
        "SELECT branch_id, item_count FROM batches WHERE environment_id = %s ORDER BY id",
        world.environment.id,
    )
    assert [(row["branch_id"], row["item_count"]) for row in rows] == [
        (None, 1),
        (branch.environment.scope.branch_id, 1),
    ]


async def test_throttles_count_apart(world: World) -> None:
    """A run that passes on a branch lets one pass elsewhere, and only one."""
    await world.publish("flow", throttle_step(), feed_step())
    branch = await world.branch()
    made = []
    for where in (world, branch, world, branch):
        run_id = await where.begin("flow")
        await world.walk(run_id)
        made.append(len(await world.messages(run_id)))
    assert made == [1, 1, 0, 0]


async def test_once_means_once_on_each_side(world: World) -> None:
    """Who has had a run on a branch has not had one elsewhere; also by way of an object."""
    once = {"trigger_frequency": "once_per_recipient"}
    await world.publish("flow", feed_step(), **once)
    branch = await world.branch()
    team = project("team")
    await make_object(world, team)
    await follow(world, team, "ann")
    for where, runs in ((world, 2), (branch, 2), (world, 0), (branch, 0)):
        trigger_id = await where.trigger("flow", team)
        await expand(world.engine, world.environment.id, trigger_id)
        assert len(await world.runs(trigger_id)) == runs


async def test_a_rehearsal_on_a_branch_runs_its_version(world: World) -> None:
    """The test runner of the Management API takes the same way."""
    branch = await world.branch()
    await branch.publish("flow", feed_step("Branch"))
    request = parse_trigger_request("flow", {"recipients": ["ann"]}, source_type=REHEARSAL)
    await world.identify("ann")
    started = await triggering.trigger(world.engine, branch.environment.scope, request)
    (run,) = await world.runs(started.workflow_run_id)
    await world.walk(run["id"])
    assert "Branch" in await _says(world, run["id"])


async def test_schedules_run_on_the_branch_where_they_were_made(world: World) -> None:
    """An occurrence runs the content of the branch; with the branch the schedule goes."""
    now = world.engine.clock()
    branch = await world.branch()
    await branch.publish(FLOW, feed_step("Branch"))
    (made,) = await schedule(branch, scheduled_at=now.isoformat())
    later = world.at((await row_of(world, made))["next_occurrence_at"])
    assert await fire(later, made) is None
    (trigger_row,) = await triggers_of(world, made)
    assert trigger_row["branch_id"] == branch.environment.scope.branch_id

    await delete_branch(world.engine, world.environment.scope, "feature")

    assert not await world.make.rows("SELECT 1 FROM schedules WHERE id = %s", made)


async def test_a_schedule_made_while_its_branch_goes_is_deleted(world: World) -> None:
    """Whoever found the branch before it was deleted may store one afterwards; it never occurs."""
    now = world.engine.clock()
    branch = await world.branch()
    await branch.publish(FLOW, feed_step())
    (made,) = await schedule(branch, scheduled_at=now.isoformat(), repeats=[{"frequency": "daily"}])
    later = world.at((await row_of(world, made))["next_occurrence_at"])
    await world.make.rows(
        "UPDATE branches SET deleted_at = now() WHERE id = %s RETURNING 1",
        branch.environment.scope.branch_id,
    )

    assert await fire(later, made) is None

    assert not await world.make.rows("SELECT 1 FROM schedules WHERE id = %s", made)
    assert not await triggers_of(world, made)


async def test_a_branch_is_deleted_beside_its_schedules(world: World) -> None:
    """Who fires one holds it and writes a first run then, which the deletion must not hold yet."""
    now = world.engine.clock()
    branch = await world.branch()
    await branch.publish(FLOW, feed_step(), trigger_frequency="once_per_recipient")
    (made,) = await schedule(branch, scheduled_at=now.isoformat())
    later = world.at((await row_of(world, made))["next_occurrence_at"])
    await branch.trigger(FLOW, "ellie")
    async with world.engine.database.transaction() as holder:
        await holder.execute("SELECT 1 FROM schedules WHERE id = %s FOR UPDATE", [made])
        deletion = asyncio.create_task(
            delete_branch(world.engine, world.environment.scope, "feature")
        )
        await until_blocked(world.make)
        await holder.execute("SELECT 1 FROM first_runs FOR UPDATE NOWAIT")
    await deletion
    assert await fire(later, made) is None


async def test_entries_into_audiences_trigger_without_a_branch(world: World) -> None:
    """Who is in an audience is the same everywhere, so an entry happens once, in development."""
    await world.audience("beta")
    trigger = {"audience_trigger": {"type": "entry", "audience_key": "beta"}}
    await world.publish("flow", feed_step("Main"), **trigger)
    branch = await world.branch()
    await branch.publish("flow", feed_step("Branch"), **trigger)
    await world.identify("ann")

    await branch.enter("beta", "ann")

    (run,) = await world.runs_of("flow")
    (row,) = await world.make.rows(_BRANCH_OF, run["workflow_run_id"])
    assert row["branch_id"] is None
