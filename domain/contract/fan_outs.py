"""The contract of what starts or signals many runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TriggerFanoutInput:
    """Start all recipient runs of one trigger: those behind the id `after`; `done` were before."""

    workflow_run_id: str
    environment_id: str
    after: str = ""
    done: int = 0


@dataclass(frozen=True, slots=True)
class CancelFanoutInput:
    """Signal all runs that one cancellation has ended: those behind `after`; `done` were before."""

    cancellation_id: str
    environment_id: str
    after: str = ""
    done: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A key range of recipient runs: those with `after` < id <= `last`."""

    scope_id: str
    environment_id: str
    after: str
    last: str


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The next ranges that a fan-out works through.

    Attributes:
        more: whether others come after them.
        pause: how many seconds are to pass before those, so that nobody is flooded.
    """

    chunks: list[Chunk] = field(default_factory=list)
    more: bool = False
    pause: float = 0.0
