"""What was accepted and is to be released to Temporal, as the sweep finds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.principals import EnvironmentScope


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRelease:
    """A trigger or a cancellation; `environment` is a slug."""

    id: UUID
    environment_id: UUID
    environment: str

    @property
    def scope(self) -> EnvironmentScope:
        """Return where it was accepted."""
        return EnvironmentScope(self.environment_id, self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerToRelease(ToRelease):
    """A trigger whose runs are to be started.

    Attributes:
        fanout: the number of its newest fan-out.
        expands: whether some of its runs are not made yet.
    """

    fanout: int
    expands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerToConfirm(TriggerToRelease):
    """A released trigger some of whose runs have not begun at `now`, by the database's clock."""

    released_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationToRelease(ToRelease):
    """A cancellation whose runs are to be woken, and how many it has cancelled."""

    run_count: int
