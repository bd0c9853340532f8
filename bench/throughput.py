"""Runs per second, in turns with the floor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.floor import QUEUE, FloorInput, FloorWorkflow
from bench.report import Result, judged
from bench.session import Session, person
from commands.dev.client import DevStack
from domain.kit.ids import new_id
from runtime.settings import child_environment

_ROUNDS = 3
_RECIPIENTS = 100
_TRIGGERS_AT_ONCE = 2
_FLOOR_AT_ONCE = 50
_CORES_FOR_TWO = 4

_DONE = """
SELECT count(*) FROM recipient_runs
WHERE workflow_run_id = ANY(%s::uuid[]) AND status = 'completed'
"""
_SENT = """
SELECT count(*) FROM messages WHERE workflow_run_id = ANY(%s::uuid[]) AND delivery_status = 'sent'
"""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Medians over the rounds in runs per second, their ratios, and the last one's CPU by part."""

    product: float
    floor: float
    ratios: list[float]
    milliseconds: dict[str, float]


async def floor_rate(session: Session, runs: int, *, regular: bool) -> float:
    """Complete floor workflows, fifty at a time, and return runs per second."""
    gate = asyncio.Semaphore(_FLOOR_AT_ONCE)
    batch = new_id()

    async def one(number: int) -> None:
        async with gate:
            await session.temporal.execute_workflow(
                FloorWorkflow.run,
                args=[FloorInput(str(number), "bench"), regular],
                id=f"floor/{batch}/{number}",
                task_queue=QUEUE,
            )

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(runs)))
    return runs / (time.perf_counter() - started)


async def product_rate(session: Session, workflow: str, runs: int, *, done: str = _DONE) -> float:
    """Complete runs, triggered for a hundred people at a time, and return runs per second."""
    gate = asyncio.Semaphore(_TRIGGERS_AT_ONCE)

    async def one(number: int) -> None:
        people = [person(number * _RECIPIENTS + index) for index in range(_RECIPIENTS)]
        async with gate:
            run = await session.trigger(workflow, people)
            await session.wait_for(done, [run], until=_RECIPIENTS)

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(runs // _RECIPIENTS)))
    return runs / (time.perf_counter() - started)


async def compare(
    session: Session, workflow: str, runs: int, *, regular: bool, done: str = _DONE
) -> Throughput:
    """Measure product and floor in turns."""
    floor, product = [], []
    cost: dict[str, float] = {}
    await product_rate(session, workflow, _RECIPIENTS, done=done)
    for _ in range(_ROUNDS):
        floor.append(await floor_rate(session, runs, regular=regular))
        session.meter.lap()
        product.append(await product_rate(session, workflow, runs, done=done))
        cost = session.meter.lap().per(runs)
    ratios = [mine / bare for mine, bare in zip(product, floor, strict=True)]
    return Throughput(statistics.median(product), statistics.median(floor), ratios, cost)


async def measure_in_app(session: Session) -> list[Result]:
    """Single-step in-app runs against `floor`."""
    found = await compare(session, "bench-in-app", 600, regular=False)
    return [
        judged(
            "in-app runs",
            found.product,
            "runs/s",
            floor=found.floor,
            ratio=found.product / found.floor,
            at_least=0.8,
            rounds=found.ratios,
        ),
        *[
            Result(f"CPU of {part} per in-app run", value, "ms")
            for part, value in found.milliseconds.items()
            if part != "floor"
        ],
    ]


async def measure_email(session: Session) -> list[Result]:
    """E-mail runs through SMTP against `floor+1`."""
    found = await compare(session, "bench-email", 400, regular=True, done=_SENT)
    return [
        judged(
            "e-mail runs (SMTP)",
            found.product,
            "runs/s",
            floor=found.floor,
            ratio=found.product / found.floor,
            at_least=0.7,
            rounds=found.ratios,
        )
    ]


async def measure_six_steps(session: Session) -> list[Result]:
    """Runs of six non-waiting steps, three of them in-app, against single-step in-app runs."""
    single, six = [], []
    for _ in range(_ROUNDS):
        single.append(await product_rate(session, "bench-in-app", 400))
        six.append(await product_rate(session, "bench-six", 400))
    value, base = statistics.median(six), statistics.median(single)
    return [
        judged(
            "six-step runs / single-step in-app",
            value,
            "runs/s",
            floor=base,
            ratio=value / base,
            at_least=0.7,
            rounds=[mine / one for mine, one in zip(six, single, strict=True)],
        )
    ]


async def measure_thousand(session: Session) -> list[Result]:
    """One trigger for a thousand people until the last feed item is stored, in turns with rates."""
    took, rates = [], []
    for _ in range(_ROUNDS):
        rates.append(await product_rate(session, "bench-in-app", 600))
        started = time.perf_counter()
        run = await session.trigger("bench-in-app", [person(number) for number in range(1000)])
        await session.wait_for(
            "SELECT count(*) FROM messages WHERE workflow_run_id = %s", run, until=1000
        )
        took.append(time.perf_counter() - started)
    value, expected = statistics.median(took), 1000 / statistics.median(rates)
    return [
        judged(
            "1,000-recipient trigger to the last feed item",
            value,
            "s",
            floor=expected,
            ratio=value / expected,
            at_most=1.25,
            rounds=[mine * rate / 1000 for mine, rate in zip(took, rates, strict=True)],
        )
    ]


async def measure_two_workers(session: Session) -> list[Result]:
    """Two worker processes against one, in turns."""
    one, two = [], []
    for _ in range(_ROUNDS):
        one.append(await product_rate(session, "bench-in-app", 600))
        async with _second_worker(session.stack):
            two.append(await product_rate(session, "bench-in-app", 600))
    base, value = statistics.median(one), statistics.median(two)
    # Server, database, client and one worker fill two cores: a second worker has none to run on.
    has_free_cores = (os.cpu_count() or 1) >= _CORES_FOR_TWO
    return [
        judged(
            "two worker processes / one",
            value,
            "runs/s",
            floor=base,
            ratio=value / base,
            at_least=1.0 if has_free_cores else None,
        )
    ]


@contextlib.asynccontextmanager
async def _second_worker(stack: DevStack) -> AsyncIterator[None]:
    home = Path(stack.mail_dir).parent
    ready = home / "second-worker-ready"
    ready.unlink(missing_ok=True)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "commands.cli",
        "worker",
        env=child_environment(
            CARILLON_DATABASE_URL=stack.database_url,
            CARILLON_TEMPORAL_ADDRESS=stack.temporal_address,
            CARILLON_READY_FILE=str(ready),
            CARILLON_SECRET_KEY=(home / "secret.key").read_text().strip(),
            CARILLON_LOG_LEVEL="error",
        ),
    )
    try:
        async with asyncio.timeout(60):
            while not ready.exists():
                await asyncio.sleep(0.1)
        yield
    finally:
        child.terminate()
        await child.wait()
