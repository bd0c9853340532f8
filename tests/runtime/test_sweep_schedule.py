"""The Temporal Schedule that sweeps."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client, ScheduleHandle

from runtime.settings import Settings
from runtime.worker import SWEEP_SCHEDULE_ID, ensure_sweep


async def _interval(handle: ScheduleHandle) -> timedelta:
    description = await handle.describe()
    return description.schedule.spec.intervals[0].every


async def test_interval_follows_the_setting(temporal_address: str) -> None:
    """A worker with another setting changes the interval, and nothing else of the schedule."""
    client = await Client.connect(temporal_address)
    handle = client.get_schedule_handle(SWEEP_SCHEDULE_ID)
    await ensure_sweep(client, Settings(sweep_seconds=3000))
    try:
        assert await _interval(handle) == timedelta(seconds=3000)
        await handle.pause(note="an operator is looking")
        await ensure_sweep(client, Settings(sweep_seconds=2000))
        await ensure_sweep(client, Settings(sweep_seconds=2000))
        assert await _interval(handle) == timedelta(seconds=2000)
        state = (await handle.describe()).schedule.state
        assert (state.paused, state.note) == (True, "an operator is looking")
    finally:
        await handle.delete()
