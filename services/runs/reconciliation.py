"""Bring PostgreSQL and Temporal together again where one lost what the other still has.

A run that was terminated in Temporal walks no more, and nobody tells the database; a Temporal that
was restored or emptied has forgotten runs that the database still promises. So the sweep hears
which Temporal workflows were ended from outside, looks up runs whose wait is long over, and looks
up, little by little, every run that waits.

A run that Temporal remembers as ended is ended here. One that it does not know was either lost, or
was ended so long ago that Temporal has forgotten it: the first is started again and goes on where
it stood, the second must not come back to life. What tells them apart is the last sign of life:
Temporal forgets nothing within its retention.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from domain.kit.clock import iso, parse_instant
from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject
from domain.runs.rows import OpenRun, Place
from models.queries.jobs import sweep_positions
from models.queries.runs import open_runs
from models.queries.triggers import releases
from runtime.logs import get_logger
from runtime.temporal import is_unreachable
from services.at_once import each_at_once, kinds_of
from services.engine import Engine
from services.temporal_calls import start_run
from services.temporal_looks import Presence, look_up_run

_log = get_logger(__name__)

# A busy or restarting Temporal wakes runs late; this long it is given.
GRACE = timedelta(minutes=2)
# Look-ups of one sweep: some 50,000 waiting runs an hour, at a thousandth of a core each second.
_OVERDUE_PAGE = 100
_WAITING_PAGE = 200
_CONCURRENCY = 16
_LOOK_SECONDS = 5.0
_LIST_SECONDS = 20.0
# A pass over all waiting runs begins this long after the one before, or when that has ended.
_PASS_EVERY = timedelta(hours=1)
# Sightings are noted to the day: a note rewrites the run's row, and retention lasts days.
_NOTE_EVERY = timedelta(hours=6)
# Ends of this long before the last look are asked for again: Temporal's lists lag behind.
_LAG = timedelta(minutes=2)
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_ENDED_PAGE = 1_000
# More unknown runs than this, and more than half of all: then it is not the runs.
_FEW_UNKNOWN = 2

_ENDED_FROM_OUTSIDE = (
    'WorkflowType IN ("RecipientRun", "TriggerFanout")'
    ' AND ExecutionStatus IN ("Canceled", "Failed", "Terminated", "TimedOut")'
    ' AND CloseTime >= "{since}"'
)


@dataclass(slots=True)
class Verdict:
    """What Temporal said of some runs, and what followed.

    Attributes:
        looked_at: how many were looked up.
        unknown: how many of them Temporal does not know.
        restarted: how many of these were started again.
        ended: how many runs were ended here.
        held: how many are left as they are, because Temporal knows too few of all.
    """

    looked_at: int = 0
    unknown: int = 0
    restarted: int = 0
    ended: int = 0
    held: int = 0

    @property
    def changed(self) -> int:
        """Return how many runs are not as they were."""
        return self.restarted + self.ended


@dataclass(slots=True)
class _Pass:
    """How far the pass over all waiting runs has come, and what it found."""

    place: Place = field(default_factory=Place)
    began_at: str = ""
    is_over: bool = True
    looked_at: int = 0
    unknown: int = 0


async def reconcile_runs(engine: Engine, *, grace: timedelta = GRACE) -> int:
    """Look after runs that Temporal ended or lost.

    Args:
        engine: the parts of this process.
        grace: how long after the end of its wait a run counts as overdue.

    Returns:
        How many runs were ended or started again.

    Raises:
        RPCError, RuntimeError: Temporal is away, or refuses; what could be done is done.
    """
    changed, failures = 0, []
    for look in (_look_at_ended, partial(_look_at_overdue, grace=grace), _look_at_waiting):
        try:
            changed += await look(engine)
        except Exception as error:  # a list that Temporal refuses must not hide the rows
            failures.append(error)
    if failures:
        raise failures[0]
    return changed


async def _look_at_ended(engine: Engine) -> int:
    """Hear which Temporal workflows were ended from outside since the last look.

    The position is a time of Temporal's own clock: of the latest end that was heard of. Ends of
    shortly before are listed again, so it holds the triggers, too, that need no second look.
    """
    async with engine.connection() as connection:
        noted = await sweep_positions.position(connection, "ended")
    latest = parse_instant(noted.get("latest")) or _BEGINNING
    heard: set[str] = set(noted.get("heard", ()))
    run_ids, fan_outs = [], {}
    query = _ENDED_FROM_OUTSIDE.format(since=(latest - _LAG).isoformat())
    async with asyncio.timeout(_LIST_SECONDS):
        async for one in engine.temporal.list_workflows(query, page_size=_ENDED_PAGE):
            kind, _, rest = one.id.partition("/")
            if kind == "run" and (run_id := read_id(rest.rpartition("/")[2])):
                run_ids.append(run_id)
            elif kind == "fan-out" and (trigger_id := read_id(rest.split("/")[1])):
                fan_outs[one.id] = trigger_id
            latest = max(latest, one.close_time or latest)
    changed = 0
    for first in range(0, len(run_ids), _ENDED_PAGE):
        ids = run_ids[first : first + _ENDED_PAGE]
        async with engine.connection() as connection:
            runs = await open_runs.open_runs_by_id(connection, ids)
        # Looked up once more: a run that was reset lives on.
        changed += (await judge_runs(engine, runs)).changed
    async with engine.connection() as connection:
        new = [trigger_id for one, trigger_id in fan_outs.items() if one not in heard]
        if new:
            await releases.make_due(connection, new)
        position: JsonObject = {"latest": iso(latest), "heard": sorted(fan_outs)}
        if position != noted and latest > _BEGINNING:
            await sweep_positions.note_position(connection, "ended", position)
    return changed


async def _look_at_overdue(engine: Engine, *, grace: timedelta) -> int:
    """Look up runs whose wait is long over; the next sweep goes on behind those that live."""
    async with engine.connection() as connection:
        noted = await sweep_positions.position(connection, "overdue")
        place = Place(**noted) if noted else Place()
        runs = await open_runs.waiting_runs(
            connection, place, limit=_OVERDUE_PAGE, overdue_by=grace
        )
    verdict = await judge_runs(engine, runs)
    place = runs[-1].place if len(runs) == _OVERDUE_PAGE else Place()
    if noted or place != Place():
        async with engine.connection() as connection:
            await sweep_positions.note_position(connection, "overdue", asdict(place))
    return verdict.changed


async def _look_at_waiting(engine: Engine) -> int:
    """Look up the next of all runs that wait, pass after pass."""
    current = await _current_pass(engine)
    now = engine.clock()
    if current.is_over:
        began = parse_instant(current.began_at)
        if began is not None and timedelta(0) <= now - began < _PASS_EVERY:
            return 0
        current = _Pass(began_at=now.isoformat(), is_over=False)
    async with engine.connection() as connection:
        runs = await open_runs.waiting_runs(connection, current.place, limit=_WAITING_PAGE)
    verdict = await judge_runs(engine, runs, earlier=current)
    current.looked_at += verdict.looked_at
    current.unknown += verdict.unknown
    current.is_over = len(runs) < _WAITING_PAGE
    if runs:
        current.place = runs[-1].place
    async with engine.connection() as connection:
        await sweep_positions.note_position(connection, "waiting", asdict(current))
    return verdict.changed


async def _current_pass(engine: Engine) -> _Pass:
    async with engine.connection() as connection:
        noted: JsonObject = await sweep_positions.position(connection, "waiting")
    return _Pass(**{**noted, "place": Place(**noted["place"])}) if noted else _Pass()


@dataclass(slots=True)
class _Findings:
    """What Temporal said of each run."""

    engine: Engine
    verdict: Verdict = field(default_factory=Verdict)
    alive: list[UUID] = field(default_factory=list)
    ended: list[tuple[OpenRun, JsonObject]] = field(default_factory=list)
    forgotten: list[OpenRun] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def look(self, run: OpenRun) -> None:
        """Look up one run, and start it again when Temporal has lost it."""
        if len(self.failures) >= _CONCURRENCY and not self.verdict.looked_at:
            return  # Temporal is away
        client, retention = self.engine.temporal, self.engine.temporal_retention
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                presence, status = await look_up_run(client, run)
                self.verdict.looked_at += 1
                if presence is Presence.OPEN:
                    self.alive.append(run.id)
                elif presence is Presence.CLOSED:
                    data = {"reason": "ended_in_temporal", "temporal_status": status}
                    self.ended.append((run, data))
                else:
                    self.verdict.unknown += 1
                    if not await retention.covers(client, run.alive_at, now=run.now):
                        self.forgotten.append(run)
                    elif await start_run(client, run):
                        self.verdict.restarted += 1
                        _log.warning("run_restarted", run_id=str(run.id))
        except Exception as error:
            self.failures.append(error)


async def judge_runs(
    engine: Engine, runs: Sequence[OpenRun], *, earlier: _Pass | None = None
) -> Verdict:
    """Look up open runs in Temporal; end those that it ended, and start again those that it lost.

    A run that cannot be looked up is logged and left to the next look; it delays no other.

    Args:
        engine: the parts of this process.
        runs: as they were read just now.
        earlier: what the pass over all waiting runs has found so far; None means as it is noted.

    Raises:
        RPCError, RuntimeError, TimeoutError: Temporal is away.
    """
    found = _Findings(engine)
    verdict = found.verdict
    await each_at_once(runs, found.look, at_once=_CONCURRENCY)
    if found.failures:
        if not verdict.looked_at and is_unreachable(found.failures[0]):
            raise found.failures[0]
        failures = found.failures
        _log.warning("runs_not_judged", count=len(failures), errors=kinds_of(failures))
    forgotten, held = found.forgotten, False
    if forgotten:
        # When Temporal knows so few, something else must be wrong than these runs.
        before = earlier or await _current_pass(engine)
        unknown = verdict.unknown + before.unknown
        held = unknown > _FEW_UNKNOWN and 2 * unknown > verdict.looked_at + before.looked_at
    if held:
        verdict.held = len(forgotten)
        _log.error(
            "runs_held_back",
            held=verdict.held,
            looked_at=verdict.looked_at,
            detail="Temporal knows too few of the waiting runs to believe that they were ended;"
            " if it was emptied or replaced, `carillon admin recover` restarts them",
        )
    else:
        found.ended += [(run, {"reason": "unknown_to_temporal"}) for run in forgotten]
    async with engine.connection() as connection:
        await open_runs.note_seen_alive(connection, found.alive, every=_NOTE_EVERY)
        ids = await open_runs.end_runs(connection, found.ended)
    verdict.ended = len(ids)
    for run, data in found.ended:
        if run.id in ids:
            _log.warning("run_ended_by_sweep", run_id=str(run.id), **data)
    return verdict


async def recover(engine: Engine, since: datetime) -> Verdict:
    """Start all waiting runs again that Temporal does not know, on an operator's word.

    Triggers whose runs have not begun become due for the next sweep.

    Args:
        engine: the parts of this process.
        since: runs whose last sign of life is older stay as they are, and are counted as held.

    Raises:
        RPCError, RuntimeError: Temporal is away.
    """
    total = Verdict()
    place = Place()

    async def look(run: OpenRun) -> None:
        total.looked_at += 1
        presence, _ = await look_up_run(engine.temporal, run)
        if presence is not Presence.UNKNOWN:
            return
        total.unknown += 1
        if run.alive_at < since:
            total.held += 1
        else:
            total.restarted += await start_run(engine.temporal, run)

    while True:
        async with engine.connection() as connection:
            runs = await open_runs.waiting_runs(connection, place, limit=_WAITING_PAGE)
        await each_at_once(runs, look, at_once=_CONCURRENCY)
        if len(runs) < _WAITING_PAGE:
            break
        place = runs[-1].place
    async with engine.connection() as connection:
        await releases.make_all_due(connection)
    return total
