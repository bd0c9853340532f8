"""The step that changes an audience: who is in it then, what that triggers, and what bounds it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.contract.runs import Finished
from domain.kit.errors import InvalidParams
from domain.triggers.requests import REHEARSAL
from models.queries.audiences.members import audiences_of
from runtime.database import Connection
from services.audiences.archiving import archive_audience
from services.walk import context
from services.walk.steps import update_audience
from tests.support.steps import audience_step, branch, branch_step, trigger_step
from tests.support.world import World, channel_step, when

BETA = {"audience_key": "beta"}
MEMBER = when("recipient", "is_audience_member", "beta")


@pytest.fixture(autouse=True)
async def beta(world: World) -> None:
    """Make the audience."""
    await world.audience("beta")


async def test_the_recipient_enters_and_leaves(world: World) -> None:
    """The step changes the membership for the run's tenant; steps behind it see that at once."""
    run_id, _ = await world.send(
        audience_step("beta"),
        channel_step("in", conditions=MEMBER),
        audience_step("beta", "remove", "leave"),
        channel_step("out", conditions=MEMBER),
        tenant="acme",
    )
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["in"]
    assert await world.members("beta") == []
    told = [row["data"] for row in await world.events(run_id) if row["event"] == "audience_updated"]
    assert told == [
        {"audience": "beta", "action": "add", "changed": True},
        {"audience": "beta", "action": "remove", "changed": True},
    ]


async def test_nothing_to_change(world: World) -> None:
    """Adding a member and removing one who is none succeed; a repeated walk changes nothing."""
    await world.enter("beta", "ellie")
    run_id, _ = await world.send(audience_step("beta"))
    (told,) = [row for row in await world.events(run_id) if row["event"] == "audience_updated"]
    assert told["data"]["changed"] is False
    await world.send(audience_step("beta", "remove"))
    await world.walk(run_id)
    assert await world.members("beta") == []


async def test_an_audience_that_is_archived_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is added to it any more, although the walk has seen it."""

    async def archive_first(_connection: Connection) -> None:
        await archive_audience(world.engine, world.environment.scope, "beta")

    monkeypatch.setattr(update_audience, "give_way", archive_first)
    run_id, _ = await world.send(audience_step("beta"))
    assert await world.members("beta") == []
    events = {row["event"] for row in await world.events(run_id)}
    assert "audience_updated" not in events


async def test_an_addition_triggers_once(world: World) -> None:
    """An entry by the step triggers, in the mode of its run, and names how long the chain is."""
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    run_id, _ = await world.send(audience_step("beta"), settings={"sandbox_mode": True})
    await world.walk(run_id)
    (run,) = await world.runs_of("welcome")
    assert run["source"] == {"type": "audience", "audience_key": "beta", "chain": 1}
    assert run["settings"] == {"sandbox_mode": True}


async def test_what_a_rehearsal_leads_to_is_one(world: World) -> None:
    """What its steps trigger, by themselves or by an entry, is not counted as meant either."""
    await world.publish("welcome", channel_step("feed"), audience_trigger=BETA)
    child = {"trigger_frequency": "once_per_recipient"}
    await world.publish("child", audience_step("beta"), **child)
    await world.publish("parent", trigger_step("child"))
    for _ in range(2):
        await world.walk(await world.begin("parent", source=REHEARSAL))
    for run in await world.runs_of("child"):
        await world.walk(run["id"])

    sources = [run["source"] for run in await world.runs_of("child")]
    assert sources == [{"type": "workflow_step", "chain": 1, "rehearsal": True}] * 2
    (entry,) = await world.runs_of("welcome")
    assert (entry["source"]["chain"], entry["source"]["rehearsal"]) == (2, True)
    assert await world.runs(await world.trigger("child"))


async def test_audiences_are_asked_for_once_in_a_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many conditions of a step name some; the next step sees what has changed since."""
    asked = []

    async def counted(*given: Any) -> set[str]:
        asked.append(given)
        return await audiences_of(*given)

    monkeypatch.setattr(context, "audiences_of", counted)
    branches = [branch(f"b{n}", channel_step(f"c{n}"), conditions=MEMBER) for n in range(3)]
    branches.append(branch("else"))
    last = {**channel_step("behind"), "conditions": MEMBER}
    run_id, _ = await world.send(branch_step("fork", *branches), audience_step("beta"), last)
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["behind"]
    assert len(asked) == 2


async def test_what_is_skipped(world: World) -> None:
    """Conditions, recipients that are no users and audiences that are gone skip the step."""
    project = {"id": "p1", "collection": "projects", "name": "One"}
    run_id, _ = await world.send(audience_step("beta"), recipients=(project,))
    assert await world.reason(run_id) == "the recipient is not a user"
    step = {**audience_step("beta"), "conditions": when("data.x", "exists")}
    run_id, _ = await world.send(step)
    assert await world.reason(run_id) == "conditions not met"
    run_id, _ = await world.send_raw(audience_step("gone"))
    assert await world.reason(run_id) == "audience gone does not exist here"
    assert await world.members("beta") == []


async def test_a_dynamic_audience_fails_the_step(world: World) -> None:
    """The members of a dynamic audience follow from its conditions, whatever a step says."""
    await world.audience("pro", [{"property": "plan", "operator": "exists"}])
    run_id, advanced = await world.send(audience_step("pro"))
    for _ in range(2):
        advanced = await world.walk(run_id, advanced.cursor)
    assert advanced.next == Finished()
    assert await world.reason(run_id, "run_halted") == "step_failed"
    assert await world.members("pro") == []


async def test_an_audience_that_is_not_there(world: World) -> None:
    """A workflow that refers to no audience is not committed."""
    with pytest.raises(InvalidParams) as refusal:
        await world.publish("flow", audience_step("gone"))
    assert [error.field for error in refusal.value.errors] == ["steps[0].settings.audience_key"]
    with pytest.raises(InvalidParams) as refusal:
        await world.publish("flow", channel_step("feed"), audience_trigger={"audience_key": "no"})
    assert [error.field for error in refusal.value.errors] == ["audience_trigger.audience_key"]


async def test_no_workflow_feeds_itself(world: World) -> None:
    """A workflow may not add to the audience that triggers it, but may remove from it."""
    await world.publish("flow", audience_step("beta", "remove"), audience_trigger=BETA)
    with pytest.raises(InvalidParams) as refusal:
        await world.publish("flow", audience_step("beta"), audience_trigger=BETA)
    assert [error.field for error in refusal.value.errors] == ["steps[0].settings.audience_key"]


async def test_a_circle_ends(world: World) -> None:
    """Workflows that lead each other's recipients in circles do so ten times; the step fails."""
    await world.audience("gamma")
    leave = (
        audience_step("gamma", "remove", "leave_gamma"),
        audience_step("beta", "remove", "leave"),
    )
    await world.publish("one", *leave, audience_step("gamma", ref="enter"), audience_trigger=BETA)
    await world.publish(
        "two",
        *leave,
        audience_step("beta", ref="enter"),
        audience_trigger={"audience_key": "gamma"},
    )
    await world.enter("beta", "ellie")
    walked: set[str] = set()
    while True:
        runs = [*await world.runs_of("one"), *await world.runs_of("two")]
        open_runs = [str(run["id"]) for run in runs if str(run["id"]) not in walked]
        if not open_runs:
            break
        walked.update(open_runs)
        for run_id in open_runs:
            await world.walk(run_id)
    assert len(walked) == 11
    assert await world.members("beta") == await world.members("gamma") == []
