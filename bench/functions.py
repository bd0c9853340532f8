"""Runs that do more than make a message: batches, throttles, fetches, preferences; in turns."""

from __future__ import annotations

import asyncio
import time

from bench.report import Result, beside
from bench.session import DATA, Session, person
from bench.throughput import beside_in_app, compare, product_rate
from domain.kit.ids import new_id
from tests.support.webhook_target import listening_target

_ROUNDS = 3
_GATHERED = 1_000
_AT_ONCE = 8
# Halves of the thousand people, with preferences of their own and without.
_HALF = 500
_PATH = "/account"

_JOINED = """
SELECT count(*) FROM recipient_runs
WHERE workflow_run_id = ANY(%s::uuid[]) AND status IN ('completed', 'paused')
"""
# Such as a preference center of some pages writes.
_PREFERENCES = {
    "channel_types": {"email": True, "in_app_feed": True, "sms": False},
    "categories": {"news": True, "digests": {"channel_types": {"email": False}}},
    "workflows": {
        "bench-in-app": {
            "channel_types": {
                "in_app_feed": {
                    "conditions": [
                        {
                            "variable": "recipient.muted",
                            "operator": "not_contains",
                            "argument": "data.page",
                        }
                    ]
                }
            }
        }
    },
}


async def measure_batches(session: Session) -> list[Result]:
    """Items that join open batches, against single-step in-app runs."""
    await product_rate(session, "bench-batch", 400, done=_JOINED)
    found = await beside_in_app(session, "bench-batch", 400, done=_JOINED)
    return [
        found.judged("batch items / single-step in-app", "items/s", at_least=0.7),
        *found.costs("batch item"),
    ]


async def measure_gathering(session: Session) -> list[Result]:
    """A thousand triggers for one person until their one message, against as many messages."""
    single, gathered = [], []
    for _ in range(_ROUNDS):
        single.append(await _burst(session, "bench-in-app", messages=_GATHERED))
        gathered.append(await _burst(session, "bench-gather", messages=1))
    name = "1,000 items into one message / 1,000 messages"
    return [beside(name, gathered, single, "s", at_most=1.25)]


async def _burst(session: Session, workflow: str, *, messages: int) -> float:
    """Trigger a thousand times for one person; return the seconds to the last message."""
    gate = asyncio.Semaphore(_AT_ONCE)
    # The batch key, so that each burst has a batch of its own.
    data = {**DATA, "page": str(new_id())}

    async def one() -> str:
        async with gate:
            return await session.trigger(workflow, [person(0)], data=data)

    started = time.perf_counter()
    runs = await asyncio.gather(*(one() for _ in range(_GATHERED)))
    await session.wait_for(
        "SELECT count(*) FROM messages WHERE workflow_run_id = ANY(%s::uuid[])",
        list(runs),
        until=messages,
    )
    return time.perf_counter() - started


async def measure_throttle(session: Session) -> list[Result]:
    """Runs that a throttle stops, against single-step in-app runs."""
    await product_rate(session, "bench-throttle", 400)
    found = await beside_in_app(session, "bench-throttle", 400)
    return [
        found.judged("throttle decisions / single-step in-app", "decisions/s", at_least=0.8),
        *found.costs("throttle decision"),
    ]


async def measure_fetch(session: Session) -> list[Result]:
    """Runs through a branch, a fetch and an in-app message, against `floor+1`."""
    async with listening_target() as target:
        target.bodies[_PATH] = b'{"plan": "pro"}'
        data = {"url": f"{target.url}{_PATH}"}
        found = await compare(session, "bench-fetch", 300, regular=True, data=data)
    return [
        found.judged("branch + fetch + in-app runs", "runs/s", at_least=0.6),
        *found.costs("branch + fetch + in-app run"),
    ]


async def measure_preferences(session: Session) -> list[Result]:
    """What preferences cost a run: CPU of workers and database, in turns without and with them."""
    await _prefer(session)
    plain, judged_runs = [], []
    await product_rate(session, "bench-in-app", _HALF)
    for _ in range(_ROUNDS):
        plain.append(await _cpu(session, first=_HALF))
        judged_runs.append(await _cpu(session, first=0))
    name = "CPU of an in-app run with preferences / without"
    return [beside(name, judged_runs, plain, "ms", at_most=1.05)]


async def _prefer(session: Session) -> None:
    """Give the first half of the people preferences."""
    answer = await session.api.post(
        "/v1/users/bulk/preferences",
        json={"user_ids": [person(n) for n in range(_HALF)], "preferences": _PREFERENCES},
    )
    answer.raise_for_status()
    await session.wait_for(
        "SELECT count(*) FROM bulk_operations WHERE id = %s AND status = 'completed'",
        answer.json()["id"],
        until=1,
    )


async def _cpu(session: Session, *, first: int) -> float:
    """Return the milliseconds of CPU of workers and database for one in-app run."""
    session.meter.lap()
    await product_rate(session, "bench-in-app", _HALF, first=first)
    cost = session.meter.lap().per(_HALF)
    return cost["worker"] + cost["postgres"]
