"""A request waits a moment for Temporal; a hiccup of it costs seconds, not the time to a sweep."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from temporalio.service import RPCStatusCode

from services.triggers.releases import close_releases
from tests.support.interruptions import FailingTemporal
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until
from tests.support.world import World, channel_step, delay_step


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger."""
    await world.publish("flow", delay_step(), channel_step("feed"))


async def _until_released(world: World, trigger: UUID) -> None:
    async def is_released() -> bool:
        release = await world.release(trigger)
        return release is not None and release["released_at"] is not None

    await until(is_released)


class _Stuck(TemporalRecorder):
    """A Temporal that begins starts and ends them when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.go_on = asyncio.Event()

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
        self.asked += 1
        await self.go_on.wait()
        return await super().start_workflow(workflow, *args, **options)


@pytest.mark.parametrize(
    "status",
    [
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    ],
)
async def test_one_failed_start_is_tried_again_at_once(world: World, status: RPCStatusCode) -> None:
    """A start that fails once is done by the same process; the next trigger starts as usual."""
    temporal = FailingTemporal(status=status)
    world = world.with_parts(temporal=temporal)
    first = await world.trigger("flow", {"id": "a"})
    temporal.failing = False
    second = await world.trigger("flow", {"id": "b"})
    assert len(temporal.starts) == 1
    for trigger in (first, second):
        await _until_released(world, trigger)
    assert len(temporal.starts) == 2


async def test_slow_start_is_waited_for_in_the_background(world: World) -> None:
    """A start that takes longer than the request waits is neither broken off nor begun anew."""
    temporal = _Stuck()
    settings = world.engine.settings.model_copy(update={"start_timeout_seconds": 0.01})
    world = world.with_parts(temporal=temporal, settings=settings)
    trigger = await world.trigger("flow", {"id": "a"})
    assert temporal.starts == []
    temporal.go_on.set()
    await _until_released(world, trigger)
    assert (temporal.asked, len(temporal.starts)) == (1, 1)


async def test_answer_does_not_wait_for_the_start(world: World) -> None:
    """While few starts are under way a request is answered at once; the next waits for its own."""
    temporal = _Stuck()
    settings = world.engine.settings.model_copy(
        update={"starts_ahead": 2, "start_timeout_seconds": 60.0}
    )
    world = world.with_parts(temporal=temporal, settings=settings)
    triggers = [await world.trigger("flow", {"id": each}) for each in ("a", "b")]
    assert temporal.starts == []
    third = asyncio.create_task(world.trigger("flow", {"id": "c"}))
    while temporal.asked < 3:
        await asyncio.sleep(0.01)
    assert not third.done()
    temporal.go_on.set()
    for trigger in [*triggers, await third]:
        await _until_released(world, trigger)
    assert len(temporal.starts) == 3


async def test_process_that_stops_starts_what_it_answered(world: World) -> None:
    """A start that is under way has a moment to end when its process stops."""
    temporal = _Stuck()
    settings = world.engine.settings.model_copy(update={"starts_ahead": 2})
    world = world.with_parts(temporal=temporal, settings=settings)
    trigger = await world.trigger("flow", {"id": "a"})
    asyncio.get_running_loop().call_later(0.05, temporal.go_on.set)
    await close_releases(world.engine)
    assert len(temporal.starts) == 1
    assert (await world.release(trigger) or {})["released_at"] is not None


async def test_requests_do_not_all_wait_for_an_absent_temporal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five failures in a row the next requests leave without asking Temporal."""
    monkeypatch.setattr("services.composition._PROBE_SECONDS", 60.0)
    monkeypatch.setattr("services.triggers.releases._WAITS", (60.0,))
    temporal = FailingTemporal()
    world = world.with_parts(temporal=temporal)
    triggers = [await world.trigger("flow", {"id": "a"}) for _ in range(9)]
    assert temporal.asked == 5
    await close_releases(world.engine)
    assert all([(await world.release(each) or {})["released_at"] is None for each in triggers])


@pytest.mark.parametrize("error", [ValueError("x"), TypeError("x"), RuntimeError("of ours")])
async def test_no_error_after_the_commit_is_the_callers(world: World, error: Exception) -> None:
    """A fault in the release is logged and left to the sweep; it does not open the breaker."""

    class Broken(TemporalRecorder):
        async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
            raise error

    world = world.with_parts(temporal=Broken())
    for _ in range(6):
        trigger = await world.trigger("flow", {"id": "a"})
    assert not world.engine.temporal_breaker.is_open
    assert world.engine.releases_under_way.releases == set()
    release = await world.release(trigger)
    assert release is not None
    assert release["released_at"] is None


async def test_bounded_background(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps only so many releases in mind; what comes on top is the sweep's."""
    monkeypatch.setattr("services.triggers.releases._MOST_UNDER_WAY", 2)
    monkeypatch.setattr("services.triggers.releases._WAITS", (60.0,))
    world = world.with_parts(temporal=FailingTemporal())
    for _ in range(4):
        await world.trigger("flow", {"id": "a"})
    assert len(world.engine.releases_under_way.releases) == 2
    await close_releases(world.engine)
