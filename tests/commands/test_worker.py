"""A worker process waits for Temporal, and for nothing else."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from commands import worker
from runtime.settings import Settings


async def test_worker_waits_for_temporal(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be reached is tried until the worker is told to stop."""
    stopping, tries = asyncio.Event(), 0

    async def connect(*_: object, **__: object) -> Client:
        nonlocal tries
        tries += 1
        if tries == 2:
            stopping.set()
        raise RuntimeError("Failed client connect: Server connection error")

    monkeypatch.setattr(Client, "connect", connect)
    monkeypatch.setattr(worker, "_CONNECT_WAIT_SECONDS", 0)
    async with worker._connected_engine(settings, stopping) as engine:
        assert engine is None
    assert tries == 2


async def test_fault_of_ours_ends_a_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waiting changes nothing about is not taken for a Temporal that is away."""

    async def connect(*_: object, **__: object) -> Client:
        raise RuntimeError("a fault")

    monkeypatch.setattr(Client, "connect", connect)
    with pytest.raises(RuntimeError, match="a fault"):
        async with asyncio.timeout(10), worker._connected_engine(settings, asyncio.Event()):
            pass
