"""The experiment step within a run: the same cohort for the same key, always."""

from __future__ import annotations

from typing import Any

import pytest

from domain.workflows.steps import bucket_of
from tests.support.steps import cohort, cohort_step
from tests.support.world import World, channel_step


def _halves(key: str | None = None, **of_first: Any) -> dict[str, Any]:
    return cohort_step(
        "test",
        cohort("A", "50", channel_step("a"), **of_first),
        cohort("B", "50", channel_step("b")),
        key=key,
    )


def _expected(flow: str, key: str) -> str:
    return "a" if bucket_of(flow, "test", key) < 500 else "b"


async def test_a_recipient_keeps_the_cohort(world: World) -> None:
    """Every run of a workflow takes a recipient into the same cohort, whatever else changes."""
    people = [f"user_{number}" for number in range(12)]
    for data in ({}, {"x": 1}):
        await world.publish("flow", _halves())
        trigger = await world.trigger("flow", *({"id": each} for each in people), data=data)
        for run in await world.runs(trigger):
            await world.walk(run["id"])
            (message,) = await world.messages(run["id"])
            assert message["step_ref"] == _expected("flow", run["recipient_id"])


async def test_the_story_of_a_cohort(world: World) -> None:
    """The event tells cohort, key, bucket and shares, and what the other cohorts would have got."""
    await world.publish("flow", _halves())
    run_id = await world.begin("flow")
    await world.walk(run_id)
    (told,) = [row for row in await world.events(run_id) if row["event"] == "cohort_selected"]
    taken = _expected("flow", "ellie")
    assert told["data"] == {
        "cohort": taken.upper(),
        "cohort_key": "ellie",
        "bucket": bucket_of("flow", "test", "ellie"),
        "percentages": ["50", "50"],
        "terminates": False,
        "left_out": ["b" if taken == "a" else "a"],
    }


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("data.team", "red"),
        ("{{ data.team | upcase }}", "RED"),
        ("tenant.id", "ellie"),
        ("{{ tenant.id }}", "ellie"),
        ("data.count", "5"),
        ("everybody", "everybody"),
    ],
)
async def test_keys(world: World, key: str, meant: str) -> None:
    """A key is a path, Liquid or a constant; one that comes to nothing is the recipient's id."""
    await world.publish("flow", _halves(key))
    run_id = await world.begin("flow", data={"team": "red", "count": 5})
    await world.walk(run_id)
    (told,) = [row for row in await world.events(run_id) if row["event"] == "cohort_selected"]
    assert told["data"]["cohort_key"] == meant
    (message,) = await world.messages(run_id)
    assert message["step_ref"] == _expected("flow", meant)


async def test_a_cohort_may_end_the_run(world: World) -> None:
    """Nothing behind the step is taken when the cohort terminates, an empty one at once."""
    step = cohort_step("test", cohort("A", "100", ends=True), cohort("B", "0", channel_step("b")))
    run_id, done = await world.send(step, channel_step("behind"))
    assert done.status == "completed"
    assert await world.messages(run_id) == []


async def test_a_stored_experiment_that_leaves_some_out(world: World) -> None:
    """Who is in no cohort goes on behind the step, with a reason."""
    step = cohort_step("test", cohort("A", "0", channel_step("a")), cohort("B", "0"))
    run_id, _ = await world.send_raw(step, channel_step("behind"))
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["behind"]
    assert await world.reason(run_id) == "its cohorts leave out some recipients"
