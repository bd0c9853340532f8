"""What leaves for Temporal after a transaction has ended: starts and signals.

Workflow ids are derived, so releasing twice is harmless. A request is answered once its rows are
committed, and its release goes on beside the answer; where many are under way already it waits a
moment for its own, so that clients feel how fast Temporal is. What is not done after some seconds,
or dies with its process, is the sweep's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from uuid import UUID

from temporalio.service import RPCError

from domain.kit.errors import Unavailable
from domain.kit.principals import EnvironmentScope
from domain.runs.rows import StartableRun
from models.queries.triggers import cancellations
from models.queries.triggers.release_queues import CANCELLATIONS, TRIGGERS
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.engine import Engine
from services.temporal_calls import (
    signal_cancelled_run,
    start_cancel_fanout,
    start_run,
    start_trigger_fanout,
)
from services.triggers.under_way import ReleasesUnderWay

_log = get_logger(__name__)

# The sweep comes after 15 seconds at the earliest; until then this process goes on trying.
_PATIENCE_SECONDS = 10.0
_WAITS = (0.25, 0.5, 1.0, 2.0)
_CALL_SECONDS = 5.0
_LAST_MOMENT_SECONDS = 1.0
# Each holds the rows of 25 runs at most. What comes on top is the sweep's at once.
_MOST_UNDER_WAY = 1_000
# Notes of releases are gathered for this long, and written in one statement.
_NOTE_SECONDS = 0.2


async def release_trigger(
    engine: Engine,
    environment: EnvironmentScope,
    workflow_run_id: UUID,
    runs: Sequence[StartableRun],
    *,
    expands: bool,
) -> None:
    """Start a trigger's runs: few of them here, many by a fan-out.

    Never raises because of Temporal or the database: the trigger is accepted.

    Args:
        engine: the parts of this process.
        environment: where.
        workflow_run_id: the trigger.
        runs: its runs.
        expands: whether there are others to make.
    """
    if not runs and not expands:
        return
    start = partial(start_trigger, engine, environment, workflow_run_id, runs, expands=expands)
    await _promptly(
        engine,
        start,
        note=partial(_note_later, engine, workflow_run_id),
    )


async def start_trigger(
    engine: Engine,
    environment: EnvironmentScope,
    workflow_run_id: UUID,
    runs: Sequence[StartableRun],
    *,
    expands: bool,
) -> bool:
    """Start a trigger's runs, once; where others are to be made, its fan-out makes them first.

    Returns:
        Whether they are started, or certain to be; False when its fan-out has ended already.

    Raises:
        RPCError, RuntimeError: Temporal is away, or refuses.
    """
    if not expands and len(runs) <= engine.settings.inline_start_limit:
        await each_at_once(runs, lambda run: start_run(engine.temporal, run))
        return True
    return await start_trigger_fanout(engine.temporal, environment, workflow_run_id)


async def release_cancellation(
    engine: Engine, environment: EnvironmentScope, cancellation_id: UUID, *, run_count: int
) -> None:
    """Wake a cancellation's runs, so that they end now and not when their wait does.

    Never raises because of Temporal or the database: the runs are cancelled.

    Args:
        engine: the parts of this process.
        environment: where.
        cancellation_id: the cancellation.
        run_count: how many runs it has ended.
    """
    wake = partial(wake_cancelled_runs, engine, environment, cancellation_id, run_count=run_count)
    await _promptly(engine, wake)


async def wake_cancelled_runs(
    engine: Engine, environment: EnvironmentScope, cancellation_id: UUID, *, run_count: int
) -> None:
    """Wake a cancellation's runs, few of them here, many by a fan-out; and note that it was done.

    Raises:
        RPCError, RuntimeError: Temporal is away, or refuses.
        Unavailable: the database is away.
    """
    if run_count > engine.settings.inline_start_limit:
        await start_cancel_fanout(engine.temporal, environment, cancellation_id)
    else:
        async with engine.connection() as connection:
            runs = await cancellations.cancelled_runs(connection, cancellation_id)
        await each_at_once(runs, lambda run: signal_cancelled_run(engine.temporal, run))
    async with engine.connection() as connection:
        await CANCELLATIONS.mark_released(connection, [cancellation_id])


async def _promptly(
    engine: Engine,
    release: Callable[[], Awaitable[object]],
    *,
    note: Callable[[], None] = lambda: None,
) -> None:
    """Release in a task of its own; where many are under way, wait a moment for this one.

    The task outlives the request: a start that takes a little too long is not begun anew, and a
    client that hangs up ends nothing.
    """
    under_way = engine.releases_under_way
    ahead = len(under_way.releases)
    if ahead >= _MOST_UNDER_WAY:
        return
    if not engine.temporal_breaker.lets_through():
        under_way.begin(_again(engine, release, note))
        return
    task = under_way.begin(_at_once(engine, release, note))
    if ahead < engine.settings.starts_ahead:
        return
    done, _ = await asyncio.wait({task}, timeout=engine.settings.start_timeout_seconds)
    if not done:
        engine.temporal_breaker.failed()


async def _at_once(
    engine: Engine, release: Callable[[], Awaitable[object]], note: Callable[[], None]
) -> None:
    """Release now, or begin to try again."""
    under_way = engine.releases_under_way
    released = await _try(engine, release)
    if released:
        note()
    elif released is None:
        under_way.begin(_again(engine, release, note))


async def _again(
    engine: Engine, release: Callable[[], Awaitable[object]], note: Callable[[], None]
) -> None:
    """Try until it is done, or patience ends, which leaves it to the sweep."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    waits = chain(_WAITS, repeat(_WAITS[-1]))
    while loop.time() < deadline:
        await asyncio.sleep(next(waits))
        if not engine.temporal_breaker.lets_through():
            continue
        async with engine.releases_under_way.slots:
            released = await _try(engine, release)
        if released:
            note()
        if released is not None:
            return
    _log.warning("release_left_over", detail="the sweep releases what was accepted")


async def _try(engine: Engine, release: Callable[[], Awaitable[object]]) -> bool | None:
    """Release once; tells whether it is done, or None when it is worth another try soon."""
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            await release()
    except Exception as error:
        if is_away(error):
            engine.temporal_breaker.failed()
            if engine.temporal_breaker.is_open:
                _log.warning("temporal_away", detail="triggers are accepted and started later")
            return None
        log_refusal(error)
        return None if isinstance(error, Unavailable) else False
    engine.temporal_breaker.succeeded()
    return True


def log_refusal(error: Exception) -> None:
    """Log why a release failed, unless Temporal is just away."""
    if isinstance(error, Unavailable):
        _log.warning("database_away", detail="the sweep releases what was accepted")
    elif isinstance(error, RPCError):
        # A namespace or search attribute that is missing: an operator has to mend it.
        _log.error("temporal_refused", status=error.status.name, detail=error.message[:500])
    else:
        _log.error("release_failed", error=type(error).__name__)


def confirm_after(engine: Engine) -> timedelta:
    """Return how long after their release the runs of a trigger should have begun."""
    return timedelta(seconds=engine.settings.confirm_seconds)


def _note_later(engine: Engine, workflow_run_id: UUID) -> None:
    """Note a release after the answer, together with those of the next moments.

    When the note is lost, the sweep finds everything started already.
    """
    under_way = engine.releases_under_way
    under_way.notes.append(workflow_run_id)
    if len(under_way.notes) == 1:
        task = asyncio.create_task(_note_soon(engine, under_way))
        under_way.noting.add(task)
        task.add_done_callback(under_way.noting.discard)


async def _note_soon(engine: Engine, under_way: ReleasesUnderWay) -> None:
    await asyncio.sleep(_NOTE_SECONDS)
    released = under_way.notes[:]
    under_way.notes.clear()
    try:
        async with engine.connection() as connection:
            await TRIGGERS.mark_released(connection, released, look_after=confirm_after(engine))
    except Exception as error:  # whatever it is, the sweep repeats the note
        _log.warning("note_lost", error=type(error).__name__)


async def close_releases(engine: Engine) -> None:
    """End what is under way, as a process that stops does.

    What was just answered has a moment to start; notes are written, and the rest is swept.
    """
    under_way = engine.releases_under_way
    if under_way.releases:
        await asyncio.wait(under_way.releases, timeout=_LAST_MOMENT_SECONDS)
    for task in under_way.releases:
        task.cancel()
    await asyncio.gather(*under_way.releases, *under_way.noting, return_exceptions=True)
