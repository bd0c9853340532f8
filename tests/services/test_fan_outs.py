"""A fan-out is cut into pages of ranges; in a range no run stands in the way of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import FIRST_ID, LAST_ID
from domain.runs import CancelFanoutInput, Chunk, TriggerFanoutInput
from services import fan_outs
from tests.support.engine import Engine, channel_step, delay_step
from tests.support.temporal_recorder import TemporalRecorder


@pytest.fixture(autouse=True)
async def small_chunks(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut chunks of two, two on a page, and publish the workflow that the tests trigger."""
    monkeypatch.setattr(fan_outs, "CHUNK_SIZE", 2)
    monkeypatch.setattr(fan_outs, "PAGE_CHUNKS", 2)
    await engine.publish("flow", delay_step(), channel_step("feed"))


async def _trigger(engine: Engine, count: int) -> TriggerFanoutInput:
    trigger = await engine.trigger(
        "flow", *({"id": f"u{number}"} for number in range(count)), cancellation_key="ck"
    )
    return TriggerFanoutInput(str(trigger), str(engine.environment.id))


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


async def test_pages_hold_every_run_once(engine: Engine) -> None:
    """The ranges of all pages, one behind the other, cover each run of a trigger."""
    order = await _trigger(engine, 5)
    first = await fan_outs.plan_trigger(engine.platform, order)
    assert (len(first.chunks), first.more) == (2, True)
    rest = TriggerFanoutInput(order.workflow_run_id, order.environment_id, first.chunks[-1].last)
    second = await fan_outs.plan_trigger(engine.platform, rest)
    assert (len(second.chunks), second.more) == (1, False)
    chunks = [*first.chunks, *second.chunks]
    assert [each.after for each in chunks[1:]] == [each.last for each in chunks[:-1]]
    recorder = TemporalRecorder()
    started = engine.with_platform(temporal=recorder)
    counts = [await fan_outs.start_range(started.platform, chunk, eager=False) for chunk in chunks]
    assert counts == [2, 2, 1]
    assert len({start[0] for start in recorder.starts}) == 5


async def test_only_queued_runs_are_planned(engine: Engine) -> None:
    """A fan-out that goes on where another was ended has no ranges of runs that have begun."""
    order = await _trigger(engine, 5)
    for run in await engine.runs():
        await engine.walk(run["id"])
    assert (await fan_outs.plan_trigger(engine.platform, order)).chunks == []
    await engine.cancel("flow", "ck")
    (row,) = await engine.make.rows(
        "SELECT id FROM cancellations WHERE environment_id = %s", engine.environment.id
    )
    cancel = CancelFanoutInput(str(row["id"]), str(engine.environment.id))
    assert len((await fan_outs.plan_cancellation(engine.platform, cancel)).chunks) == 2


async def test_refused_run_keeps_no_other_from_starting(engine: Engine) -> None:
    """A run that Temporal refuses stays queued, and its range is done."""
    order = await _trigger(engine, 5)
    bad, *_ = await engine.runs()
    choosy = _Choosy()
    choosy.bad, choosy.make_error = str(bad["id"]), _error(RPCStatusCode.INVALID_ARGUMENT)
    platform = engine.with_platform(temporal=choosy).platform
    assert await fan_outs.start_range(platform, _all(order), eager=False) == 5
    assert len(choosy.starts) == 4
    assert (await engine.run(bad["id"]))["status"] == "queued"


async def test_failed_run_lets_the_range_be_repeated(engine: Engine) -> None:
    """When Temporal is away for one run the others are started, and the range is tried again."""
    order = await _trigger(engine, 5)
    bad, *_ = await engine.runs()
    choosy = _Choosy()
    choosy.bad, choosy.make_error = str(bad["id"]), _error(RPCStatusCode.INTERNAL)
    platform = engine.with_platform(temporal=choosy).platform
    with pytest.raises(RPCError):
        await fan_outs.start_range(platform, _all(order), eager=False)
    assert len(choosy.starts) == 4


async def test_run_that_temporal_has_ended_is_ended(engine: Engine) -> None:
    """A queued run whose Temporal workflow is over walks no more, and is not left behind."""
    order = await _trigger(engine, 3)
    bad, *_ = await engine.runs()
    choosy = _Choosy()
    choosy.bad = str(bad["id"])
    choosy.make_error = lambda one: WorkflowAlreadyStartedError(one, "RecipientRun")
    platform = engine.with_platform(temporal=choosy).platform
    await fan_outs.start_range(platform, _all(order), eager=False)
    assert sorted(run["status"] for run in await engine.runs()) == ["cancelled", "queued", "queued"]
    assert (await engine.run(bad["id"]))["error_count"] == 1
