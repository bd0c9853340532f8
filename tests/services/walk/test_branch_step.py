"""The branch step within a run: which way it goes, and what the story says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.contract.runs import Finished
from domain.kit.clock import utc_now
from tests.support.steps import branch, branch_step
from tests.support.world import World, channel_step, delay_step, when

PRO = when("recipient.plan", "equal_to", "pro")
BASIC = when("recipient.plan", "equal_to", "basic")
FORK = branch_step(
    "fork",
    branch("Pro", channel_step("pro"), conditions=PRO),
    branch("Basic", channel_step("basic"), conditions=BASIC, ends=True),
    branch("Default", channel_step("rest")),
)


@pytest.mark.parametrize(
    ("plan", "made"),
    [("pro", {"pro", "behind"}), ("basic", {"basic"}), ("other", {"rest", "behind"})],
)
async def test_the_first_branch_that_holds(world: World, plan: str, made: set[str]) -> None:
    """The first branch whose conditions hold is taken, else the default; one may end the run."""
    run_id, done = await world.send(
        FORK, channel_step("behind"), recipients=({"id": "ellie", "plan": plan},)
    )
    assert (done.next, done.status) == (Finished(), "completed")
    assert {row["step_ref"] for row in await world.messages(run_id)} == made
    assert (await world.run(run_id))["error_count"] == 0
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before


async def test_the_story_of_a_branch(world: World) -> None:
    """The event tells which branch was taken, why, and what the others would have done."""
    run_id, _ = await world.send(FORK, recipients=({"id": "ellie", "plan": "basic"},))
    (told,) = [row for row in await world.events(run_id) if row["event"] == "branch_selected"]
    assert (told["step_ref"], told["step_type"]) == ("fork", "branch")
    data = told["data"]
    assert (data["branch"], data["is_default"], data["terminates"]) == ("Basic", False, True)
    assert data["left_out"] == ["pro", "rest"]
    assert [(one["branch"], one["passed"]) for one in data["judged"]] == [
        ("Pro", False),
        ("Basic", True),
    ]
    (line,) = data["judged"][0]["conditions"]
    assert (line["variable_value"], line["argument"], line["result"]) == ("basic", "pro", "false")


async def test_conditions_of_a_branch_step(world: World) -> None:
    """A branch step whose own conditions do not hold is passed, with all its branches."""
    run_id, _ = await world.send({**FORK, "conditions": PRO}, channel_step("behind"))
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["behind"]
    (told,) = [row for row in await world.events(run_id) if row["event"] == "step_skipped"]
    assert told["data"] == {"reason": "conditions not met", "left_out": ["pro", "basic", "rest"]}


async def test_branches_on_messages(world: World) -> None:
    """A branch may ask what became of the messages before it, those of this walk among them."""
    unseen = when("refs.first.status", "less_than", "$message.seen")
    run_id, _ = await world.send(
        channel_step("first"),
        branch_step(
            "fork", branch("Unseen", channel_step("again"), conditions=unseen), branch("Default")
        ),
    )
    assert {row["step_ref"] for row in await world.messages(run_id)} == {"first", "again"}


async def test_a_choice_is_kept(world: World) -> None:
    """A run that waits in a branch goes on there, whatever became of the conditions meanwhile."""
    fork = branch_step(
        "fork",
        branch("Pro", delay_step("wait"), channel_step("pro"), conditions=PRO),
        branch("Default", channel_step("rest")),
    )
    run_id, first = await world.send(fork, recipients=({"id": "ellie", "plan": "pro"},))
    assert first.cursor == "wait/resume"
    await world.make.rows(
        "UPDATE recipients SET properties = '{}' WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )
    assert (await world.walk(run_id)).next == first.next
    await world.walk(run_id, first.cursor)
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["pro"]
    assert (await world.story(run_id)).count("branch_selected") == 1


async def test_broken_conditions_fail_the_step(world: World) -> None:
    """Broken Liquid in a branch's conditions fails the step as it fails any other, three times."""
    broken = when("data.x", "equal_to", "{{ x }}{% for i in (1..20000) %}{% endfor %}")
    fork = branch_step("fork", branch("A", conditions=broken), branch("Default"))
    run_id, advanced = await world.send(fork)
    for _ in range(2):
        advanced = await world.walk(run_id, advanced.cursor)
    assert advanced.next == Finished()
    assert await world.reason(run_id, "run_halted") == "step_failed"
    assert await world.reason(run_id, "step_failed") == "condition"


async def test_a_stored_step_without_a_default(world: World) -> None:
    """Where no branch lets the run in, it goes on behind the step, and the story says so."""
    fork = branch_step("fork", branch("A", channel_step("a"), conditions=PRO), FORK["branches"][0])
    run_id, _ = await world.send_raw(fork, channel_step("behind"))
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["behind"]
    assert "there is no default" in await world.reason(run_id)


async def test_messages_that_retention_has_deleted(world: World) -> None:
    """A condition on a message that is gone is false, whatever its operator."""
    gone = when("refs.first.delivery_status", "not_equal_to", "$message.skipped")
    run_id, first = await world.send(
        channel_step("first"),
        delay_step("wait"),
        channel_step("second", conditions=gone),
        channel_step(
            "third", conditions=when("refs.first.delivery_status", "less_than", "$message.sent")
        ),
    )
    await world.make.rows("DELETE FROM messages WHERE recipient_run_id = %s RETURNING 1", run_id)
    await world.walk(run_id, first.cursor)
    assert await world.messages(run_id) == []


@pytest.mark.parametrize(
    ("days", "retention", "is_sent"), [(29, 30, True), (31, 30, False), (31, 0, True)]
)
async def test_items_of_feeds_past_the_retention(
    world: World, days: int, retention: int, is_sent: bool
) -> None:
    """Conditions on them are false whatever the operator, although the feed still shows them."""
    kept = world.engine.settings.model_copy(update={"retention_days": retention})
    world = world.with_parts(settings=kept)
    unread = when("refs.first.engagement_status", "not_contains", "$message.read")
    run_id, waiting = await world.send(
        channel_step("first"),
        delay_step(seconds=days * 86_400),
        channel_step("reminder", conditions=unread),
    )
    await world.at(utc_now() + timedelta(days=days, minutes=1)).walk(run_id, waiting.cursor)
    made = [row["step_ref"] for row in await world.messages(run_id)]
    assert made == ["first", *(["reminder"] if is_sent else [])]
