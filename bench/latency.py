"""How long a caller waits: the trigger request under load, and trigger to feed item when idle."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import httpx

from bench.floor import QUEUE, FloorWorkflow, floor_arguments
from bench.report import Result, judged
from bench.session import Session, person
from domain.kit.ids import new_id

_RATE = 20.0
_WINDOW_REQUESTS = 100
_ROUNDS = 3
_IDLE_SAMPLES = 40
_IDLE_PAUSE_SECONDS = 0.15

Call = Callable[[int], Awaitable[None]]


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample below which `share` of them lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


async def offered(call: Call, count: int) -> list[float]:
    """Make calls at a fixed rate, however long each takes, and return the seconds of each."""
    took: list[float] = []

    async def one(number: int) -> None:
        started = time.perf_counter()
        await call(number)
        took.append(time.perf_counter() - started)

    begun = time.perf_counter()
    tasks = []
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number / _RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    return took


async def measure_trigger_request(session: Session) -> list[Result]:
    """The trigger request for one recipient against a bare Temporal start, 20 per second offered.

    Once it only names a recipient, and once it names a tenant and describes its actor, as most
    requests of products with accounts do.
    """

    async def trigger(number: int) -> None:
        await session.trigger("bench-in-app", [person(number)])

    async def trigger_with_people(number: int) -> None:
        actor = {"id": person(number + 500), "name": f"Person {number + 500}"}
        await session.trigger("bench-in-app", [person(number)], tenant="bench", actor=actor)

    async def start(number: int) -> None:
        await session.temporal.start_workflow(
            FloorWorkflow.run,
            args=floor_arguments(str(number)),
            id=f"floor/{new_id()}",
            task_queue=QUEUE,
        )

    bare: list[list[float]] = []
    ours: dict[str, list[list[float]]] = {"": [], " with tenant and actor": []}
    for _ in range(_ROUNDS):
        bare.append(await offered(start, _WINDOW_REQUESTS))
        for call, rounds in zip((trigger, trigger_with_people), ours.values(), strict=True):
            rounds.append(await offered(call, _WINDOW_REQUESTS))
    results = []
    for kind, rounds in ours.items():
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            value, floor = (
                1000 * percentile([sample for one in samples for sample in one], share)
                for samples in (rounds, bare)
            )
            results.append(
                judged(
                    f"trigger request{kind} {name}, 20/s offered",
                    value,
                    "ms",
                    floor=floor,
                    ratio=value / floor,
                    at_most=2.5,
                    rounds=[
                        percentile(mine, share) / percentile(start_only, share)
                        for mine, start_only in zip(rounds, bare, strict=True)
                    ],
                )
            )
    return results


async def measure_idle(session: Session) -> list[Result]:
    """Trigger until the feed item can be read, against a bare run from start to result."""
    ours, bare = [], []
    public = session.stack.environments["development"].public_key
    async with httpx.AsyncClient(
        base_url=session.stack.api_url, headers={"authorization": f"Bearer {public}"}
    ) as browser:
        for number in range(_IDLE_SAMPLES):
            bare.append(await _bare_run(session))
            await asyncio.sleep(_IDLE_PAUSE_SECONDS)
            ours.append(await _trigger_to_feed(session, browser, person(number)))
            await asyncio.sleep(_IDLE_PAUSE_SECONDS)
    value, floor = 1000 * statistics.median(ours), 1000 * statistics.median(bare)
    return [
        judged(
            "idle: trigger request to readable feed item, p50",
            value,
            "ms",
            floor=floor,
            ratio=value / floor,
            at_most=3.0,
        )
    ]


async def _bare_run(session: Session) -> float:
    started = time.perf_counter()
    await session.temporal.execute_workflow(
        FloorWorkflow.run,
        args=floor_arguments("idle"),
        id=f"floor/{new_id()}",
        task_queue=QUEUE,
    )
    return time.perf_counter() - started


async def _trigger_to_feed(session: Session, browser: httpx.AsyncClient, user: str) -> float:
    channel = session.stack.channels["in_app_feed"].id
    path = f"/v1/users/{user}/feeds/{channel}"
    before = (await browser.get(path, params={"page_size": 1})).json()["meta"]["total_count"]
    started = time.perf_counter()
    await session.trigger("bench-in-app", [user])
    async with asyncio.timeout(30):
        while True:
            answer = await browser.get(path, params={"page_size": 1})
            if answer.json()["meta"]["total_count"] > before:
                return time.perf_counter() - started
