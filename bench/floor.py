"""The floor: what Temporal itself costs for a workflow of the same shape, with no work in it.

Run as a module it is the floor's worker process; `floor_workers` starts and stops such processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker

from runtime.settings import Settings

QUEUE = "bench-floor"
DELIVERY_QUEUE = "bench-floor-delivery"


@dataclass(frozen=True, slots=True)
class FloorInput:
    """Ids only, like a recipient run's."""

    run_id: str
    environment_id: str


@activity.defn(name="floor_local")
async def floor_local(order: FloorInput) -> str:
    """Do nothing, where a run walks."""
    return order.run_id


@activity.defn(name="floor_regular")
async def floor_regular(order: FloorInput) -> str:
    """Do nothing, where a run delivers."""
    return order.run_id


@workflow.defn(name="Floor")
class FloorWorkflow:
    """One empty local activity; when asked for, an empty regular one, or a sleep and another."""

    @workflow.run
    async def run(self, order: FloorInput, regular: bool, until: float) -> str:
        """Do what is asked for, and return the run id.

        Args:
            order: whose run it would be.
            regular: whether something is delivered.
            until: when it wakes again, in epoch seconds; 0: it does not sleep.
        """
        await workflow.execute_local_activity(
            floor_local, order, start_to_close_timeout=timedelta(seconds=5)
        )
        if until:
            await workflow.sleep(max(0.0, until - workflow.time()))
            await workflow.execute_local_activity(
                floor_local, order, start_to_close_timeout=timedelta(seconds=5)
            )
        if regular:
            await workflow.execute_activity(
                floor_regular,
                order,
                task_queue=DELIVERY_QUEUE,
                start_to_close_timeout=timedelta(seconds=60),
            )
        return order.run_id


def floor_arguments(
    run_id: str, *, regular: bool = False, until: float = 0.0
) -> list[FloorInput | bool | float]:
    """Return what `FloorWorkflow.run` takes, all of it.

    Where one is missing Temporal's SDK leaves the types of all of them unread, and the workflow
    gets an untyped mapping.
    """
    return [FloorInput(run_id, "bench"), regular, until]


async def connect(address: str) -> Client:
    """Connect as the product does."""
    return await Client.connect(address, grpc_compression=GrpcCompression.NONE)


async def work(address: str) -> None:
    """Work the floor's queues with the settings of the product's workers, until SIGTERM."""
    settings = Settings()
    client = await connect(address)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runs = Worker(
        client,
        task_queue=QUEUE,
        workflows=[FloorWorkflow],
        activities=[floor_local],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.worker_cached_workflows,
        max_concurrent_workflow_tasks=settings.worker_workflow_slots,
        max_concurrent_local_activities=settings.worker_local_slots,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(settings.worker_pollers),
        nonsticky_to_sticky_poll_ratio=settings.worker_new_run_pollers,
    )
    deliveries = Worker(
        client,
        task_queue=DELIVERY_QUEUE,
        activities=[floor_regular],
        max_concurrent_activities=settings.worker_delivery_slots,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(4),
    )
    async with runs, deliveries:
        print("ready", flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def floor_workers(address: str, *, processes: int) -> AsyncIterator[list[int]]:
    """Run the floor's worker processes for the length of a block, and yield their process ids."""
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.floor",
            "--address",
            address,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            await asyncio.wait_for(child.stdout.readline(), 30)
        yield [child.pid for child in children]
    finally:
        for child in children:
            child.terminate()
        await asyncio.gather(*(child.wait() for child in children))


def main() -> None:
    """Be a worker process of the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(parser.parse_args().address))


if __name__ == "__main__":
    main()
