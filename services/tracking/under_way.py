"""What a process has seen of messages and not stored yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

# More than these are not kept for a database that is away.
MOST_SIGHTINGS = 10_000


@dataclass(slots=True)
class SightingsUnderWay:
    """The tasks that store what was seen; each ends when it is stored, or given up."""

    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Tell whether another one is too many."""
        return len(self.tasks) >= MOST_SIGHTINGS
