"""What the processes of a stack cost: CPU and memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from commands.dev.client import DevStack


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds by part since some earlier reading."""

    seconds: dict[str, float]

    def per(self, runs: int) -> dict[str, float]:
        """Return milliseconds of CPU per run, by part."""
        return {part: 1000.0 * used / runs for part, used in self.seconds.items()}


class CpuMeter:
    """Reads what the parts of a stack have used; PostgreSQL counts with all its backends."""

    def __init__(self, stack: DevStack, extra: dict[str, Iterable[int]] | None = None) -> None:
        pids = stack.pids
        self._parts: dict[str, list[int]] = {
            "api": [pid for pid in [pids.api] if pid],
            "worker": list(pids.workers),
            "temporal": [pid for pid in [pids.temporal] if pid],
            "postgres": [pid for pid in [pids.postgres] if pid],
            **{part: list(members) for part, members in (extra or {}).items()},
        }
        self._before = self._read()

    def _read(self) -> dict[str, float]:
        return {part: sum(map(_used, pids)) for part, pids in self._parts.items()}

    def lap(self) -> Cost:
        """Return what was used since the last lap."""
        now = self._read()
        cost = Cost({part: now[part] - self._before[part] for part in now})
        self._before = now
        return cost


def _used(pid: int) -> float:
    """Return CPU seconds of a process, its living children, and its children that have ended."""
    try:
        process = psutil.Process(pid)
        total = 0.0
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = member.cpu_times()
                total += times.user + times.system
        own = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return total + own.children_user + own.children_system


def resident_bytes(pids: Iterable[int]) -> int:
    """Return the resident memory of processes together."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)
