"""Tries content out before it is published: walks runs with it and without it, and compares.

Both walks are the walk of `services/walk`, in one read-only transaction that PostgreSQL refuses
every change in, and their journals are never stored: nothing is sent, stored or locked. A run
whose workflow nothing of the content concerns is walked once, and stands on both sides. What the
runs really made is not what they are compared with: people, preferences and channels have changed
since then, and would make differences that the content has not made.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from time import monotonic
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.kit.errors import InvalidParams
from domain.kit.principals import EnvironmentScope
from domain.what_if.audiences import AudienceFindings
from domain.what_if.differences import Difference, Walked, WalkedRun, compare
from domain.what_if.findings import MOST_BYTES, Findings, Note
from domain.what_if.guides import GuideFindings
from domain.what_if.requests import WhatIfIn
from domain.what_if.rows import PendingContent, RunToWalk
from domain.what_if.samples import Sample
from models.queries.account.environments import environment_before
from models.queries.content import drafts
from models.queries.content.catalog import config_version
from models.queries.runs import rehearsals
from runtime.database import Connection
from runtime.vault import UnknownKey
from services.account.environments import find_environment
from services.content.branches import find_branch
from services.content.catalog import Configuration
from services.engine import Engine
from services.named import require_named
from services.what_if.audiences import let_know_of_audiences, look_at_audiences
from services.what_if.content import Tried, lay_over
from services.what_if.guides import are_tried, look_at_guides
from services.what_if.imagined import Basis, Script
from services.what_if.journals import Room
from services.what_if.scripts import read_script
from services.what_if.sources import imagined_runs, recorded_runs
from services.what_if.worlds import World

# Shares of the time: runs may need all that they get, and then nothing would be left for guides.
# Audiences are looked at before the runs.
_SHARE_OF_GUIDES = 0.2
_SHARE_OF_AUDIENCES = 0.2
# Of the runs of one broadcast, which has a million and would leave no room for others.
MOST_OF_A_BROADCAST = 100


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a try has found.

    Attributes:
        environment, from_environment, from_branch: slugs; see `WhatIfIn`.
        content: what was tried.
        left_out: what was to be tried and cannot be.
        findings: what differs.
        runs_unfinished: how many runs were given up when the time was over, or the room.
        has_older_runs: whether there are older runs, which were not asked for.
        audiences: who would be in which audience; None where none is in question.
        guides: who would see which guide; None where none is in question.
        notes: what of the runs or of the script is left out, and why.
        seconds: how long it took.
    """

    environment: str
    from_environment: str | None
    from_branch: str | None
    content: list[PendingContent]
    left_out: list[PendingContent]
    findings: Findings
    runs_unfinished: int
    has_older_runs: bool
    audiences: AudienceFindings | None
    guides: GuideFindings | None
    notes: list[Note]
    seconds: float


async def try_out(engine: Engine, environment: EnvironmentScope, wanted: WhatIfIn) -> WhatIf:
    """Tell who would get what if content were published.

    Args:
        engine: the parts.
        environment: whose runs and people are meant.
        wanted: which content, on which runs.

    Raises:
        NotFound: there is no such environment or branch to take content from, or no such workflow.
        InvalidParams: a trigger is not valid, or nothing is promoted from there to here, or both
            an environment and a branch are named.
        Unavailable: the database is away, or the key of a secret variable is missing here.
    """
    begun = monotonic()
    async with engine.database.reading() as connection:
        version = await config_version(connection, environment.id)
        stored = await engine.catalog.configuration(
            connection, environment.id, version, branch_id=environment.branch_id
        )
        if stored.variables.missing_key is not None:
            raise UnknownKey(stored.variables.missing_key)
        tried = lay_over(engine, stored, await _pending(connection, environment, wanted))
        comparison = _Comparison.of(connection, tried, wanted, deadline=begun + wanted.seconds)
        comparison.make_worlds((engine, stored), (tried.engine, tried.configuration))
        await let_know_of_audiences(connection, tried.content, comparison.worlds)
        basis = Basis(
            connection=connection,
            environment=environment,
            version=version,
            worlds=comparison.worlds,
            now=engine.clock(),
            deadline=comparison.deadline,
        )
        audiences = await look_at_audiences(
            basis, wanted, deadline=begun + wanted.seconds * _SHARE_OF_AUDIENCES
        )
        script = await _script(basis, wanted)
        walked = await _runs(basis, wanted, script, tried.content)
        if are_tried(tried.content, wanted, script):
            comparison.deadline -= wanted.seconds * _SHARE_OF_GUIDES
        await comparison.walk_all(walked.runs)
        guides = await look_at_guides(
            basis, tried.content, wanted, script=script, deadline=basis.deadline
        )
    findings = comparison.findings
    return WhatIf(
        environment=environment.slug,
        from_environment=wanted.from_environment,
        from_branch=wanted.from_branch,
        content=list(tried.content),
        left_out=list(tried.left_out),
        findings=findings,
        runs_unfinished=walked.total - findings.runs,
        has_older_runs=walked.has_older,
        audiences=audiences,
        guides=guides,
        notes=[*walked.notes, *(script.notes if script else ())],
        seconds=monotonic() - begun,
    )


async def _pending(
    connection: Connection, environment: EnvironmentScope, wanted: WhatIfIn
) -> list[PendingContent]:
    if wanted.from_branch is not None:
        if wanted.from_environment is not None:
            raise InvalidParams.of("from_branch", "cannot be combined with from_environment")
        branch = await find_branch(connection, environment, wanted.from_branch)
        return await drafts.list_published_elsewhere(connection, environment.id, branch.id)
    if wanted.from_environment is None:
        return await drafts.list_unpublished(connection, environment.id)
    elsewhere = await find_environment(connection, wanted.from_environment)
    target = await find_environment(connection, environment.slug)
    before = await environment_before(connection, target.position)
    if before is None or before.id != elsewhere.id:
        message = f"nothing is promoted from {elsewhere.slug} to {target.slug}"
        raise InvalidParams.of("from_environment", message)
    return await drafts.list_published_elsewhere(connection, environment.id, elsewhere.id)


def _concerned(content: Sequence[PendingContent]) -> frozenset[str] | None:
    """Return which workflows do something else with some content; None where nobody knows.

    What is no workflow may be used by any, also in ways that only a rendering tells.
    """
    if any(each.resource_type != WORKFLOW.name for each in content):
        return None
    return frozenset(each.key for each in content)


async def _script(basis: Basis, wanted: WhatIfIn) -> Script | None:
    """Read the script, if there is one, and let both worlds know of it. Raises InvalidParams."""
    if wanted.triggers is None:
        return None
    script = await read_script(basis, wanted.triggers)
    for world in basis.worlds:
        world.joined = script.joined()
    return script


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs that are walked.

    Attributes:
        total: how many.
        runs: oldest first.
        has_older: whether there are older ones.
        notes: what is left out of them.
    """

    total: int
    runs: AsyncIterator[RunToWalk]
    has_older: bool = False
    notes: Sequence[Note] = ()


async def _runs(
    basis: Basis, wanted: WhatIfIn, script: Script | None, content: Sequence[PendingContent]
) -> _Runs:
    """Return the runs to walk: of broadcasts only where the content may concern these, too.

    Raises:
        NotFound: neither the environment nor the content has the workflow that is asked for.
    """
    if script is not None:
        return _Runs(script.runs, imagined_runs(basis, script.triggers))
    connection, environment_id = basis.connection, basis.environment.id
    with_broadcasts = _concerned(content) is None and wanted.workflow is None
    # One more than is asked for tells whether there are older ones.
    found = await rehearsals.newest_runs(
        connection,
        environment_id,
        wanted.workflow,
        wanted.runs + 1,
        of_a_broadcast=MOST_OF_A_BROADCAST if with_broadcasts else 0,
    )
    ids = found.ids[-wanted.runs :]
    # One that is tried may not be here yet.
    if not ids and wanted.workflow not in {one.key for one in content}:
        await require_named(connection, environment_id, workflow=wanted.workflow)
    return _Runs(
        len(ids),
        recorded_runs(basis.worlds[0].engine, connection, environment_id, ids),
        has_older=len(found.ids) > len(ids),
        notes=[
            Note("runs", f"at most {MOST_OF_A_BROADCAST} of the broadcast {key} are walked")
            for key in found.cut
        ],
    )


@dataclass(slots=True)
class _UnderWay:
    """A run that is not over in all worlds, with what has come of it in the others."""

    facts: WalkedRun
    sides: int
    results: dict[int, Walked] = field(default_factory=dict)


@dataclass(slots=True)
class _Comparison:
    """Walks runs in two worlds in the order of time, and compares each as soon as both are over.

    Batches and throttles make runs depend on each other, so that one cannot be walked to its end
    before the next. They do so within a workflow, and never between two.

    Attributes:
        deadline: when the time is over.
        concerned: workflows whose runs are walked in both worlds; None for all.
    """

    connection: Connection
    findings: Findings
    deadline: float
    concerned: frozenset[str] | None
    room: Room = field(default_factory=Room)
    worlds: tuple[World, World] = field(init=False)
    _line: list[tuple[datetime, int, int, UUID]] = field(default_factory=list)
    _turns: count[int] = field(default_factory=count)
    # The newest place in the line of each run in each world; older ones count no more.
    _places: dict[tuple[int, UUID], int] = field(default_factory=dict)
    _under_way: dict[UUID, _UnderWay] = field(default_factory=dict)

    @classmethod
    def of(
        cls, connection: Connection, tried: Tried, wanted: WhatIfIn, *, deadline: float
    ) -> _Comparison:
        """Begin a comparison, without any world."""
        findings = Findings(Sample(wanted.differences, MOST_BYTES))
        return cls(connection, findings, deadline, _concerned(tried.content))

    def make_worlds(self, *parts: tuple[Engine, Configuration]) -> None:
        """Make the two worlds, each with an engine and what is published in it."""
        before, after = (
            World(number, *each, partial(self.schedule, number), self.room)
            for number, each in enumerate(parts)
        )
        self.worlds = (before, after)

    def schedule(self, world: int, run_id: UUID, at: datetime) -> None:
        """Let a run of a world go on at an instant, and at no other."""
        place = next(self._turns)
        self._places[world, run_id] = place
        heapq.heappush(self._line, (at, place, world, run_id))

    async def walk_all(self, runs: AsyncIterator[RunToWalk]) -> None:
        """Walk runs that come in the order of their triggers, until time or room is over."""
        async for run in runs:
            await self._walk_until(run.taken.accepted_at)
            if self._is_over:
                return
            taken = run.taken
            facts = WalkedRun(
                id=taken.id,
                workflow_key=taken.workflow_key,
                recipient=taken.recipient_ref,
                tenant_id=taken.tenant_id,
            )
            sides = self._sides(run)
            self._under_way[taken.id] = _UnderWay(facts, sides)
            for number, world in enumerate(self.worlds[:sides]):
                self._note(number, taken.id, await world.begin(self.connection, run))
        await self._walk_until(None)

    async def _walk_until(self, until: datetime | None) -> None:
        """Walk what is due before an instant; None: everything."""
        while self._line and (until is None or self._line[0][0] < until):
            if self._is_over:
                return
            at, place, number, run_id = heapq.heappop(self._line)
            if self._places.get((number, run_id)) != place:
                continue
            self._note(number, run_id, await self.worlds[number].go_on(run_id, at))
            # Others want to be served as well.
            await asyncio.sleep(0)

    def _note(self, number: int, run_id: UUID, walked: Walked | None) -> None:
        """Note that a run is over in a world; in all of them, and it is compared and forgotten."""
        if walked is None:
            return
        self._places.pop((number, run_id), None)
        under_way = self._under_way[run_id]
        facts, results = under_way.facts, under_way.results
        results[number] = walked
        if len(results) < under_way.sides:
            return
        del self._under_way[run_id]
        self.room.used -= sum(each.size for each in results.values())
        before = results[0]
        after = results.get(1, before)
        differences: list[Difference] = [] if after is before else compare(facts, before, after)
        self.findings.add(facts, before, after, differences)

    @property
    def _is_over(self) -> bool:
        return monotonic() > self.deadline or self.room.is_over

    def _sides(self, run: RunToWalk) -> int:
        """Return in how many worlds a run is walked; in one where it would be the same in both."""
        is_concerned = self.concerned is None or (
            run.definition is None and run.taken.workflow_key in self.concerned
        )
        return 2 if is_concerned or run.unmade[0] != run.unmade[1] else 1
