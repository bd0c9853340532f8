"""A run that goes on behind its batch with a newer version of the workflow, which has other steps.

In `latest` mode the steps behind the batch are those of the newest version (Knock docs: "Batch
function"): all of them, wherever the run has met steps with the same refs before.
"""

from __future__ import annotations

from typing import Any

from domain.kit.json_types import JsonObject
from services.batches.windows import close_early
from tests.support.steps import branch, branch_step, throttle_step, update_step, wait_step
from tests.support.world import World, batch_step, channel_step, delay_step, when

KEY = "gather"
LATEST = batch_step(workflow_version_mode="latest")
MOVED: JsonObject = {"event_type": "recipient", "event_key": "updated"}


def says(text: str, ref: str = "feed") -> JsonObject:
    """Write an in-app step that says something."""
    return channel_step(ref, template={"markdown_body": text})


async def begin(world: World, *steps: JsonObject, **body: Any) -> str:
    """Publish the older version, and let a run take its first walk."""
    await world.publish(KEY, *steps)
    run_id = await world.begin(KEY, **body)
    await world.walk(run_id)
    return run_id


async def go_on(world: World, run_id: str, *steps: JsonObject) -> None:
    """Publish the newer version, and let the run go on with it when its batch closes."""
    await world.publish(KEY, *steps)
    (batch,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s AND closed_at IS NULL",
        world.environment.id,
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(run_id, "batch_1/resume")


async def texts(world: World, run_id: str) -> list[str]:
    """Return what the messages of a run say."""
    made = [row["content"]["blocks"][0]["rendered"] for row in await world.messages(run_id)]
    return [text.strip().removeprefix("<p>").removesuffix("</p>") for text in made]


async def test_a_message_that_was_made_before_the_batch(world: World) -> None:
    """It is made once more where its step stands now, and once only."""
    run_id = await begin(world, says("old"), LATEST)
    await go_on(world, run_id, LATEST, says("new {{ total_activities }}"))
    assert await texts(world, run_id) == ["old", "new 1"]
    before = await world.snapshot(run_id)
    await world.walk(run_id, "batch_1/resume")
    assert await world.snapshot(run_id) == before


async def test_a_step_that_stays_before_the_batch(world: World) -> None:
    """What the newer version still has there is over."""
    run_id = await begin(world, says("old", "first"), LATEST, says("old"))
    await go_on(world, run_id, says("new", "first"), LATEST, says("new"))
    assert await texts(world, run_id) == ["old", "new"]


async def test_data_that_was_changed_before_the_batch(world: World) -> None:
    """What the step has made of the data there stays, until it is taken once more."""
    run_id = await begin(
        world, update_step('{"a": 1}'), update_step('{"b": 1}', "other"), LATEST, data={"c": 1}
    )
    again = update_step('{"a": "{{ data.a | plus: 1 }}"}')
    last = update_step('{"d": 4}', "last")
    text = says("{{ data.a }} {{ data.b }} {{ data.c }} {{ data.d }}")
    await go_on(world, run_id, LATEST, again, delay_step(), last, text)
    await world.walk(run_id, "wait/resume")
    assert await texts(world, run_id) == ["2 1 1 4"]


async def test_a_wait_that_was_over_before_the_batch(world: World) -> None:
    """It is waited anew, and what it gave before is not seen any more."""
    run_id = await begin(world, wait_step(MOVED), LATEST)
    await world.identify("ellie", name="Ella")
    await world.walk(run_id, "wait_1/resume")
    then = says("{{ refs.wait_1.signal_variables.properties.name }}", "then")
    at_once = says("{{ refs.wait_1.matched }}!")
    await go_on(world, run_id, LATEST, at_once, wait_step(MOVED), then)
    await world.identify("ellie", name="Eleanor")
    await world.walk(run_id, "wait_1/resume")
    assert await texts(world, run_id) == ["!", "Eleanor"]
    assert (await world.run(run_id))["status"] == "completed"


async def test_a_branch_that_has_fewer_ways_now(world: World) -> None:
    """The way is chosen anew, among those that there are."""
    pro, free = (when("data.plan", "equal_to", plan) for plan in ("pro", "free"))
    older = branch_step(
        "way",
        branch("A", conditions=free),
        branch("B", conditions=free),
        branch("C", conditions=pro),
        branch("Else"),
    )
    newer = branch_step("way", branch("A", says("pro"), conditions=pro), branch("Else"))
    run_id = await begin(world, older, LATEST, data={"plan": "pro"})
    await go_on(world, run_id, LATEST, newer)
    assert await texts(world, run_id) == ["pro"]


async def test_a_throttle_that_was_passed_before_the_batch(world: World) -> None:
    """It does not count the run that it has let pass against itself."""
    run_id = await begin(world, throttle_step(), LATEST)
    await go_on(world, run_id, LATEST, throttle_step(), says("passed"))
    assert await texts(world, run_id) == ["passed"]


async def test_two_batches_that_have_changed_places(world: World) -> None:
    """What has gathered before does not gather once more: its items have all come."""
    other = batch_step("batch_0", workflow_version_mode="latest")
    run_id = await begin(world, other, LATEST, data={"n": 1})
    (batch,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(run_id, "batch_0/resume")
    await go_on(world, run_id, LATEST, other, says("{{ total_activities }} {{ data.n }}"))
    assert await texts(world, run_id) == ["1 1"]
