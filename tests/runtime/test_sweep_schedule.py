"""The Temporal Schedule that sweeps."""

from __future__ import annotations

import json
from datetime import timedelta

from temporalio.client import Client, ScheduleHandle

from activities.sweep import DUTIES
from runtime.settings import Settings
from runtime.worker import SWEEP_SCHEDULE_ID, ensure_sweep


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
