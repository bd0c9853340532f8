"""Large triggers and cancellations: cut into ranges of runs, and worked through range by range."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from uuid import UUID

from domain.contract.fan_outs import CancelFanoutInput, Chunk, ChunkPlan, TriggerFanoutInput
from domain.kit.ids import FIRST_ID
from domain.kit.json_types import JsonObject
from domain.runs.rows import OpenRun
from models.queries.runs import open_runs
from models.queries.triggers import cancellations
from models.queries.triggers.addressees import is_broadcast
from models.queries.triggers.chunks import Scope, chunk_boundaries
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.engine import Engine
from services.temporal_calls import signal_cancelled_run, start_run
from services.triggers.expansions import expand

_log = get_logger(__name__)

CHUNK_SIZE = 100
# Ten thousand runs a page: some 25 kB in a history, however many recipients there are.
PAGE_CHUNKS = 100
# A page of a broadcast, behind which others come after a pause.
PACED_CHUNKS = 5
_ENOUGH_FAILURES = 16
_STARTED_AT_ONCE = 32


async def plan_trigger(engine: Engine, order: TriggerFanoutInput) -> ChunkPlan:
    """Cut the next page of a trigger's runs that have not begun into ranges.

    Those of who follows its objects are made first. Ranges follow the order of ids, in which runs
    are not made; so nothing is started before all are. A plan without ranges and with more to come
    says that making them goes on. A broadcast has smaller pages, with pauses between them.
    """
    owner = UUID(order.environment_id), UUID(order.workflow_run_id)
    if not order.after and not await expand(engine, *owner):
        return ChunkPlan(more=True)
    rest = Chunk(order.workflow_run_id, order.environment_id, order.after or str(FIRST_ID), "")
    async with engine.connection() as connection:
        is_paced = await is_broadcast(connection, *owner)
    if not is_paced:
        return await _plan(engine, Scope.TRIGGER, rest, most=PAGE_CHUNKS)
    plan = await _plan(engine, Scope.TRIGGER, rest, most=PACED_CHUNKS)
    pause = PACED_CHUNKS * CHUNK_SIZE / engine.settings.broadcast_rate
    return replace(plan, pause=pause if plan.more else 0.0)


async def plan_cancellation(engine: Engine, order: CancelFanoutInput) -> ChunkPlan:
    """Cut the next page of a cancellation's runs into ranges."""
    return await _plan(
        engine,
        Scope.CANCELLATION,
        Chunk(order.cancellation_id, order.environment_id, order.after or str(FIRST_ID), ""),
        most=PAGE_CHUNKS,
    )


async def _plan(engine: Engine, scope: Scope, rest: Chunk, *, most: int) -> ChunkPlan:
    async with engine.connection() as connection:
        ends = await chunk_boundaries(
            connection,
            scope,
            UUID(rest.scope_id),
            after=UUID(rest.after),
            size=CHUNK_SIZE,
            most=most,
        )
    chunks = [
        replace(rest, after=str(after), last=str(last))
        for after, last in pairwise([rest.after, *ends])
    ]
    return ChunkPlan(chunks, more=len(chunks) == most)


async def start_range(engine: Engine, chunk: Chunk, *, eager: bool) -> int:
    """Start the runs of a range that have not begun; one that Temporal has ended is ended here.

    A run that Temporal refuses is logged and left `queued`: the sweep looks after it. No run that
    fails keeps the others from being started.

    Args:
        engine: the parts of this process.
        chunk: the range.
        eager: take the first tasks in the answers, as a process does that works `runs`.

    Returns:
        How many were to be started.

    Raises:
        RPCError, RuntimeError: Temporal is away, or was for some of them.
    """
    async with engine.connection() as connection:
        runs = await open_runs.startable_runs(
            connection, UUID(chunk.scope_id), after=UUID(chunk.after), last=UUID(chunk.last)
        )
    done = 0
    ended: list[tuple[OpenRun, JsonObject]] = []
    failures: list[Exception] = []

    async def start(run: OpenRun) -> None:
        nonlocal done
        if len(failures) >= _ENOUGH_FAILURES and not done:
            return  # Temporal is away
        try:
            if not await start_run(engine.temporal, run, eager=eager, bulk=True):
                ended.append((run, {"reason": "ended_in_temporal"}))
            done += 1
        except Exception as error:
            if is_away(error):
                failures.append(error)
            else:
                _log.error("run_not_started", run_id=str(run.id), error=type(error).__name__)

    # Group by group, not as a steady stream: each start may hand this process the first task of its
    # run, and what finds no free slot for it costs Temporal half as much again.
    for first in range(0, len(runs), _STARTED_AT_ONCE):
        await each_at_once(runs[first : first + _STARTED_AT_ONCE], start)
    if ended:
        async with engine.connection() as connection:
            await open_runs.end_runs(connection, ended)
    if failures:
        raise failures[0]
    return len(runs)


async def signal_range(engine: Engine, chunk: Chunk) -> int:
    """Wake the cancelled runs of a range.

    Returns:
        How many were to be woken.

    Raises:
        RPCError, RuntimeError: Temporal is away.
    """
    async with engine.connection() as connection:
        runs = await cancellations.cancelled_runs(
            connection, UUID(chunk.scope_id), after=UUID(chunk.after), last=UUID(chunk.last)
        )
    await each_at_once(runs, lambda run: signal_cancelled_run(engine.temporal, run))
    return len(runs)
