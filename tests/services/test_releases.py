"""What was accepted is started or signalled: at once, by a fan-out, or by the sweep."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from domain.runs import CancelFanoutInput, TriggerFanoutInput
from services.releases import each_at_once, release_left_over
from tests.support.engine import Engine, channel_step, delay_step
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder

PEOPLE = [{"id": f"u{number:03}"} for number in range(26)]


@pytest.fixture(autouse=True)
async def workflow(engine: Engine) -> None:
    """Publish the workflow that the tests trigger."""
    await engine.publish("flow", delay_step(), channel_step("feed"))


async def _released(engine: Engine, trigger: UUID) -> Any:
    """Return when a trigger was released; waits for notes that are made after the answer."""
    await asyncio.gather(*engine.platform.memory.get("background_tasks", ()))
    rows = await engine.make.rows("SELECT released_at FROM workflow_runs WHERE id = %s", trigger)
    return rows[0]["released_at"]


async def test_few_runs_are_started_by_the_request(
    engine: Engine, temporal: TemporalRecorder
) -> None:
    """Up to the inline limit a trigger starts its runs itself, and notes it after the answer."""
    trigger = await engine.trigger("flow", *PEOPLE[:25])
    assert len(temporal.starts) == 25
    assert await _released(engine, trigger) is not None


async def test_many_runs_are_left_to_a_fan_out(engine: Engine, temporal: TemporalRecorder) -> None:
    """More runs than that are one start: of the fan-out, whose id is derived from the trigger."""
    trigger = await engine.trigger("flow", *PEOPLE, cancellation_key="ck")
    slug = engine.environment.scope.slug
    assert [(start[0], start[1]) for start in temporal.starts] == [
        (
            f"fan-out/{slug}/{trigger}",
            TriggerFanoutInput(str(trigger), str(engine.environment.id)),
        )
    ]
    await engine.cancel("flow", "ck")
    rows = await engine.make.rows(
        "SELECT id FROM cancellations WHERE environment_id = %s", engine.environment.id
    )
    identifier = str(rows[0]["id"])
    assert [(start[0], start[1]) for start in temporal.starts[1:]] == [
        (f"cancel/{slug}/{identifier}", CancelFanoutInput(identifier, str(engine.environment.id)))
    ]


async def test_customers_do_not_starve_each_other(
    engine: Engine, temporal: TemporalRecorder
) -> None:
    """Starts carry a fairness key: the tenant's, else the environment's, cut to 64 bytes."""
    await engine.trigger("flow", {"id": "a"})
    await engine.trigger("flow", {"id": "a"}, tenant="ä" * 40)
    keys = [start[2]["priority"].fairness_key for start in temporal.starts]
    assert keys == [engine.environment.scope.slug, "ä" * 32]


@pytest.mark.parametrize(
    "status",
    [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.INVALID_ARGUMENT],
)
async def test_accepted_although_temporal_fails(engine: Engine, status: RPCStatusCode) -> None:
    """A trigger is accepted whatever Temporal says, and started by the sweep later."""
    temporal = FailingTemporal(status=status)
    engine = engine.with_platform(temporal=temporal)
    trigger = await engine.trigger("flow", {"id": "a"})
    assert await _released(engine, trigger) is None
    await engine.grow_old()
    temporal.failing = False
    assert await release_left_over(engine.platform) == 1
    assert len(temporal.starts) == 1
    assert await _released(engine, trigger) is not None
    assert await release_left_over(engine.platform) == 0


async def test_requests_do_not_all_wait_for_an_absent_temporal(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one failure the next requests leave their starts to the sweep without asking."""
    monkeypatch.setattr("services.releases._LOOK_AGAIN_SECONDS", 60.0)
    temporal = FailingTemporal()
    engine = engine.with_platform(temporal=temporal)
    for _ in range(5):
        await engine.trigger("flow", {"id": "a"})
    assert temporal.asked == 1


async def test_cancel_is_accepted_without_temporal(engine: Engine) -> None:
    """A cancel holds at once; the sleeping runs are woken by the sweep."""
    run_id = await engine.begin("flow", cancellation_key="ck")
    await engine.walk(run_id)
    temporal = FailingTemporal()
    engine = engine.with_platform(temporal=temporal)
    await engine.cancel("flow", "ck")
    assert (await engine.run(run_id))["status"] == "cancelled"
    await engine.grow_old()
    temporal.failing = False
    assert await release_left_over(engine.platform) >= 1
    assert [signal[0].rsplit("/", 1)[1] for signal in temporal.signals] == [run_id]
    assert await release_left_over(engine.platform) == 0


async def test_run_that_has_ended_needs_no_signal(engine: Engine) -> None:
    """Temporal not knowing a run is no failure: it ended, or never started."""
    run_id = await engine.begin("flow", cancellation_key="ck")
    engine = engine.with_platform(temporal=FailingTemporal(status=RPCStatusCode.NOT_FOUND))
    await engine.cancel("flow", "ck")
    rows = await engine.make.rows(
        "SELECT released_at FROM cancellations WHERE environment_id = %s", engine.environment.id
    )
    assert rows[0]["released_at"] is not None
    assert (await engine.run(run_id))["status"] == "cancelled"


async def test_database_going_away_after_the_commit(engine: Engine) -> None:
    """A trigger whose release cannot be noted succeeds; the sweep finds it started."""
    database = InterruptedDatabase(engine.platform.database, works=1, away=1)
    engine = engine.with_platform(database=database)
    trigger = await engine.trigger("flow", {"id": "a"})
    await asyncio.gather(*engine.platform.memory["background_tasks"])
    assert database.away == 0
    assert await _released(engine, trigger) is None
    await engine.grow_old()
    assert await release_left_over(engine.platform) >= 1
    assert await _released(engine, trigger) is not None


async def test_sweep_goes_on_after_a_full_batch(engine: Engine) -> None:
    """What a long absence of Temporal left is released by one sweep, not by one batch of it."""
    away = engine.with_platform(temporal=FailingTemporal())
    for number in range(5):
        await away.trigger("flow", {"id": f"late-{number}"})
    await engine.grow_old()
    assert await release_left_over(engine.platform, limit=2) >= 5
    assert await release_left_over(engine.platform) == 0


async def test_sweep_ends_while_temporal_is_away(engine: Engine) -> None:
    """A batch that could not be released is left to the next sweep."""
    temporal = FailingTemporal()
    away = engine.with_platform(temporal=temporal)
    for number in range(2):
        await away.trigger("flow", {"id": f"late-{number}"})
    await engine.grow_old()
    assert await release_left_over(away.platform, limit=2) == 0
    assert await release_left_over(engine.platform) >= 2


async def test_sweep_leaves_young_triggers_alone(
    engine: Engine, temporal: TemporalRecorder
) -> None:
    """What was accepted a moment ago may still be on its way to Temporal."""
    away = engine.with_platform(temporal=FailingTemporal())
    await away.trigger("flow", {"id": "a"})
    await engine.make.rows(
        "UPDATE workflow_runs SET released_at = now()"
        " WHERE released_at IS NULL AND environment_id <> %s RETURNING 1",
        engine.environment.id,
    )
    assert await release_left_over(engine.platform) == 0
    assert temporal.starts == []


async def test_sweep_starts_only_what_has_not_begun(
    engine: Engine, temporal: TemporalRecorder
) -> None:
    """Runs that were started or cancelled since are not started again."""
    away = engine.with_platform(temporal=FailingTemporal())
    trigger = await away.trigger("flow", *PEOPLE[:3], cancellation_key="ck")
    runs = [str(run["id"]) for run in await engine.runs(trigger)]
    await engine.walk(runs[0])
    await engine.cancel("flow", "ck", "u001")
    await engine.grow_old()
    assert await release_left_over(engine.platform) == 1
    assert [start[1].run_id for start in temporal.starts] == [runs[2]]


async def test_starting_twice_is_starting_once(engine: Engine) -> None:
    """A run that Temporal has seen before is left alone."""

    class Started(TemporalRecorder):
        async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
            raise WorkflowAlreadyStartedError(options["id"], "RecipientRun")

    engine = engine.with_platform(temporal=Started())
    assert await _released(engine, await engine.trigger("flow", {"id": "a"})) is not None


async def test_bounded_work() -> None:
    """Rows are worked on a bounded number at a time, and progress is told after each group."""
    now, most, told = 0, 0, []

    async def work(row: dict[str, Any]) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    await each_at_once([{"n": n} for n in range(70)], work, done=told.append)
    assert (most, told) == (32, [32, 64, 70])
