"""A fan-out is cut into pages of ranges; in a range no run stands in the way of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.contract.fan_outs import CancelFanoutInput, Chunk, TriggerFanoutInput
from domain.kit.ids import FIRST_ID, LAST_ID
from services.triggers import fan_outs
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step, delay_step


@pytest.fixture(autouse=True)
async def small_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut chunks of two, two on a page, and publish the workflow that the tests trigger."""
    monkeypatch.setattr(fan_outs, "CHUNK_SIZE", 2)
    monkeypatch.setattr(fan_outs, "PAGE_CHUNKS", 2)
    await world.publish("flow", delay_step(), channel_step("feed"))


async def _trigger(world: World, count: int) -> TriggerFanoutInput:
    trigger = await world.trigger(
        "flow", *({"id": f"u{number}"} for number in range(count)), cancellation_key="ck"
    )
    return TriggerFanoutInput(str(trigger), str(world.environment.id))


def _all(order: TriggerFanoutInput) -> Chunk:
    return Chunk(order.workflow_run_id, order.environment_id, str(FIRST_ID), str(LAST_ID))


class _Choosy(TemporalRecorder):
    """Raises an error for one run."""

    bad: str = ""
    make_error: Callable[[str], Exception]

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
        if options["id"].endswith(self.bad):
            raise self.make_error(options["id"])
        return await super().start_workflow(workflow, *args, **options)


def _error(status: RPCStatusCode) -> Callable[[str], Exception]:
    return lambda _: RPCError("no", status, b"")


async def test_pages_hold_every_run_once(world: World) -> None:
    """The ranges of all pages, one behind the other, cover each run of a trigger."""
    order = await _trigger(world, 5)
    first = await fan_outs.plan_trigger(world.engine, order)
    assert (len(first.chunks), first.more) == (2, True)
    rest = TriggerFanoutInput(order.workflow_run_id, order.environment_id, first.chunks[-1].last)
    second = await fan_outs.plan_trigger(world.engine, rest)
    assert (len(second.chunks), second.more) == (1, False)
    chunks = [*first.chunks, *second.chunks]
    assert [each.after for each in chunks[1:]] == [each.last for each in chunks[:-1]]
    recorder = TemporalRecorder()
    started = world.with_parts(temporal=recorder)
    counts = [await fan_outs.start_range(started.engine, chunk, eager=False) for chunk in chunks]
    assert counts == [2, 2, 1]
    assert len({start[0] for start in recorder.starts}) == 5


async def test_only_queued_runs_are_planned(world: World) -> None:
    """A fan-out that goes on where another was ended has no ranges of runs that have begun."""
    order = await _trigger(world, 5)
    for run in await world.runs():
        await world.walk(run["id"])
    assert (await fan_outs.plan_trigger(world.engine, order)).chunks == []
    await world.cancel("flow", "ck")
    (row,) = await world.make.rows(
        "SELECT id FROM cancellations WHERE environment_id = %s", world.environment.id
    )
    cancel = CancelFanoutInput(str(row["id"]), str(world.environment.id))
    assert len((await fan_outs.plan_cancellation(world.engine, cancel)).chunks) == 2


async def test_refused_run_keeps_no_other_from_starting(world: World) -> None:
    """A run that Temporal refuses stays queued, and its range is done."""
    order = await _trigger(world, 5)
    bad, *_ = await world.runs()
    choosy = _Choosy()
    choosy.bad, choosy.make_error = str(bad["id"]), _error(RPCStatusCode.INVALID_ARGUMENT)
    engine = world.with_parts(temporal=choosy).engine
    assert await fan_outs.start_range(engine, _all(order), eager=False) == 5
    assert len(choosy.starts) == 4
    assert (await world.run(bad["id"]))["status"] == "queued"


async def test_failed_run_lets_the_range_be_repeated(world: World) -> None:
    """When Temporal is away for one run the others are started, and the range is tried again."""
    order = await _trigger(world, 5)
    bad, *_ = await world.runs()
    choosy = _Choosy()
    choosy.bad, choosy.make_error = str(bad["id"]), _error(RPCStatusCode.INTERNAL)
    engine = world.with_parts(temporal=choosy).engine
    with pytest.raises(RPCError):
        await fan_outs.start_range(engine, _all(order), eager=False)
    assert len(choosy.starts) == 4


async def test_run_that_temporal_has_ended_is_ended(world: World) -> None:
    """A queued run whose Temporal workflow is over walks no more, and is not left behind."""
    order = await _trigger(world, 3)
    bad, *_ = await world.runs()
    choosy = _Choosy()
    choosy.bad = str(bad["id"])
    choosy.make_error = lambda one: WorkflowAlreadyStartedError(one, "RecipientRun")
    engine = world.with_parts(temporal=choosy).engine
    await fan_outs.start_range(engine, _all(order), eager=False)
    assert sorted(run["status"] for run in await world.runs()) == ["cancelled", "queued", "queued"]
    assert (await world.run(bad["id"]))["error_count"] == 1
