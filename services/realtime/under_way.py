"""What a process has to tell the others, and has not told yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from domain.realtime.news import News


@dataclass(slots=True)
class NewsUnderWay:
    """The news of one process.

    Attributes:
        pending: what is told next, each once and in order.
        tasks: the one that tells, for as long as it runs.
    """

    pending: dict[News, None] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
