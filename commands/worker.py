"""A worker process: one Temporal worker per queue, all on one client."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import temporalio
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import Priority, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import activities_by_queue
from activities.faults import SafeFailures
from activities.sweep import DUTIES
from commands.processes import LOOK_SECONDS
from domain.contract.jobs import SweepInput
from domain.contract.queues import ALL_QUEUES, BULK, FANOUT, RUNS, SWEEP
from domain.kit.errors import Unavailable
from runtime.logs import get_logger
from runtime.memory import settle_memory
from runtime.settings import Settings
from runtime.temporal import is_away, is_unreachable
from services.channels.sealing import list_unreadable
from services.composition import open_engine
from services.content.variables import list_unreadable_variables
from services.engine import Engine
from temporal_workflows import WORKFLOWS, SweepWorkflow

_log = get_logger(__name__)

# Of the schedule, and of the executions that it starts.
SWEEP_SCHEDULE_ID = "carillon-sweep"
_LONGEST_SWEEP = timedelta(minutes=10)
_PASSTHROUGH = ("domain", "temporal_workflows", "activities")
_CONNECT_WAIT_SECONDS = 0.5
# What trying again changes nothing about.
_REFUSALS = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
}
# Often enough for the supervisor to see a change at each look.
_BEAT_SECONDS = LOOK_SECONDS / 2
# Two chunks start 64 runs at once, which is what a process can take as eager tasks. More at a time
# made a trigger for a thousand a quarter slower: the rest of the starts took the long way.
_FEW_SLOTS = 2
# Each keeps a connection of the database busy for as long as it lasts; those that wait are in no
# hurry.
_BULK_SLOTS = 4
# The SDK holds heartbeats back for most of their time-out; held back longer, the restart of a
# Temporal server would look like the death of every worker with a slow delivery.
_BEAT_THROTTLE = timedelta(seconds=5)
# Attempts at deliveries outlive their activities; a process that stops gives them this long.
_LATE_SECONDS = 2.0


def workflow_runner(settings: Settings) -> WorkflowRunner:
    """Return how workflow code runs: unsandboxed in production, sandboxed in the tests.

    The sandbox costs a worker two to four times its CPU; the import contract keeps the workflow
    package pure, and the tests replay every recorded history inside the sandbox.
    """
    if not settings.worker_sandbox:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*_PASSTHROUGH)
    )


def build_workers(engine: Engine, queues: tuple[str, ...]) -> list[Worker]:
    """Join workflows and activities to the queues that this process works.

    Raises:
        ValueError: a queue is not one of `domain.contract.queues.ALL_QUEUES`.
    """
    unknown = sorted(set(queues) - set(ALL_QUEUES))
    if unknown:
        raise ValueError(f"unknown queue: {', '.join(unknown)}; known: {', '.join(ALL_QUEUES)}")
    settings = engine.settings
    table = activities_by_queue(engine, queues)
    return [_build_worker(engine.temporal, settings, queue, table[queue]) for queue in queues]


def _build_worker(
    client: Client, settings: Settings, queue: str, activities: list[Callable[..., Any]]
) -> Worker:
    grace = timedelta(seconds=settings.shutdown_seconds)
    # An explicit build id saves hashing every loaded module at start.
    deployment = WorkerDeploymentConfig(
        version=WorkerDeploymentVersion("carillon", "1"), use_worker_versioning=False
    )
    if queue == RUNS:
        return Worker(
            client,
            task_queue=queue,
            activities=activities,
            interceptors=[SafeFailures()],
            workflows=WORKFLOWS,
            workflow_runner=workflow_runner(settings),
            max_cached_workflows=settings.worker_cached_workflows,
            max_concurrent_workflow_tasks=settings.worker_workflow_slots,
            max_concurrent_local_activities=settings.worker_local_slots,
            max_concurrent_activities=settings.worker_local_slots,
            workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(settings.worker_pollers),
            nonsticky_to_sticky_poll_ratio=settings.worker_new_run_pollers,
            activity_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
            graceful_shutdown_timeout=grace,
            deployment_config=deployment,
        )
    few = {FANOUT: _FEW_SLOTS, BULK: _BULK_SLOTS, SWEEP: len(DUTIES)}
    slots = few.get(queue, settings.worker_delivery_slots)
    return Worker(
        client,
        task_queue=queue,
        activities=activities,
        interceptors=[SafeFailures()],
        max_concurrent_activities=slots,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(min(slots, 4)),
        max_heartbeat_throttle_interval=_BEAT_THROTTLE,
        graceful_shutdown_timeout=grace,
        deployment_config=deployment,
    )


async def run_worker(settings: Settings, queues: tuple[str, ...] = ALL_QUEUES) -> None:
    """Work queues until SIGTERM or SIGINT, then let what is under way end.

    Touches the file named by `CARILLON_READY_FILE`, if set, when polling has begun, and from then
    on as long as the event loop turns.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with _connected_engine(settings, stopping) as engine:
        if engine is None:
            return
        # Say now, and not at the first message, that a secret key is the wrong one.
        with contextlib.suppress(Unavailable):
            async with engine.connection() as connection:
                if unreadable := await list_unreadable(connection, engine.vault):
                    _log.error("secret_key_does_not_fit", channels=unreadable)
                if variables := await list_unreadable_variables(connection, engine.vault):
                    _log.error("secret_key_does_not_fit", variables=variables)
        workers = build_workers(engine, queues)
        async with contextlib.AsyncExitStack() as running:
            for worker in workers:
                await running.enter_async_context(worker)
            settle_memory()
            _log.info("worker_ready", queues=list(queues), sdk=temporalio.__version__)
            beating = asyncio.create_task(_beat(settings.ready_file))
            if SWEEP in queues:
                await _ensure_sweep_some_time(engine, stopping)
            await stopping.wait()
            beating.cancel()
            _log.info("worker_stopping")
        await engine.deliveries_under_way.end(grace=_LATE_SECONDS)


@contextlib.asynccontextmanager
async def _connected_engine(
    settings: Settings, stopping: asyncio.Event
) -> AsyncIterator[Engine | None]:
    """Lend the engine, after waiting for Temporal as long as it takes; None when told to stop."""
    while not stopping.is_set():
        async with contextlib.AsyncExitStack() as stack:
            try:
                engine = await stack.enter_async_context(
                    open_engine(settings, process="worker", lazy=False)
                )
            except RuntimeError as error:
                if not is_unreachable(error):
                    raise
                _log.warning("temporal_away", detail=str(error)[:200])
                await asyncio.sleep(_CONNECT_WAIT_SECONDS)
                continue
            yield engine
            return
    yield None


async def _beat(ready_file: Path | None) -> None:
    while ready_file is not None:
        ready_file.touch()  # noqa: ASYNC240 - a thread would go on while the loop hangs
        await asyncio.sleep(_BEAT_SECONDS)


async def _ensure_sweep_some_time(engine: Engine, stopping: asyncio.Event) -> None:
    """Try until it is done: only a Temporal that refuses for good ends a worker.

    One that is busy or was killed does not, nor one whose own workflow of the schedule has failed
    for the moment: the worker works on meanwhile, and is ready.
    """
    while not stopping.is_set():
        try:
            await ensure_sweep(engine.temporal, engine.settings)
        except RPCError as error:
            if error.status in _REFUSALS:
                raise
            if is_away(error):
                _log.warning("temporal_away", detail="the sweep's schedule could not be read")
            else:
                _log.warning("sweep_schedule_not_looked_at", detail=error.message[:200])
            await asyncio.sleep(_CONNECT_WAIT_SECONDS)
        else:
            return


async def ensure_sweep(client: Client, settings: Settings) -> None:
    """Have Temporal sweep at the interval of the settings, with the duties that this code knows.

    Of a schedule that is there nothing else is changed: an operator may have paused it.
    """
    every = timedelta(seconds=settings.sweep_seconds)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
    action = ScheduleActionStartWorkflow(
        SweepWorkflow.run,
        SweepInput(list(DUTIES)),
        id=SWEEP_SCHEDULE_ID,
        task_queue=RUNS,
        # One that gets stuck must not keep the next from starting.
        execution_timeout=_LONGEST_SWEEP,
        priority=Priority(priority_key=1),
    )
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1))
    try:
        await client.create_schedule(
            SWEEP_SCHEDULE_ID, Schedule(action=action, spec=spec, policy=policy)
        )
    except ScheduleAlreadyRunningError:

        def updated(seen: ScheduleUpdateInput) -> ScheduleUpdate | None:
            schedule = seen.description.schedule
            schedule.spec = spec
            schedule.action = action
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(SWEEP_SCHEDULE_ID).update(updated)
