"""What a process has seen of messages and not stored yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.tracking.rows import Sighting

# More than these are not kept for a database that is away.
MOST_SIGHTINGS = 10_000
# How many are stored at the same time: anybody may ask for an address as often as they like, and
# the rest of the pool is for others.
_CONCURRENCY = 4
# As long as the statement that stores them tells the same once.
_ONCE_IN = timedelta(seconds=1)


@dataclass(slots=True)
class SightingsUnderWay:
    """What is being stored by one process.

    Attributes:
        tasks: each ends when what it stores is stored, or given up.
        slots: bounds how many connections to the database they use.
        last: when the same was seen last, of what is under way.
    """

    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONCURRENCY))
    last: dict[tuple[UUID, str | None], datetime] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Tell whether another one is too many."""
        return len(self.tasks) >= MOST_SIGHTINGS

    def has(self, sighting: Sighting) -> bool:
        """Tell whether the same is under way already, so that this one would not be told."""
        last = self.last.get((sighting.message_id, sighting.url))
        return last is not None and sighting.at < last + _ONCE_IN

    def begin(self, sighting: Sighting, task: asyncio.Task[None]) -> None:
        """Take in that a task stores what was seen."""
        same = sighting.message_id, sighting.url
        self.last[same] = sighting.at
        self.tasks.add(task)

        def end(_: object) -> None:
            self.tasks.discard(task)
            if self.last.get(same) == sighting.at:
                del self.last[same]

        task.add_done_callback(end)
