"""Whether a process hands events on to the runs that wait for them, and has to do it once more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class WaitsUnderWay:
    """What one process does for waits.

    Attributes:
        is_busy: whether a task of it reads the outbox now.
        has_news: whether something was written since that task began to look.
        tasks: that task, for as long as it runs.
        quiet_until: by the monotonic clock; nobody waits, so nobody asks before.
    """

    is_busy: bool = False
    has_news: bool = False
    quiet_until: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
