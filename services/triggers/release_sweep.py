"""The net under releases: what no process released, and what was released and has not begun."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import TypeVar

from domain.triggers.rows import (
    CancellationToRelease,
    ToRelease,
    TriggerToConfirm,
    TriggerToRelease,
)
from models.queries.runs.open_runs import startable_runs
from models.queries.triggers import releases
from models.queries.triggers.release_queues import CANCELLATIONS, TRIGGERS, ReleaseQueue
from runtime.temporal import is_away
from services.engine import Engine
from services.runs.reconciliation import judge_runs
from services.temporal_calls import start_trigger_fanout
from services.triggers.releases import (
    confirm_after,
    log_refusal,
    start_trigger,
    wake_cancelled_runs,
)

# A group is taken, and worked on at the same time. When none of it could be released, Temporal is
# away.
_GROUP_SIZE = 16
_CALL_SECONDS = 15.0
# A process that took some and died gives them up after this.
_LEASE = timedelta(minutes=1)
# A duty ends by itself before its activity's time does; the next sweep goes on.
_SECONDS = 60.0
_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(hours=1)
_CONFIRMED_PAGE = 500
_RUNS_PAGE = 200

T = TypeVar("T")
R = TypeVar("R", bound=ToRelease)


class _Outcome(Enum):
    DONE = 1
    AWAY = 2
    FAILED = 3


async def release_left_over(engine: Engine) -> int:
    """Release the triggers and cancellations that no process has released in time.

    After an absence of Temporal there may be thousands: it goes on, group by group, for as long as
    anything can be released. One that fails is pushed back, further each time, and delays no other.

    Returns:
        How many were released.
    """
    deadline = time.monotonic() + _SECONDS

    async def wake(cancellation: CancellationToRelease) -> None:
        scope, run_count = cancellation.scope, cancellation.run_count
        await wake_cancelled_runs(engine, scope, cancellation.id, run_count=run_count)

    async def start(trigger: TriggerToRelease) -> None:
        async with engine.connection() as connection:
            runs = await startable_runs(
                connection, trigger.id, limit=engine.settings.inline_start_limit + 1
            )
        is_under_way = await start_trigger(
            engine, trigger.scope, trigger.id, runs, expands=trigger.expands
        )
        # A fan-out that has ended before it was noted may have left runs behind.
        wait = confirm_after(engine) if is_under_way else timedelta(0)
        async with engine.connection() as connection:
            await TRIGGERS.mark_released(connection, [trigger.id], look_after=wait)

    # Cancels first: a run that is woken now need not be started.
    woken = await _group_by_group(engine, CANCELLATIONS, wake, deadline=deadline)
    return woken + await _group_by_group(engine, TRIGGERS, start, deadline=deadline)


async def _group_by_group(
    engine: Engine,
    queue: ReleaseQueue[R],
    release: Callable[[R], Awaitable[None]],
    *,
    deadline: float,
) -> int:
    """Take and release, until none is left, nothing works, or the time is over.

    Args:
        engine: the parts of this process.
        queue: what to take from.
        release: releases one, and notes it.
        deadline: on the monotonic clock.
    """
    released = 0
    while time.monotonic() < deadline:
        async with engine.connection() as connection:
            taken = await queue.take(connection, limit=_GROUP_SIZE, lease=_LEASE)
        # An outcome is never an exception, so there is no first error that should end the rest.
        outcomes = await asyncio.gather(*(_outcome(release, each) for each in taken))
        released += outcomes.count(_Outcome.DONE)
        # When not one could be released it is not their fault, and none has to wait for it.
        is_away = bool(taken) and set(outcomes) == {_Outcome.AWAY}
        async with engine.connection() as connection:
            for each, outcome in zip(taken, outcomes, strict=True):
                if outcome is not _Outcome.DONE:
                    await queue.put_back(
                        connection,
                        each.id,
                        failed=not is_away,
                        first=_FIRST_WAIT,
                        longest=_LONGEST_WAIT,
                    )
        if is_away or len(taken) < _GROUP_SIZE:
            break
    return released


async def _outcome(work: Callable[[T], Awaitable[None]], item: T) -> _Outcome:
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            await work(item)
    except Exception as error:
        if is_away(error):
            return _Outcome.AWAY
        log_refusal(error)
        return _Outcome.FAILED
    return _Outcome.DONE


async def confirm_releases(engine: Engine) -> int:
    """Forget released triggers all of whose runs have begun, and look after the others.

    A run that waits for a worker is left alone; one that was terminated is ended; one that Temporal
    does not have is started again; and a fan-out that was ended before its time has a successor.

    Returns:
        How many triggers were looked after.
    """
    deadline = time.monotonic() + _SECONDS
    looked_after = 0
    look = partial(_look_after, engine)
    while time.monotonic() < deadline:
        async with engine.connection() as connection:
            found = await releases.take_unconfirmed(connection, limit=_CONFIRMED_PAGE, lease=_LEASE)
        for first in range(0, len(found.waiting), _GROUP_SIZE):
            group = found.waiting[first : first + _GROUP_SIZE]
            outcomes = await asyncio.gather(*(_outcome(look, trigger) for trigger in group))
            looked_after += outcomes.count(_Outcome.DONE)
            await _note_looks(engine, group, outcomes)
            if _Outcome.DONE not in outcomes and _Outcome.AWAY in outcomes:
                return looked_after
        if found.taken < _CONFIRMED_PAGE:
            break
    return looked_after


async def _note_looks(
    engine: Engine, group: Sequence[TriggerToConfirm], outcomes: Sequence[_Outcome]
) -> None:
    """Let those wait longer that are in order, and look again soon at those that are not."""
    for failed in (False, True):
        ids = [
            trigger.id
            for trigger, outcome in zip(group, outcomes, strict=True)
            if (outcome is not _Outcome.DONE) is failed
        ]
        if ids:
            async with engine.connection() as connection:
                await releases.note_looked_at(
                    connection,
                    ids,
                    failed=failed,
                    soon=_FIRST_WAIT,
                    first=confirm_after(engine),
                    longest=_LONGEST_WAIT,
                )


async def _look_after(engine: Engine, trigger: TriggerToConfirm) -> None:
    """Make sure that the queued runs of one trigger are Temporal's, or end them."""
    async with engine.connection() as connection:
        runs = await startable_runs(connection, trigger.id, limit=_RUNS_PAGE)
    # What is not made yet was never started, so nothing of it is forgotten, and nothing comes back.
    is_few = len(runs) <= engine.settings.inline_start_limit
    if not trigger.expands and (
        is_few
        or not await engine.temporal_retention.covers(
            engine.temporal, trigger.released_at, now=trigger.now
        )
    ):
        await judge_runs(engine, runs)
        return
    client, scope, number = engine.temporal, trigger.scope, trigger.fanout
    if await start_trigger_fanout(client, scope, trigger.id, number=number):
        return
    async with engine.connection() as connection:
        await releases.note_fanout(connection, trigger.id, number + 1)
    await start_trigger_fanout(client, scope, trigger.id, number=number + 1)
