"""The contract of what sleeps until an instant: windows of batches, clocks, broadcasts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchWindowInput:
    """Watch over the window of a batch; `closes_at` is its end in epoch seconds, as it stands."""

    batch_id: str
    environment_id: str
    closes_at: float


@dataclass(frozen=True, slots=True)
class WindowState:
    """What has become of a window: closed, or when it closes now, in epoch seconds."""

    is_closed: bool
    closes_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ScheduleClockInput:
    """Look after the schedules of one clock; `due_at`, in epoch seconds, is when to look first."""

    clock: int
    due_at: float


@dataclass(frozen=True, slots=True)
class ClockState:
    """What a look has found: when to look again, in epoch seconds, or None for never."""

    due_at: float | None = None
    fired: int = 0


@dataclass(frozen=True, slots=True)
class BroadcastInput:
    """Send a broadcast at an instant in epoch seconds; `sends` numbers what was asked for."""

    environment_id: str
    key: str
    sends: int
    send_at: float
