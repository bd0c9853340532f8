"""What a script comes to, in the order in which it happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import TypeVar

from domain.audiences.members import Membership
from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import TriggerRequest
from domain.what_if.findings import Note
from domain.what_if.requests import MOST_RUNS
from domain.workflows import WorkflowDefinition
from runtime.database import Connection
from services.what_if.worlds import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a script is read with.

    Attributes:
        connection: to read with.
        environment: whose people and schedules are meant.
        version: of its configuration.
        worlds: without and with the new content.
        now: when that happens which does not say it.
        deadline: when the time is over.
    """

    connection: Connection
    environment: EnvironmentScope
    version: int
    worlds: tuple[World, World]
    now: datetime
    deadline: float

    @property
    def is_over(self) -> bool:
        """Tell whether the time is over."""
        return monotonic() > self.deadline

    def is_published(self, workflow_key: str) -> bool:
        """Tell whether a workflow is published in one of the worlds."""
        found = (world.configuration.published(WORKFLOW, workflow_key) for world in self.worlds)
        return any(one is not None and one.version_id is not None for one in found)


@dataclass(frozen=True, slots=True)
class Following:
    """Somebody whom a trigger reaches through an object, with the data that came with that."""

    ref: RecipientRef
    through: RecipientRef
    trigger_data: JsonObject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """A trigger that nobody has sent.

    Attributes:
        at: when it comes.
        place: where the script says so.
        request: what it asks for.
        followers: those who follow the objects among its recipients.
        unmade: for each world why it makes no runs there; None where it does.
        definition: what its runs walk through, where it is of a broadcast.
    """

    at: datetime
    place: str
    request: TriggerRequest
    followers: tuple[Following, ...] = ()
    unmade: tuple[str | None, str | None] = (None, None)
    definition: WorkflowDefinition | None = None

    @property
    def runs(self) -> int:
        """Return how many runs it makes."""
        return len(self.request.recipients) + len(self.followers)


@dataclass(frozen=True, slots=True, order=True)
class Join:
    """That a user joins an audience; `place` is where the script says so."""

    at: datetime
    audience_key: str
    membership: Membership
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """That users open the application."""

    at: datetime
    viewers: list[str]
    tenant_id: str | None = None
    data: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Script:
    """What is to happen.

    Attributes:
        triggers: in any order.
        joins: who joins which audience.
        visits: who looks at guides.
        notes: what is left out, and why.
        runs: how many runs the triggers make.
        data_bytes: what the data of schedules takes that occur, and that of files of broadcasts.
    """

    triggers: list[Imagined] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    runs: int = 0
    data_bytes: int = 0

    @property
    def room(self) -> int:
        """Return how many more runs are walked."""
        return max(0, MOST_RUNS - self.runs)

    def trigger(self, *triggers: Imagined) -> None:
        """Add triggers."""
        self.triggers += triggers
        self.runs += sum(each.runs for each in triggers)

    def let_follow(self, index: int, followers: Iterable[Following]) -> None:
        """Let the trigger at an index reach followers too, as many as there is room for."""
        trigger = self.triggers[index]
        taken = self.take(trigger.place, followers)
        self.triggers[index] = replace(trigger, followers=tuple(taken))
        self.runs += len(taken)

    def note(self, place: str, message: str) -> None:
        """Tell of something that the script says, once."""
        told = Note(place, message)
        if told not in self.notes:
            self.notes.append(told)

    def take(self, place: str, wanted: Iterable[T]) -> list[T]:
        """Return as many of some runs as there is room for, and note when there are more."""
        rest = iter(wanted)
        taken = list(islice(rest, self.room))
        if next(rest, None) is not None:
            self.note_cut(place, len(taken))
        return taken

    def note_cut(self, place: str, taken: int) -> None:
        """Tell that there was no room for all runs that something makes."""
        self.note(place, f"only the first {taken} runs of it are walked")

    def joined(self) -> Mapping[Membership, list[tuple[datetime, str]]]:
        """Return who joins what and when, for conditions that ask for it."""
        found: dict[Membership, list[tuple[datetime, str]]] = defaultdict(list)
        for each in self.joins:
            found[each.membership].append((each.at, each.audience_key))
        return found
