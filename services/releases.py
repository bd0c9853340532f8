"""What leaves for Temporal after a transaction has ended: starts and signals.

Workflow ids are derived, so that releasing twice is harmless; a process that dies before it
releases, or finds Temporal away, leaves the work to the sweep.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.clock import utc_now
from domain.errors import Unavailable
from domain.ids import (
    cancel_fanout_workflow_id,
    recipient_run_workflow_id,
    trigger_fanout_workflow_id,
)
from domain.principals import EnvironmentScope
from domain.queues import RUNS
from domain.runs import CancelFanoutInput, RecipientRunInput, TriggerFanoutInput
from models.queries import cancellations, triggers
from runtime.logs import get_logger
from runtime.platform import Platform
from runtime.temporal import is_away
from temporal_workflows import CancelFanoutWorkflow, RecipientRunWorkflow, TriggerFanoutWorkflow
from temporal_workflows.search_attributes import search_attributes
from temporal_workflows.signals import CANCEL_REQUESTED

_log = get_logger(__name__)

STARTS_AT_ONCE = 32
# After Temporal was found away, requests leave their starts to the sweep for this long, instead
# of each waiting for the same time-out.
_LOOK_AGAIN_SECONDS = 1.0
_AWAY_UNTIL = "temporal_away_until"
_BACKGROUND = "background_tasks"
_URGENT, _BULK = 2, 4


async def release_trigger(
    platform: Platform,
    environment: EnvironmentScope,
    workflow_run_id: UUID,
    *,
    recipient_count: int,
    patience: float | None = None,
) -> bool:
    """Start a trigger's runs: few of them here, many by a fan-out.

    Args:
        platform: the parts of this process.
        environment: where.
        workflow_run_id: the trigger.
        recipient_count: how many runs it has.
        patience: seconds to wait for Temporal; None means the request's own.

    Returns:
        Whether all are started, or certain to be.
    """

    async def start() -> None:
        if recipient_count <= platform.settings.inline_start_limit:
            await _start_inline(platform, workflow_run_id)
        else:
            await _start_trigger_fanout(platform.temporal, environment, workflow_run_id)

    async def note() -> None:
        async with platform.database.connection() as connection:
            await triggers.mark_released(connection, workflow_run_id, utc_now())

    return recipient_count == 0 or await _release(platform, start, note, patience)


async def release_cancellation(
    platform: Platform,
    environment: EnvironmentScope,
    cancellation_id: UUID,
    *,
    run_count: int,
    patience: float | None = None,
) -> bool:
    """Wake a cancellation's runs, so that they end now and not when their wait does.

    Returns:
        Whether all are told, or certain to be.
    """

    async def start() -> None:
        if run_count <= platform.settings.inline_start_limit:
            async with platform.database.connection() as connection:
                rows = await cancellations.cancelled_runs(connection, cancellation_id)
            await each_at_once(rows, lambda row: signal_cancelled_run(platform.temporal, row))
        else:
            await _start_cancel_fanout(platform.temporal, environment, cancellation_id)

    async def note() -> None:
        async with platform.database.connection() as connection:
            await cancellations.mark_released(connection, cancellation_id, utc_now())

    return await _release(platform, start, note, patience)


async def _release(
    platform: Platform,
    start: Callable[[], Awaitable[None]],
    note: Callable[[], Awaitable[None]],
    patience: float | None,
) -> bool:
    """Do what a transaction promised; the sweep does it when Temporal is away."""
    requested = patience is None
    if requested and time.monotonic() < platform.memory.get(_AWAY_UNTIL, 0.0):
        return False
    try:
        async with asyncio.timeout(patience or platform.settings.start_timeout_seconds):
            await start()
    except (RPCError, TimeoutError, RuntimeError, Unavailable) as error:
        # Whatever it is, the caller was promised the work: it is accepted, and the sweep's now.
        _note_failure(platform, error)
        return False
    if requested:
        _in_background(platform, note())
    else:
        await note()
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


def _in_background(platform: Platform, work: Awaitable[None]) -> None:
    """Run a note after the answer; when it is lost the sweep finds everything started already."""
    tasks: set[asyncio.Future[None]] = platform.memory.setdefault(_BACKGROUND, set())
    task = asyncio.ensure_future(_forgiving(work))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _forgiving(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # whatever it is, the sweep repeats the note
        _log.warning("note_lost", error=type(error).__name__)


async def _start_inline(platform: Platform, workflow_run_id: UUID) -> None:
    async with platform.database.connection() as connection:
        rows = await triggers.startable_runs(connection, workflow_run_id)
    await each_at_once(rows, lambda row: start_run(platform.temporal, row))


async def start_run(
    client: Client, row: dict[str, Any], *, eager: bool = False, bulk: bool = False
) -> None:
    """Start one run; one that was started before is left alone.

    Args:
        client: Temporal.
        row: of `models.queries.triggers.startable_runs`.
        eager: ask for the first task in the answer; needs a worker of `runs` on this client.
        bulk: let single triggers go first.
    """
    try:
        await client.start_workflow(
            RecipientRunWorkflow.run,
            RecipientRunInput(row["id"], str(row["environment_id"])),
            id=recipient_run_workflow_id(row["environment"], row["workflow_key"], row["id"]),
            task_queue=RUNS,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                environment=row["environment"],
                workflow_key=row["workflow_key"],
                recipient_id=row["recipient_id"],
                tenant=row["tenant_id"],
                cancellation_key=row["cancellation_key"],
                workflow_run_id=str(row["workflow_run_id"]),
            ),
            static_summary=f"{row['workflow_key']} in {row['environment']}",
            request_eager_start=eager,
            priority=_priority(row["tenant_id"] or row["environment"], bulk=bulk),
        )
    except WorkflowAlreadyStartedError:
        return


async def signal_cancelled_run(client: Client, row: dict[str, Any]) -> None:
    """Wake one cancelled run; one that is not there (ended, or never started) needs no waking."""
    workflow_id = recipient_run_workflow_id(row["environment"], row["workflow_key"], row["id"])
    try:
        await client.get_workflow_handle(workflow_id).signal(CANCEL_REQUESTED)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _start_trigger_fanout(
    client: Client, environment: EnvironmentScope, workflow_run_id: UUID
) -> None:
    await _start_fanout(
        client,
        TriggerFanoutWorkflow.run,
        TriggerFanoutInput(str(workflow_run_id), str(environment.id)),
        workflow_id=trigger_fanout_workflow_id(environment.slug, str(workflow_run_id)),
        environment=environment.slug,
        workflow_run_id=str(workflow_run_id),
    )


async def _start_cancel_fanout(
    client: Client, environment: EnvironmentScope, cancellation_id: UUID
) -> None:
    await _start_fanout(
        client,
        CancelFanoutWorkflow.run,
        CancelFanoutInput(str(cancellation_id), str(environment.id)),
        workflow_id=cancel_fanout_workflow_id(environment.slug, str(cancellation_id)),
        environment=environment.slug,
    )


async def _start_fanout(
    client: Client,
    run: Callable[..., Any],
    order: TriggerFanoutInput | CancelFanoutInput,
    *,
    workflow_id: str,
    environment: str,
    workflow_run_id: str = "",
) -> None:
    try:
        await client.start_workflow(
            run,
            order,
            id=workflow_id,
            task_queue=RUNS,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                environment=environment, workflow_run_id=workflow_run_id
            ),
            priority=_priority(environment, bulk=False),
        )
    except WorkflowAlreadyStartedError:
        return


def _priority(fairness_key: str, *, bulk: bool) -> Priority:
    """One customer's burst must not starve the others; Temporal takes 64 bytes of a key."""
    return Priority(
        priority_key=_BULK if bulk else _URGENT,
        fairness_key=fairness_key.encode()[:64].decode(errors="ignore"),
    )


async def each_at_once(
    rows: Sequence[dict[str, Any]],
    work: Callable[[dict[str, Any]], Awaitable[None]],
    *,
    done: Callable[[int], None] | None = None,
) -> None:
    """Do `work` for every row, a bounded number at a time; the first error ends it all.

    Args:
        rows: what to work on.
        work: what to do with one.
        done: told after each bounded group how many rows are done.
    """
    async for count in _groups(rows, work):
        if done is not None:
            done(count)


async def _groups(
    rows: Sequence[dict[str, Any]], work: Callable[[dict[str, Any]], Awaitable[None]]
) -> AsyncIterator[int]:
    for first in range(0, len(rows), STARTS_AT_ONCE):
        group = rows[first : first + STARTS_AT_ONCE]
        await asyncio.gather(*(work(row) for row in group))
        yield first + len(group)


async def release_left_over(
    platform: Platform, *, limit: int = 200, beat: Callable[[], None] = lambda: None
) -> int:
    """Release what stayed unreleased for longer than the sweep's interval; answers how much.

    Args:
        platform: the parts of this process.
        limit: most triggers, and most cancellations, at once; the next sweep takes more.
        beat: called after each, for heartbeats.
    """
    age = timedelta(seconds=platform.settings.sweep_seconds)
    now = utc_now()
    async with platform.database.connection() as connection:
        accepted = await triggers.unreleased_triggers(connection, now=now, age=age, limit=limit)
        cancelled = await cancellations.unreleased_cancellations(
            connection, now=now, age=age, limit=limit
        )
    released = 0
    for row in accepted:
        scope = EnvironmentScope(row["environment_id"], row["environment"])
        released += await release_trigger(
            platform, scope, row["id"], recipient_count=row["recipient_count"], patience=30.0
        )
        beat()
    for row in cancelled:
        scope = EnvironmentScope(row["environment_id"], row["environment"])
        released += await release_cancellation(
            platform, scope, row["id"], run_count=row["run_count"], patience=30.0
        )
        beat()
    return released
