"""Runs per second, in turns with the floor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.floor import QUEUE, FloorWorkflow, floor_arguments
from bench.report import Result, beside, judged
from bench.session import DATA, Session, person
from commands.dev.client import DevStack
from domain.kit.ids import new_id
from runtime.process_environment import child_environment

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
    """Runs per second of each round, and the last one's CPU by part."""

    product: list[float]
    floor: list[float]
    milliseconds: dict[str, float]

    def judged(self, name: str, unit: str, *, at_least: float) -> Result:
        """Build the result of a rate against its floor."""
        return beside(name, self.product, self.floor, unit, at_least=at_least)

    def costs(self, of: str) -> list[Result]:
        """Build the results of what each part has used for one of something."""
        return [
            Result(f"CPU of {part} per {of}", value, "ms")
            for part, value in self.milliseconds.items()
            if part != "floor"
        ]


async def floor_rate(session: Session, runs: int, *, regular: bool) -> float:
    """Complete floor workflows, fifty at a time, and return runs per second."""
    gate = asyncio.Semaphore(_FLOOR_AT_ONCE)
    batch = new_id()

    async def one(number: int) -> None:
        async with gate:
            await session.temporal.execute_workflow(
                FloorWorkflow.run,
                args=floor_arguments(str(number), regular=regular),
                id=f"floor/{batch}/{number}",
                task_queue=QUEUE,
            )

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(runs)))
    return runs / (time.perf_counter() - started)


async def product_rate(
    session: Session,
    workflow: str,
    runs: int,
    *,
    done: str = _DONE,
    first: int = 0,
    data: Mapping[str, str] | None = None,
) -> float:
    """Complete runs, triggered for a hundred people at a time, and return runs per second.

    Args:
        session: the stack.
        workflow: what is triggered.
        runs: how many, in hundreds.
        done: counts the runs of some triggers that have come as far as is measured.
        first: the number of the first person.
        data: beside what every trigger carries.
    """
    gate = asyncio.Semaphore(_TRIGGERS_AT_ONCE)

    async def one(number: int) -> None:
        start = first + number * _RECIPIENTS
        people = [person(start + index) for index in range(_RECIPIENTS)]
        async with gate:
            run = await session.trigger(workflow, people, data={**DATA, **(data or {})})
            await session.wait_for(done, [run], until=_RECIPIENTS)

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(runs // _RECIPIENTS)))
    return runs / (time.perf_counter() - started)


async def compare(
    session: Session,
    workflow: str,
    runs: int,
    *,
    regular: bool,
    done: str = _DONE,
    data: Mapping[str, str] | None = None,
) -> Throughput:
    """Measure product and floor in turns; for the rest see `product_rate`."""
    await product_rate(session, workflow, _RECIPIENTS, done=done, data=data)
    return await _in_turns(
        session,
        runs,
        product=lambda: product_rate(session, workflow, runs, done=done, data=data),
        floor=lambda: floor_rate(session, runs, regular=regular),
    )


async def beside_in_app(
    session: Session, workflow: str, runs: int, *, done: str = _DONE
) -> Throughput:
    """Measure a workflow in turns with single-step in-app runs, which are its floor."""
    return await _in_turns(
        session,
        runs,
        product=lambda: product_rate(session, workflow, runs, done=done),
        floor=lambda: product_rate(session, "bench-in-app", runs),
    )


async def _in_turns(
    session: Session,
    runs: int,
    *,
    product: Callable[[], Awaitable[float]],
    floor: Callable[[], Awaitable[float]],
) -> Throughput:
    products, floors = [], []
    cost: dict[str, float] = {}
    for _ in range(_ROUNDS):
        floors.append(await floor())
        session.meter.lap()
        products.append(await product())
        cost = session.meter.lap().per(runs)
    return Throughput(products, floors, cost)


async def measure_in_app(session: Session) -> list[Result]:
    """Single-step in-app runs against `floor`."""
    found = await compare(session, "bench-in-app", 600, regular=False)
    return [
        found.judged("in-app runs", "runs/s", at_least=0.8),
        *found.costs("in-app run"),
    ]


async def measure_email(session: Session) -> list[Result]:
    """E-mail runs through SMTP against `floor+1`."""
    found = await compare(session, "bench-email", 400, regular=True, done=_SENT)
    return [found.judged("e-mail runs (SMTP)", "runs/s", at_least=0.7)]


async def measure_six_steps(session: Session) -> list[Result]:
    """Runs of six non-waiting steps, three of them in-app, against single-step in-app runs."""
    found = await beside_in_app(session, "bench-six", 400)
    return [found.judged("six-step runs / single-step in-app", "runs/s", at_least=0.7)]


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
