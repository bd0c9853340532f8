"""The throttle step within runs: who passes, when, and how many of those that come at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.triggers.requests import REHEARSAL
from services.jobs.expired import forget_expired
from tests.support.steps import throttle_step, when
from tests.support.world import World, channel_step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULE = {"frequency": "daily", "hours": 13}


async def passes(world: World, minutes: float = 0, key: str = "flow", **body: Any) -> bool:
    """Tell whether a run that begins some minutes after noon passes the throttle."""
    then = world.at(NOW + timedelta(minutes=minutes))
    run_id = await then.begin(key, **body)
    assert (await then.walk(run_id)).status == "completed"
    story = await then.story(run_id)
    assert ("throttle_hit" in story) != ("throttle_allowed" in story)
    assert len(await then.messages(run_id)) == ("throttle_allowed" in story)
    return "throttle_allowed" in story


async def test_rolling_window(world: World) -> None:
    """A length of time looks back from each run; runs that were stopped do not count."""
    await world.publish("flow", throttle_step(throttle_limit=2), channel_step("feed"))
    passed = [await passes(world, minutes) for minutes in (0, 30, 40, 59, 61, 62, 91)]
    assert passed == [True, True, False, False, True, False, True]


async def test_fixed_window(world: World) -> None:
    """A window rule ends the window that the first run opened, whenever the others came."""
    step = throttle_step(throttle_limit=2, throttle_window_field_path="data.window")
    await world.publish("flow", step, channel_step("feed"))
    data = {"window": RULE}
    passed = [await passes(world, minutes, data=data) for minutes in (0, 50, 59, 61, 62, 63)]
    assert passed == [True, True, False, True, True, False]


@pytest.mark.parametrize("is_swept", [False, True])
async def test_a_longer_window_than_that_of_a_pass(world: World, is_swept: bool) -> None:
    """A pass counts for as long as its own window lasts, whether or not it was forgotten then."""
    step = throttle_step(throttle_window_field_path="data.window")
    await world.publish("flow", step, channel_step("feed"))
    data = [{"window": {"unit": "minutes", "value": minutes}} for minutes in (60, 30, 600, 600)]
    passed = [
        await passes(world, minutes, data=each)
        for minutes, each in zip((0, 29, 59), data, strict=False)
    ]
    if is_swept:
        await forget_expired(world.at(NOW + timedelta(minutes=61)).engine)
    passed.append(await passes(world, 90, data=data[-1]))
    assert passed == [True, False, False, True]


async def test_what_a_stopped_run_says(world: World) -> None:
    """A run that is stopped is completed without an error, and says why."""
    await world.publish("flow", throttle_step(), channel_step("feed"))
    await passes(world)
    run_id = await world.at(NOW).begin("flow")
    await world.at(NOW).walk(run_id)
    run = await world.run(run_id)
    assert (run["status"], run["end_reason"], run["error_count"]) == ("completed", "throttled", 0)
    (hit,) = [row for row in await world.events(run_id) if row["event"] == "throttle_hit"]
    assert hit["data"] == {"count": 1, "limit": 1, "ends_at": "2026-03-01T13:00:00.000000Z"}


@pytest.mark.parametrize("trial", [{"source": REHEARSAL}, {"settings": {"sandbox_mode": True}}])
async def test_trying_out_holds_nobody_back(world: World, trial: dict[str, Any]) -> None:
    """Runs of the test runner, and those in sandbox mode, are counted apart from what is meant."""
    await world.publish("flow", throttle_step(), channel_step("feed"))
    assert await passes(world, **trial)
    assert not await passes(world, **trial)
    assert await passes(world)
    assert not await passes(world)


async def test_what_is_counted_apart(world: World) -> None:
    """Recipients, workflows, steps and keys have counts of their own; versions share one."""
    keyed = throttle_step(throttle_key="alert"), channel_step("feed")
    for key in ("flow", "other"):
        await world.publish(key, *keyed)
    assert await passes(world, data={"alert": 1})
    assert not await passes(world, data={"alert": 1})
    assert await passes(world, data={"alert": "1"})
    assert await passes(world, key="other", data={"alert": 1})
    run_id = await world.at(NOW).begin("flow", {"id": "bob"}, data={"alert": 1})
    await world.at(NOW).walk(run_id)
    assert "throttle_allowed" in await world.story(run_id)
    await world.publish("flow", *keyed, channel_step("feed_2"))
    assert not await passes(world, data={"alert": 1})


async def test_a_key_in_liquid(world: World) -> None:
    """A key may be Liquid."""
    await world.publish("flow", throttle_step(throttle_key="{{ data.a }}-x"), channel_step("feed"))
    assert await passes(world, data={"a": 1})
    assert await passes(world, data={"a": 2})
    assert not await passes(world, data={"a": 2})


@pytest.mark.parametrize(
    ("step_settings", "data"),
    [
        ({"throttle_key": "alert"}, {}),
        ({"throttle_key": "alert"}, {"alert": "x" * 64}),
        ({"throttle_window_field_path": "window"}, {}),
        ({"throttle_window_field_path": "window"}, {"window": "2026-01-01T00:00:00Z"}),
    ],
)
async def test_what_cannot_be_used_skips(world: World, step_settings: Any, data: Any) -> None:
    """A key or window that cannot be used skips the step with an error; the run goes on."""
    for _ in range(2):
        run_id, done = await world.at(NOW).send(
            throttle_step(**step_settings), channel_step("feed"), data=data
        )
        assert done.status == "completed"
        assert len(await world.messages(run_id)) == 1
        assert (await world.run(run_id))["error_count"] == 1


async def test_conditions(world: World) -> None:
    """Conditions that do not hold skip the step, and nothing is counted."""
    step = {**throttle_step(), "conditions": when("data.x", "equal_to", 1)}
    await world.publish("flow", step, channel_step("feed"))
    for _ in range(2):
        run_id = await world.begin("flow", data={"x": 2})
        await world.walk(run_id)
        assert await world.reason(run_id) == "conditions not met"
    assert await passes(world, data={"x": 1})


async def test_15_a_repeated_walk(world: World) -> None:
    """A walk that is repeated passes again, and is counted once."""
    run_id, _ = await world.send(throttle_step(throttle_limit=2), channel_step("feed"))
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    assert len(await _rows(world, run_id)) == 1


@pytest.mark.parametrize("limit", [1, 3])
async def test_15_a_storm(world: World, limit: int) -> None:
    """Of 20 runs at once exactly as many pass as the limit says."""
    await world.publish("flow", throttle_step(throttle_limit=limit), channel_step("feed"))
    run_ids = [await world.begin("flow") for _ in range(20)]
    await asyncio.gather(*map(world.walk, run_ids))
    made = [await world.messages(run_id) for run_id in run_ids]
    assert sum(map(len, made)) == limit
    stories = [await world.story(run_id) for run_id in run_ids]
    assert sum("throttle_hit" in story for story in stories) == 20 - limit


async def test_passes_are_forgotten(world: World) -> None:
    """What counts no more is deleted by the sweep, and nothing else."""
    run_id, _ = await world.at(NOW).send(throttle_step(), channel_step("feed"))
    await forget_expired(world.at(NOW + timedelta(minutes=59)).engine)
    assert len(await _rows(world, run_id)) == 1
    await forget_expired(world.at(NOW + timedelta(minutes=61)).engine)
    assert await _rows(world, run_id) == []


async def _rows(world: World, run_id: str) -> list[dict[str, Any]]:
    return await world.make.rows(
        "SELECT * FROM throttle_passes WHERE recipient_run_id = %s", run_id
    )
