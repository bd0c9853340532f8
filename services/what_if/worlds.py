"""A world in which runs are walked on a clock of its own: what is published, and what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from domain.audiences.members import Membership
from domain.content.audience import Audience
from domain.content.workflow import WORKFLOW
from domain.contract.runs import START, Advanced, AwaitBatch, AwaitEvent, SleepUntil
from domain.recipients.recipients import Recipient
from domain.runs.statuses import RunStatus
from domain.what_if.differences import Unknowable, Walked
from domain.what_if.rows import RunToWalk
from domain.workflows import Cursor, WorkflowDefinition
from domain.workflows.steps import BaseStep
from runtime.database import Connection
from services.content.catalog import Configuration
from services.engine import Engine, Unit
from services.walk.loop import Budget, Orders, take_steps
from services.walk.state import run_state
from services.walk.steps import Executor
from services.what_if.batches import RehearsedBatches
from services.what_if.gates import Gate
from services.what_if.journals import Room, UnstoredJournal
from services.what_if.steps import executors, instant_of
from services.what_if.throttles import Throttles
from services.what_if.walks import RehearsedWalk, Unknown
from templating.limits import Limits
from templating.liquid.moments import NOW

# All that steps may ask for; nothing is handed to anybody.
_SPEAKS = ("finished", "walk_on", "sleep_until", "await_batch", "await_event")
# A run that goes on for longer than anything real does goes round in circles.
_LONGEST = timedelta(days=3 * 366)
# Puts a run into the line of those that go on: its id, at which instant.
Schedule: TypeAlias = Callable[[UUID, datetime], None]


@dataclass(slots=True)
class _Standing:
    """A walk that is not over, and from where it goes on."""

    walk: RehearsedWalk
    cursor: Cursor
    begins: bool = True


@dataclass(slots=True)
class World:
    """What is published in it, the walks in it that are not over, and what they share.

    Attributes:
        number: 0 without the new content, 1 with it.
        engine: with the catalog of this world.
        configuration: of this world.
        schedule: see `Schedule`.
        room: of what all worlds have to remember.
        joined: who joins which audiences, and when.
        audiences: the dynamic audiences that are tried, as they are in this world; None for one
            that is not there.
    """

    number: int
    engine: Engine
    configuration: Configuration
    schedule: Schedule
    room: Room
    joined: Mapping[Membership, Sequence[tuple[datetime, str]]] = field(default_factory=dict)
    audiences: Mapping[str, Audience | None] = field(default_factory=dict)
    _gate: Gate = field(default_factory=Gate)
    _standing: dict[UUID, _Standing] = field(default_factory=dict)
    _executors: Mapping[type[BaseStep], Executor[Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Make what takes its steps, with batches and throttles of its own."""
        batches = RehearsedBatches(
            wake=self.schedule, is_over=lambda run_id: run_id not in self._standing
        )
        self._executors = executors(batches, Throttles())

    async def begin(self, connection: Connection, run: RunToWalk) -> Walked | None:
        """Let a run begin; answers what came of it when there is nothing to walk."""
        refused = run.unmade[self.number]
        version_id, definition = run.taken.version_id, run.definition
        if refused is None and definition is None:
            version_id = self._version(run.taken.workflow_key) or version_id
            definition = await self.definition(connection, run.taken.workflow_key)
            if definition is not None:
                refused = await self._gate.refuses(self.engine, run, version_id, definition)
        if refused is not None or definition is None:
            return Walked(refused=refused or "the workflow is not published")
        # As it was when it was accepted; what it went through is in its record.
        taken = replace(
            run.taken,
            version_id=version_id,
            status=RunStatus.QUEUED,
            step_outcomes={},
            error_count=0,
            event_count=0,
            started_at=None,
        )
        state = run_state(taken, run.data, [], self.configuration.preferences, run.record.through)
        unit = Unit(self.engine, connection, taken.accepted_at)
        walk = RehearsedWalk(
            record=run.record,
            recorded=run.taken.step_outcomes,
            then=run.then,
            actor=None if taken.actor is None else Recipient.of_json(taken.actor),
            unit=unit,
            configuration=self.configuration,
            definition=definition,
            joined=self.joined,
            audiences=self.audiences,
            run=state,
            journal=UnstoredJournal(
                taken, unit.now, secrets=self.configuration.variables.secrets, room=self.room
            ),
            limits=Limits(seconds=self.engine.settings.liquid_seconds),
        )
        self._standing[taken.id] = _Standing(walk, Cursor.read(START))
        self.schedule(taken.id, taken.accepted_at)
        return None

    async def definition(
        self, connection: Connection, workflow_key: str
    ) -> WorkflowDefinition | None:
        """Return what runs of a workflow walk through in this world, if it is published in it."""
        version_id = self._version(workflow_key)
        if version_id is None:
            return None
        return await self.engine.catalog.compiled(connection, WORKFLOW, version_id)

    def _version(self, workflow_key: str) -> UUID | None:
        published = self.configuration.published(WORKFLOW, workflow_key)
        return None if published is None else published.version_id

    async def go_on(self, run_id: UUID, now: datetime) -> Walked | None:
        """Walk a run on at an instant; answers what came of it when it is over."""
        standing = self._standing[run_id]
        walk = standing.walk
        cancelled_at = walk.record.cancelled_at
        if cancelled_at is not None and now > cancelled_at:
            walk.journal.cancel("it was cancelled")
            return self._over(run_id)
        walk.unit.now = walk.journal.now = now
        budget = Budget(seconds=float("inf"), messages=1_000_000)
        orders = Orders(standing.cursor, _SPEAKS, budget, executors=self._executors)
        clock = NOW.set(now)
        try:
            advanced = await take_steps(walk, orders, begins=standing.begins)
        except Unknown as unknown:
            walk.unknowable = unknown.unknowable
            return self._over(run_id)
        finally:
            NOW.reset(clock)
        standing.begins = False
        until = _until(advanced, now)
        if until is None:
            return self._over(run_id)
        if until > walk.run.accepted_at + _LONGEST:
            walk.unknowable = Unknowable(advanced.cursor, "it would take years")
            return self._over(run_id)
        standing.cursor = Cursor.read(advanced.cursor)
        self.schedule(run_id, until)
        return None

    def _over(self, run_id: UUID) -> Walked:
        return self._standing.pop(run_id).walk.walked()


def _until(advanced: Advanced, now: datetime) -> datetime | None:
    """Return when a walk goes on; None when it is over."""
    directive = advanced.next
    if isinstance(directive, (SleepUntil, AwaitBatch, AwaitEvent)):
        return instant_of(directive.until, now)
    return now if directive.kind == "walk_on" else None
