"""Runs per second, in turns with the floor."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

from bench.floor import QUEUE, FloorInput, FloorWorkflow
from bench.report import Result, judged
from bench.session import Session, person
from domain.kit.ids import new_id

ROUNDS = 3
_RECIPIENTS = 100
_TRIGGERS_AT_ONCE = 2
_FLOOR_AT_ONCE = 50

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
    """Complete floor workflows, fifty at a time; answers runs per second."""
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
    """Complete runs, triggered for a hundred people at a time; answers runs per second."""
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
    for _ in range(ROUNDS):
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
    for _ in range(ROUNDS):
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
    for _ in range(ROUNDS):
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
