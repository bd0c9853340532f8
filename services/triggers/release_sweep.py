"""The net under releases: what no process released, and what was released and has not begun."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import Any, TypeAlias

from domain.kit.principals import EnvironmentScope
from models.queries.triggers import accept as triggers
from models.queries.triggers import cancellations
from models.queries.triggers import releases as statements
from runtime.temporal import is_away
from services.engine import Engine
from services.runs.reconciliation import judge_runs
from services.temporal_calls import start_trigger_fanout
from services.triggers.releases import (
    CONFIRM_AFTER,
    log_refusal,
    start_trigger,
    tell_cancelled_runs,
)

# Taken and worked on at a time. When not one of them could be released Temporal is away.
_AT_ONCE = 16
_CALL_SECONDS = 15.0
# A process that took some and died gives them up after this.
_LEASE = timedelta(minutes=1)
# A duty ends by itself before its activity's time does; the next sweep goes on.
_SECONDS = 60.0
_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(hours=1)
_CONFIRMED_AT_ONCE = 500
_RUNS_AT_ONCE = 200

Row: TypeAlias = dict[str, Any]


class _Outcome(Enum):
    DONE = 1
    AWAY = 2
    FAILED = 3


async def release_left_over(engine: Engine) -> int:
    """Release the triggers and cancellations that no process has released in time.

    After an absence of Temporal there may be thousands: it goes on, batch by batch, for as long as
    anything can be released. One that fails is pushed back, further each time, and delays no other.

    Returns:
        How many were released.
    """
    deadline = time.monotonic() + _SECONDS

    async def tell(row: Row) -> None:
        scope = EnvironmentScope(row["environment_id"], row["environment"])
        await tell_cancelled_runs(engine, scope, row["id"], run_count=row["run_count"])
        async with engine.database.connection() as connection:
            await cancellations.mark_released(connection, row["id"])

    async def start(row: Row) -> None:
        scope = EnvironmentScope(row["environment_id"], row["environment"])
        async with engine.database.connection() as connection:
            runs = await triggers.startable_runs(
                connection, row["id"], limit=engine.settings.inline_start_limit + 1
            )
        is_under_way = await start_trigger(engine, scope, row["id"], runs)
        # A fan-out that has ended before it was noted may have left runs behind.
        wait = CONFIRM_AFTER if is_under_way else timedelta(0)
        async with engine.database.connection() as connection:
            await statements.mark_released(connection, [row["id"]], confirm_after=wait)

    # Cancels first: a run that is woken now need not be started.
    told = await _in_batches(
        engine, cancellations.take_unreleased, tell, cancellations.put_back, deadline=deadline
    )
    return told + await _in_batches(
        engine, statements.take_unreleased, start, statements.put_back, deadline=deadline
    )


async def _in_batches(
    engine: Engine,
    take: Callable[..., Awaitable[list[Row]]],
    release: Callable[[Row], Awaitable[None]],
    put_back: Callable[..., Awaitable[None]],
    *,
    deadline: float,
) -> int:
    """Take and release until nothing is left, nothing works, or the time is over.

    Args:
        engine: the parts of this process.
        take: the statement that takes some.
        release: releases one, and notes it.
        put_back: the statement that gives one back.
        deadline: on the monotonic clock.
    """
    released = 0
    while time.monotonic() < deadline:
        async with engine.database.connection() as connection:
            rows = await take(connection, limit=_AT_ONCE, lease=_LEASE)
        outcomes = await asyncio.gather(*(_outcome(release, row) for row in rows))
        released += outcomes.count(_Outcome.DONE)
        # When not one could be released it is no fault of theirs, and none has to wait for it.
        is_away = bool(rows) and set(outcomes) == {_Outcome.AWAY}
        async with engine.database.connection() as connection:
            for row, outcome in zip(rows, outcomes, strict=True):
                if outcome is not _Outcome.DONE:
                    await put_back(
                        connection,
                        row["id"],
                        failed=not is_away,
                        first=_FIRST_WAIT,
                        longest=_LONGEST_WAIT,
                    )
        if is_away or len(rows) < _AT_ONCE:
            break
    return released


async def _outcome(release: Callable[[Row], Awaitable[None]], row: Row) -> _Outcome:
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            await release(row)
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
        async with engine.database.connection() as connection:
            batch = await statements.take_unconfirmed(
                connection, limit=_CONFIRMED_AT_ONCE, lease=_LEASE
            )
        for first in range(0, len(batch.waiting), _AT_ONCE):
            group = batch.waiting[first : first + _AT_ONCE]
            outcomes = await asyncio.gather(*(_outcome(look, row) for row in group))
            looked_after += outcomes.count(_Outcome.DONE)
            await _note_looks(engine, group, outcomes)
            if _Outcome.DONE not in outcomes and _Outcome.AWAY in outcomes:
                return looked_after
        if batch.taken < _CONFIRMED_AT_ONCE:
            break
    return looked_after


async def _note_looks(engine: Engine, rows: list[Row], outcomes: list[_Outcome]) -> None:
    """Let those wait longer that are in order, and look again soon at those that are not."""
    for failed in (False, True):
        ids = [
            row["id"]
            for row, outcome in zip(rows, outcomes, strict=True)
            if (outcome is not _Outcome.DONE) is failed
        ]
        if ids:
            async with engine.database.connection() as connection:
                await statements.note_looked_at(
                    connection,
                    ids,
                    failed=failed,
                    soon=_FIRST_WAIT,
                    first=CONFIRM_AFTER,
                    longest=_LONGEST_WAIT,
                )


async def _look_after(engine: Engine, row: Row) -> None:
    """Make sure that the queued runs of one trigger are Temporal's, or end them."""
    async with engine.database.connection() as connection:
        runs = await triggers.startable_runs(connection, row["id"], limit=_RUNS_AT_ONCE)
    many = len(runs) > engine.settings.inline_start_limit
    if not (
        many
        and await engine.temporal_retention.covers(
            engine.temporal, row["released_at"], now=row["now"]
        )
    ):
        await judge_runs(engine, [{**run, "now": row["now"]} for run in runs])
        return
    scope = EnvironmentScope(row["environment_id"], row["environment"])
    number: int = row["fanout"]
    if await start_trigger_fanout(engine.temporal, scope, row["id"], number=number):
        return
    async with engine.database.connection() as connection:
        await statements.note_fanout(connection, row["id"], number + 1)
    await start_trigger_fanout(engine.temporal, scope, row["id"], number=number + 1)
