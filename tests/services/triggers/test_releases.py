"""What was accepted is started or signalled: at once, by a fan-out, or by the sweep."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.contract.fan_outs import CancelFanoutInput, TriggerFanoutInput
from models.queries.triggers.release_queues import TRIGGERS
from services.at_once import each_at_once
from services.triggers.release_sweep import release_left_over
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step, delay_step

PEOPLE = [{"id": f"u{number:03}"} for number in range(26)]


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger."""
    await world.publish("flow", delay_step(), channel_step("feed"))


async def _is_released(world: World, trigger: UUID) -> bool:
    """Tell whether a trigger is noted as released; waits for notes that are made after answers."""
    release = await world.release(trigger)
    return release is not None and release["released_at"] is not None


async def test_few_runs_are_started_by_the_request(
    world: World, temporal: TemporalRecorder
) -> None:
    """Up to the inline limit a trigger starts its runs itself, and notes it after the answer."""
    trigger = await world.trigger("flow", *PEOPLE[:25])
    assert len(temporal.starts) == 25
    assert await _is_released(world, trigger)


async def test_many_runs_are_left_to_a_fan_out(world: World, temporal: TemporalRecorder) -> None:
    """More runs than that are one start: of the fan-out, whose id is derived from the trigger."""
    trigger = await world.trigger("flow", *PEOPLE, cancellation_key="ck")
    slug = world.environment.scope.slug
    assert [(start[0], start[1]) for start in temporal.starts] == [
        (
            f"fan-out/{slug}/{trigger}",
            TriggerFanoutInput(str(trigger), str(world.environment.id)),
        )
    ]
    await world.cancel("flow", "ck")
    rows = await world.make.rows(
        "SELECT id FROM cancellations WHERE environment_id = %s", world.environment.id
    )
    identifier = str(rows[0]["id"])
    assert [(start[0], start[1]) for start in temporal.starts[1:]] == [
        (f"cancel/{slug}/{identifier}", CancelFanoutInput(identifier, str(world.environment.id)))
    ]


async def test_customers_do_not_starve_each_other(world: World, temporal: TemporalRecorder) -> None:
    """Starts carry a fairness key: the tenant's, else the environment's, cut to 64 bytes."""
    await world.trigger("flow", {"id": "a"})
    await world.trigger("flow", {"id": "a"}, tenant="ä" * 40)
    keys = [start[2]["priority"].fairness_key for start in temporal.starts]
    assert keys == [world.environment.scope.slug, "ä" * 32]


@pytest.mark.parametrize(
    "status",
    [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.INVALID_ARGUMENT],
)
async def test_2_accepted_although_temporal_fails(world: World, status: RPCStatusCode) -> None:
    """A trigger is accepted whatever Temporal says, and started by the sweep later."""
    temporal = FailingTemporal(status=status)
    world = world.with_parts(temporal=temporal)
    trigger = await world.trigger("flow", {"id": "a"})
    assert not await _is_released(world, trigger)
    await world.grow_old()
    temporal.failing = False
    assert await release_left_over(world.engine) == 1
    assert len(temporal.starts) == 1
    assert await _is_released(world, trigger)
    assert await release_left_over(world.engine) == 0


async def test_cancel_is_accepted_without_temporal(world: World) -> None:
    """A cancel holds at once; the sleeping runs are woken by the sweep."""
    run_id = await world.begin("flow", cancellation_key="ck")
    await world.walk(run_id)
    temporal = FailingTemporal()
    world = world.with_parts(temporal=temporal)
    await world.cancel("flow", "ck")
    assert (await world.run(run_id))["status"] == "cancelled"
    await world.grow_old()
    temporal.failing = False
    assert await release_left_over(world.engine) >= 1
    assert [signal[0].rsplit("/", 1)[1] for signal in temporal.signals] == [run_id]
    assert await release_left_over(world.engine) == 0


async def test_run_that_has_ended_needs_no_signal(world: World) -> None:
    """Temporal not knowing a run is no failure: it ended, or never started."""
    run_id = await world.begin("flow", cancellation_key="ck")
    world = world.with_parts(temporal=FailingTemporal(status=RPCStatusCode.NOT_FOUND))
    await world.cancel("flow", "ck")
    rows = await world.make.rows(
        "SELECT released_at FROM cancellations WHERE environment_id = %s", world.environment.id
    )
    assert rows[0]["released_at"] is not None
    assert (await world.run(run_id))["status"] == "cancelled"


async def test_database_going_away_after_the_commit(world: World) -> None:
    """A trigger whose release cannot be noted succeeds; the sweep finds it started."""
    database = InterruptedDatabase(world.engine.database, works=1, away=1)
    world = world.with_parts(database=database)
    trigger = await world.trigger("flow", {"id": "a"})
    await asyncio.gather(*world.engine.releases_under_way.noting)
    assert database.away == 0
    assert not await _is_released(world, trigger)
    await world.grow_old()
    assert await release_left_over(world.engine) >= 1
    assert await _is_released(world, trigger)


async def test_sweep_goes_on_after_a_full_batch(world: World) -> None:
    """What a long absence of Temporal left is released by one sweep, not by one batch of it."""
    away = world.with_parts(temporal=FailingTemporal())
    for number in range(18):
        await away.trigger("flow", {"id": f"late-{number}"})
    await world.grow_old()
    assert await release_left_over(world.engine) == 18
    assert await release_left_over(world.engine) == 0


async def test_sweep_ends_while_temporal_is_away(world: World) -> None:
    """A batch of which nothing could be released is due again at once, for the next sweep."""
    away = world.with_parts(temporal=FailingTemporal())
    for number in range(2):
        await away.trigger("flow", {"id": f"late-{number}"})
    await world.grow_old()
    assert await release_left_over(away.engine) == 0
    assert await release_left_over(world.engine) == 2


async def test_failing_trigger_delays_no_other(world: World) -> None:
    """A trigger that Temporal refuses is pushed back, further each time; younger ones go out."""

    class Choosy(TemporalRecorder):
        async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
            if "/bad/" in options["id"]:
                raise RPCError("no", RPCStatusCode.INVALID_ARGUMENT, b"")
            return await super().start_workflow(workflow, *args, **options)

    await world.publish("bad", channel_step("feed"))
    away = world.with_parts(temporal=FailingTemporal())
    bad = [await away.trigger("bad", {"id": f"bad-{number}"}) for number in range(16)]
    good = await away.trigger("flow", {"id": "good"})
    await world.grow_old()
    choosy = world.with_parts(temporal=Choosy())
    assert await release_left_over(choosy.engine) == 1
    assert await _is_released(world, good)
    waits = []
    for _ in range(2):
        await world.grow_old()
        await release_left_over(choosy.engine)
        rows = await world.make.rows(
            "SELECT due_at - now() AS wait FROM trigger_releases WHERE workflow_run_id = %s", bad[0]
        )
        waits.append(rows[0]["wait"])
    assert waits[1] > 1.5 * waits[0]


async def test_process_that_dies_in_a_sweep_keeps_nothing(world: World) -> None:
    """What a sweep has taken no other takes, until its lease is over."""
    away = world.with_parts(temporal=FailingTemporal())
    trigger = await away.trigger("flow", {"id": "a"})
    await world.grow_old()
    taken = []
    for lease in (timedelta(0), timedelta(minutes=1), timedelta(minutes=1)):
        async with world.engine.database.connection() as connection:
            taken.append(await TRIGGERS.take(connection, limit=5, lease=lease))
    assert [[each.id for each in batch] for batch in taken] == [[trigger], [trigger], []]


async def test_sweep_leaves_young_triggers_alone(world: World, temporal: TemporalRecorder) -> None:
    """What was accepted a moment ago may still be on its way to Temporal."""
    await world.grow_old()
    away = world.with_parts(temporal=FailingTemporal())
    await away.trigger("flow", {"id": "a"})
    assert await release_left_over(world.engine) == 0
    assert temporal.starts == []


async def test_sweep_starts_only_what_has_not_begun(
    world: World, temporal: TemporalRecorder
) -> None:
    """Runs that were started or cancelled since are not started again."""
    away = world.with_parts(temporal=FailingTemporal())
    trigger = await away.trigger("flow", *PEOPLE[:3], cancellation_key="ck")
    runs = [str(run["id"]) for run in await world.runs(trigger)]
    await world.walk(runs[0])
    await world.cancel("flow", "ck", "u001")
    await world.grow_old()
    assert await release_left_over(world.engine) == 1
    assert [start[1].run_id for start in temporal.starts] == [runs[2]]


async def test_2_starting_twice_is_starting_once(world: World) -> None:
    """A run that Temporal has seen before is left alone."""

    class Started(TemporalRecorder):
        async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
            raise WorkflowAlreadyStartedError(options["id"], "RecipientRun")

    world = world.with_parts(temporal=Started())
    assert await _is_released(world, await world.trigger("flow", {"id": "a"}))


async def test_bounded_work() -> None:
    """Rows are worked on a bounded number at a time."""
    now, most, done = 0, 0, 0

    async def work(row: dict[str, Any]) -> None:
        nonlocal now, most, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        done += 1

    await each_at_once([{"n": n} for n in range(70)], work)
    assert (most, done) == (32, 70)


async def test_first_error_ends_all() -> None:
    """When one row fails the others are not worked on behind the caller's back."""
    begun: list[int] = []
    ended: list[int] = []

    async def work(row: dict[str, Any]) -> None:
        begun.append(row["n"])
        if row["n"] == 1:
            raise LookupError("no")
        await asyncio.sleep(0.01)
        ended.append(row["n"])

    with pytest.raises(LookupError):
        await each_at_once([{"n": n} for n in range(40)], work)
    assert (len(begun), ended) == (32, [])
