"""What was accepted: as the sweep finds what is to be released, and as operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope

# So many of those who are held back a trigger names; one more, and there are others.
MOST_HELD_BACK = 1_000
# In the source of a trigger that was refused and whose caller hears nothing of it: why.
REFUSED = "refused"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedTrigger:
    """A trigger, and whom it has reached and made no run for.

    Attributes:
        branch: slug of the branch whose content it uses; None for the environment's own.
        source: what has caused it.
        recipient_count: how many of those whom it names, or a broadcast is addressed to, got a run.
        missing_recipients: references to those who are not stored.
        held_back_recipients: references to those who have had their run of the workflow, whether
            it names them or they follow an object; at most one more than `MOST_HELD_BACK`. Of a
            trigger that was refused, those whom it names.
        has_runs: whether anybody has one.
        is_being_made: whether some of its runs are not made yet.
    """

    id: UUID
    workflow_key: str
    branch: str | None
    source: JsonObject
    recipient_count: int
    missing_recipients: list[JsonValue] | None
    held_back_recipients: list[JsonValue] | None
    has_runs: bool
    is_being_made: bool
    accepted_at: datetime

    @property
    def refusal(self) -> str | None:
        """Return why it was refused as a whole, if it was."""
        reason = self.source.get(REFUSED)
        return reason if isinstance(reason, str) else None
