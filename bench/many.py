"""What waits in large numbers: runs that sleep, and schedules."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import timedelta

from bench.cost import resident_bytes
from bench.floor import QUEUE, FloorWorkflow, floor_arguments
from bench.report import Result, beside, judged
from bench.session import DATA, Session, person
from bench.throughput import product_rate
from domain.kit.clock import iso, utc_now
from domain.kit.ids import new_id

_TOGETHER = 1_000
_STARTED_AT_ONCE = 50
_LOOK_SECONDS = 0.25
# They have to fall asleep before it is time: at the measured rate, and half of that longer.
_MARGIN, _LEAD_SECONDS = 1.5, 20.0
_PATIENCE = 3.0
_ROUNDS = 3
_OCCURRING = 300
_CREATED_AT_ONCE = 100
_UNTIL_DUE = timedelta(seconds=15)
_IDLE_SECONDS = 20.0

_ASLEEP = """
SELECT count(*) FROM recipient_runs WHERE workflow_run_id = ANY(%s::uuid[]) AND status = 'paused'
"""
_MESSAGES = "SELECT count(*) FROM messages WHERE workflow_run_id = ANY(%s::uuid[])"
_OCCURRED = """
SELECT count(*) FROM messages m JOIN workflow_runs w ON w.id = m.workflow_run_id
WHERE w.source ->> 'type' = 'schedule' AND m.inserted_at >= %s
"""
# Copies of one that the product has made, each due at some time of a year that is far away.
_FILL = """
INSERT INTO schedules
SELECT copy.*
FROM (SELECT * FROM schedules WHERE due_at IS NOT NULL ORDER BY id LIMIT 1) s,
     generate_series(1, %s) AS n,
     LATERAL (SELECT now() + interval '30 days' + n * interval '5 minutes' AS at) AS later,
     LATERAL jsonb_populate_record(NULL::schedules, to_jsonb(s) || jsonb_build_object(
         'id', md5('waits' || n)::uuid, 'due_at', later.at, 'scheduled_at', later.at,
         'next_occurrence_at', later.at)) AS copy
"""


async def measure_sleepers(session: Session) -> list[Result]:
    """Let many runs sleep until one instant: what each keeps in memory, and how they all wake.

    Waking is measured beside as many in-app runs, which the fan-out hands to a worker as it starts
    them, and beside as many workflows of the same shape with no work in them: runs that have
    slept are offered by the server alone.
    """
    count = session.scale.sleepers
    rate = statistics.median(
        [await product_rate(session, "bench-in-app", 600) for _ in range(_ROUNDS)]
    )
    bare = await _wake_floor(session, count, rate)
    workers = session.stack.pids.workers
    before = resident_bytes(workers)
    until = utc_now() + timedelta(seconds=_LEAD_SECONDS + _MARGIN * count / rate)
    data = {**DATA, "until": iso(until)}
    triggers: list[str] = []
    for start in range(0, count, _TOGETHER):
        people = [person(number) for number in range(min(_TOGETHER, count - start))]
        triggers.append(await session.trigger("bench-sleep", people, data=data))
        fallen = start + len(people)
        await session.wait_for(_ASLEEP, triggers, until=fallen)
    grown = max(0, resident_bytes(workers) - before)
    left = (until - utc_now()).total_seconds()
    if left <= 0:
        raise RuntimeError("the runs were not asleep in time: measure again on an idle machine")
    await asyncio.sleep(left)
    started = time.perf_counter()
    expected = count / rate
    await session.wait_for(_MESSAGES, triggers, until=count, seconds=60 + _PATIENCE * expected)
    took = time.perf_counter() - started
    return [
        judged(
            f"worker memory per sleeping run ({count:,} of them)",
            grown / count / 1000,
            "kB",
            at_most=10,
        ),
        judged(
            f"{count:,} runs that wake at one instant / as many in-app runs",
            took,
            "s",
            floor=expected,
            ratio=took / expected,
            at_most=1.25,
        ),
        Result(
            f"{count:,} runs that wake at one instant / as many bare workflows that slept",
            took,
            "s",
            floor=bare,
            ratio=took / bare,
        ),
    ]


async def _wake_floor(session: Session, count: int, rate: float) -> float:
    """Return the seconds from the instant at which many bare workflows wake to the last's end."""
    name = f"floor/{new_id()}"
    gate = asyncio.Semaphore(_STARTED_AT_ONCE)
    until = time.time() + _LEAD_SECONDS + _MARGIN * count / rate

    async def start(number: int) -> None:
        async with gate:
            await session.temporal.start_workflow(
                FloorWorkflow.run,
                args=floor_arguments(str(number), until=until),
                id=f"{name}/{number}",
                task_queue=QUEUE,
            )

    await asyncio.gather(*(start(number) for number in range(count)))
    left = until - time.time()
    if left <= 0:
        raise RuntimeError("the floor was not asleep in time: measure again on an idle machine")
    await asyncio.sleep(left)
    running = f'WorkflowId STARTS_WITH "{name}/" AND ExecutionStatus = "Running"'
    while (await session.temporal.count_workflows(running)).count:
        await asyncio.sleep(_LOOK_SECONDS)
    return time.time() - until


async def measure_schedules(session: Session) -> list[Result]:
    """Let schedules occur, alone and beside very many that wait; and what those cost when idle."""
    count = session.scale.schedules
    alone = [await _occur(session) for _ in range(_ROUNDS)]
    idle = await _idle_cpu(session)
    await _fill(session)
    crowded = [await _occur(session) for _ in range(_ROUNDS)]
    return [
        beside(
            f"{_OCCURRING} schedules beside {count:,} that wait, due to last message",
            crowded,
            alone,
            "s",
            at_most=1.25,
        ),
        Result(
            f"CPU of worker and PostgreSQL in an idle second beside {count:,} schedules",
            await _idle_cpu(session),
            "ms",
            floor=idle,
        ),
    ]


async def _occur(session: Session) -> float:
    """Make schedules that are due at one instant; return the seconds from then to the last."""
    due = utc_now() + _UNTIL_DUE
    for start in range(0, _OCCURRING, _CREATED_AT_ONCE):
        people = [person(start + n) for n in range(_CREATED_AT_ONCE)]
        body = {
            "workflow": "bench-in-app",
            "recipients": people,
            "scheduled_at": iso(due),
            "data": DATA,
        }
        (await session.api.post("/v1/schedules", json=body)).raise_for_status()
    await asyncio.sleep(max(0.0, (due - utc_now()).total_seconds()))
    await session.wait_for(_OCCURRED, due, until=_OCCURRING)
    return (utc_now() - due).total_seconds()


async def _fill(session: Session) -> None:
    """Store schedules that wait for a long time."""
    body = {
        "workflow": "bench-in-app",
        "recipients": [person(0)],
        "scheduled_at": iso(utc_now() + timedelta(days=30)),
        "data": DATA,
    }
    (await session.api.post("/v1/schedules", json=body)).raise_for_status()
    await session.database.execute(_FILL, (session.scale.schedules,))
    await session.database.execute("VACUUM ANALYZE schedules")


async def _idle_cpu(session: Session) -> float:
    """Return the milliseconds of CPU of workers and database in a second of rest."""
    session.meter.lap()
    await asyncio.sleep(_IDLE_SECONDS)
    cost = session.meter.lap()
    return 1000 * (cost.seconds["worker"] + cost.seconds["postgres"]) / _IDLE_SECONDS
