"""The Temporal Schedule that sweeps."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.sweep import DUTIES
from commands import worker
from commands.worker import SWEEP_SCHEDULE_ID, ensure_sweep
from runtime.settings import Settings
from services.engine import Engine


async def _interval(handle: ScheduleHandle) -> timedelta:
    description = await handle.describe()
    return description.schedule.spec.intervals[0].every


async def test_interval_follows_the_setting(temporal_address: str) -> None:
    """A worker with another setting changes interval and duties, and nothing else."""
    client = await Client.connect(temporal_address)
    handle = client.get_schedule_handle(SWEEP_SCHEDULE_ID)
    await ensure_sweep(client, Settings(sweep_seconds=3000))
    try:
        assert await _interval(handle) == timedelta(seconds=3000)
        await handle.pause(note="an operator is looking")
        await ensure_sweep(client, Settings(sweep_seconds=2000))
        await ensure_sweep(client, Settings(sweep_seconds=2000))
        assert await _interval(handle) == timedelta(seconds=2000)
        schedule = (await handle.describe()).schedule
        state = schedule.state
        assert (state.paused, state.note) == (True, "an operator is looking")
        order, *_ = schedule.action.args
        assert list(DUTIES) == json.loads(order.data)["duties"]
    finally:
        await handle.delete()


@pytest.mark.parametrize(
    "status",
    [
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.FAILED_PRECONDITION,  # "Unable to query workflow" of the schedule's own
        RPCStatusCode.NOT_FOUND,  # somebody has deleted it this moment
    ],
)
async def test_busy_temporal_ends_no_worker(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode
) -> None:
    """A schedule that cannot be looked at just now is looked at again."""
    answers = [RPCError("Workflow is busy.", status, b"")] * 2

    async def look(*_: object) -> None:
        if answers:
            raise answers.pop()

    monkeypatch.setattr(worker, "ensure_sweep", look)
    monkeypatch.setattr(worker, "_CONNECT_WAIT_SECONDS", 0.001)
    await worker._ensure_sweep_some_time(engine, asyncio.Event())
    assert answers == []


async def test_refusal_ends_a_worker(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Temporal that lets nobody in is told at once."""

    async def look(*_: object) -> None:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr(worker, "ensure_sweep", look)
    with pytest.raises(RPCError, match="unauthorized"):
        await worker._ensure_sweep_some_time(engine, asyncio.Event())
