"""What a process has promised to Temporal, and not done yet."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

_AGAIN_AT_ONCE = 16


@dataclass(slots=True)
class ReleasesUnderWay:
    """The releases of one process.

    Attributes:
        slots: places for releases that are tried again.
        releases: those that nobody may wait for any more.
        notes: triggers that were released, and are not noted as such yet.
        noting: the tasks that write such notes.
    """

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AGAIN_AT_ONCE))
    releases: set[asyncio.Task[None]] = field(default_factory=set)
    notes: list[UUID] = field(default_factory=list)
    noting: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, release: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a release as a task that nobody has to wait for."""
        task = asyncio.create_task(release)
        self.releases.add(task)
        task.add_done_callback(self.releases.discard)
        return task
