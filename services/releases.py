"""What leaves for Temporal after a transaction has ended: starts and signals.

Workflow ids are derived, so that releasing twice is harmless; a process that dies before it
releases, or finds Temporal away, leaves the work to the sweep.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from temporalio.service import RPCError

from domain.clock import utc_now
from domain.errors import Unavailable
from domain.principals import EnvironmentScope
from models.queries import cancellations, triggers
from runtime.logs import get_logger
from runtime.platform import Platform
from runtime.temporal import is_away
from services.temporal_calls import (
    each_at_once,
    signal_cancelled_run,
    start_cancel_fanout,
    start_run,
    start_trigger_fanout,
)

_log = get_logger(__name__)

# After Temporal was found away, requests leave their starts to the sweep for this long, instead
# of each waiting for the same time-out.
_LOOK_AGAIN_SECONDS = 1.0
_AWAY_UNTIL = "temporal_away_until"
_BACKGROUND = "background_tasks"
_WAITING = "released_triggers"
# Notes of releases are gathered for this long, and written in one statement.
_NOTE_SECONDS = 0.2
# Shorter than the sweep's heartbeat time-out, or one slow release would end every sweep.
_SWEEP_PATIENCE = 15.0
_SWEPT_AT_ONCE = 8
# So many batches take less than a sweep may last.
_SWEPT_BATCHES = 25


async def release_trigger(
    platform: Platform,
    environment: EnvironmentScope,
    workflow_run_id: UUID,
    runs: Sequence[dict[str, Any]],
) -> bool:
    """Start a trigger's runs: few of them here, many by a fan-out.

    Args:
        platform: the parts of this process.
        environment: where.
        workflow_run_id: the trigger.
        runs: its runs, as `models.queries.triggers.accept_trigger` answers them.

    Returns:
        Whether all are started, or certain to be.
    """
    started = await _attempt(
        platform, _starts(platform, environment, workflow_run_id, runs), patience=None
    )
    if started:
        _note_later(platform, workflow_run_id)
    return started


async def _starts(
    platform: Platform,
    environment: EnvironmentScope,
    workflow_run_id: UUID,
    runs: Sequence[dict[str, Any]],
) -> None:
    if len(runs) <= platform.settings.inline_start_limit:
        rows = [{**run, "environment": environment.slug} for run in runs]
        await each_at_once(rows, lambda row: start_run(platform.temporal, row))
    else:
        await start_trigger_fanout(platform.temporal, environment, workflow_run_id)


async def release_cancellation(
    platform: Platform,
    environment: EnvironmentScope,
    cancellation_id: UUID,
    *,
    run_count: int,
    patience: float | None = None,
) -> bool:
    """Wake a cancellation's runs, so that they end now and not when their wait does.

    Args:
        platform: the parts of this process.
        environment: where.
        cancellation_id: the cancellation.
        run_count: how many runs it has ended.
        patience: seconds to wait for Temporal; None means the request's own.

    Returns:
        Whether all are told, or certain to be.
    """
    told = await _attempt(
        platform, _signals(platform, environment, cancellation_id, run_count), patience=patience
    )
    if told:
        await _forgiving(_note_cancellation(platform, cancellation_id))
    return told


async def _signals(
    platform: Platform, environment: EnvironmentScope, cancellation_id: UUID, run_count: int
) -> None:
    if run_count > platform.settings.inline_start_limit:
        await start_cancel_fanout(platform.temporal, environment, cancellation_id)
        return
    async with platform.database.connection() as connection:
        rows = await cancellations.cancelled_runs(connection, cancellation_id)
    await each_at_once(rows, lambda row: signal_cancelled_run(platform.temporal, row))


async def _attempt(
    platform: Platform, release: Coroutine[Any, Any, None], *, patience: float | None
) -> bool:
    """Do what a transaction promised; the sweep does it when Temporal is away."""
    if patience is None and time.monotonic() < platform.memory.get(_AWAY_UNTIL, 0.0):
        release.close()
        return False
    try:
        async with asyncio.timeout(patience or platform.settings.start_timeout_seconds):
            await release
    except (RPCError, TimeoutError, RuntimeError, Unavailable) as error:
        # Whatever it is, the caller was promised the work: it is accepted, and the sweep's now.
        _note_failure(platform, error)
        return False
    return True


def _note_failure(platform: Platform, error: Exception) -> None:
    if isinstance(error, Unavailable):
        _log.warning("database_away", detail="the sweep will start what was accepted")
    # A lazy client that never reached Temporal raises a bare RuntimeError.
    elif is_away(error) or isinstance(error, RuntimeError):
        platform.memory[_AWAY_UNTIL] = time.monotonic() + _LOOK_AGAIN_SECONDS
        _log.warning("temporal_away", detail="the sweep will start what was accepted")
    else:
        # A namespace or search attribute that is missing: an operator has to mend it.
        _log.error("temporal_refused", detail=str(error)[:500])


def _note_later(platform: Platform, workflow_run_id: UUID) -> None:
    """Note a release after the answer, together with those of the next moments.

    When the note is lost, the sweep finds everything started already.
    """
    waiting: list[UUID] = platform.memory.setdefault(_WAITING, [])
    waiting.append(workflow_run_id)
    if len(waiting) == 1:
        tasks: set[asyncio.Task[None]] = platform.memory.setdefault(_BACKGROUND, set())
        task = asyncio.create_task(_forgiving(_note_triggers(platform, waiting)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _note_triggers(platform: Platform, waiting: list[UUID]) -> None:
    await asyncio.sleep(_NOTE_SECONDS)
    released = waiting[:]
    waiting.clear()
    async with platform.database.connection() as connection:
        await triggers.mark_released(connection, released, utc_now())


async def _note_cancellation(platform: Platform, cancellation_id: UUID) -> None:
    async with platform.database.connection() as connection:
        await cancellations.mark_released(connection, cancellation_id, utc_now())


async def _forgiving(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # whatever it is, the sweep repeats the note
        _log.warning("note_lost", error=type(error).__name__)


async def release_left_over(
    platform: Platform, *, limit: int = 200, beat: Callable[[], None] = lambda: None
) -> int:
    """Release what stayed unreleased for longer than the sweep's interval; answers how much.

    After an absence of Temporal there may be thousands: it goes on, batch by batch, for as long as
    a whole batch could be released.

    Args:
        platform: the parts of this process.
        limit: most triggers, and most cancellations, in a batch.
        beat: called now and then, for heartbeats.
    """
    released = 0
    for _ in range(_SWEPT_BATCHES):
        batch = await _release_batch(platform, limit, beat)
        released += batch
        if batch < limit:
            break
    return released


async def _release_batch(platform: Platform, limit: int, beat: Callable[[], None]) -> int:
    age = timedelta(seconds=platform.settings.sweep_seconds)
    now = utc_now()
    async with platform.database.connection() as connection:
        accepted = await triggers.unreleased_triggers(connection, now=now, age=age, limit=limit)
        cancelled = await cancellations.unreleased_cancellations(
            connection, now=now, age=age, limit=limit
        )
    work = [
        *(partial(_sweep_trigger, platform, row) for row in accepted),
        *(partial(_sweep_cancellation, platform, row) for row in cancelled),
    ]
    released = 0
    for first in range(0, len(work), _SWEPT_AT_ONCE):
        group = work[first : first + _SWEPT_AT_ONCE]
        released += sum(await asyncio.gather(*(release() for release in group)))
        beat()
    return released


async def _sweep_cancellation(platform: Platform, row: dict[str, Any]) -> bool:
    scope = EnvironmentScope(row["environment_id"], row["environment"])
    return await release_cancellation(
        platform, scope, row["id"], run_count=row["run_count"], patience=_SWEEP_PATIENCE
    )


async def _sweep_trigger(platform: Platform, row: dict[str, Any]) -> bool:
    scope = EnvironmentScope(row["environment_id"], row["environment"])
    async with platform.database.connection() as connection:
        runs = await triggers.startable_runs(connection, row["id"])
    if not await _attempt(
        platform, _starts(platform, scope, row["id"], runs), patience=_SWEEP_PATIENCE
    ):
        return False
    async with platform.database.connection() as connection:
        await triggers.mark_released(connection, [row["id"]], utc_now())
    return True
