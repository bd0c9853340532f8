"""Whatever was accepted ends, though Temporal ended it, lost it, or was emptied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from domain.deliveries.claims import OverdueDelivery
from domain.kit.ids import trigger_fanout_workflow_id
from domain.runs.rows import OpenRun
from runtime.settings import Settings
from runtime.temporal import connect
from services.deliveries import recovery as delivery_recovery
from services.deliveries.recovery import recover_deliveries
from services.engine import Engine
from services.runs import reconciliation
from services.runs.reconciliation import reconcile_runs, recover
from services.temporal_looks import Presence, presence_of
from services.triggers.release_sweep import confirm_releases, release_left_over
from tests.support.interruptions import FailingTemporal
from tests.support.scenarios import FLOW, Handle, run_handle, start, until_event
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import soon, until
from tests.support.world import World, channel_step, delay_step

LONG_AGO = "now() - interval '40 days'"


def _run_id(handle: Handle) -> str:
    return handle.id.rsplit("/", 1)[1]


async def _asleep(world: World, count: int = 1) -> list[Handle]:
    """Start runs that wait for an hour between two feed items."""
    steps = channel_step("first"), delay_step(seconds=3600), channel_step("second")
    handles = [await start(world, *steps) for _ in range(count)]
    for handle in handles:
        await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    return handles


async def _delete(world: World, handle: Handle) -> None:
    """Let Temporal forget an execution, as it does after its retention."""
    client = world.engine.temporal
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
    )

    async def is_gone() -> bool:
        try:
            await client.workflow_service.delete_workflow_execution(request)
            await handle.describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await soon(is_gone)


async def _set(world: World, column: str, value: str) -> None:
    await world.make.rows(
        f"UPDATE recipient_runs SET {column} = {value} WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )


async def _wait_is_over(world: World) -> None:
    """Let the wait of every run have ended an hour ago."""
    await _set(
        world,
        "resumes_at",
        "now() - interval '1 hour', step_outcomes = jsonb_set(step_outcomes,"
        " '{wait,directive,until}', to_jsonb(extract(epoch FROM now() - interval '1 hour')))",
    )


async def _reconciled(world: World, count: int = 1) -> None:
    """Reconcile until a number of runs were changed.

    Temporal's lists lag behind, and for a moment it refuses to start again what it has deleted.
    """
    changed = 0

    async def look() -> bool:
        nonlocal changed
        changed += await reconcile_runs(world.engine)
        await world.make.rows(
            "DELETE FROM sweep_positions"
            " WHERE duty = 'waiting' AND (position->>'is_over')::boolean RETURNING 1"
        )
        return changed >= count

    await until(look)
    assert changed == count


async def _status(world: World, handle: Handle) -> str:
    return str((await world.run(_run_id(handle)))["status"])


async def test_27_terminated_while_it_sleeps(alone: World) -> None:
    """A run that is terminated is ended long before its wait would be, and no other is."""
    gone, alive = await _asleep(alone, 2)
    await gone.terminate()
    await _reconciled(alone)
    assert await _status(alone, gone) == "cancelled"
    assert await _status(alone, alive) == "paused"
    run = await alone.run(_run_id(gone))
    event = (await alone.events(run["id"]))[-1]
    assert (event["event"], event["status"]) == ("run_cancelled", "error")
    assert event["data"] == {"reason": "ended_in_temporal", "temporal_status": "terminated"}
    assert run["error_count"] == 1
    assert [row["step_ref"] for row in await alone.messages(run["id"])] == ["first"]


async def test_terminated_before_its_first_walk(alone: World) -> None:
    """A run that is terminated while it is still queued is ended, too."""
    away = alone.with_parts(temporal=TemporalRecorder())
    await alone.publish(FLOW, channel_step("feed"))
    run_id = await away.begin(FLOW)
    handle = await alone.engine.temporal.start_workflow(
        "RecipientRun", id=run_handle(alone, str(run_id)).id, task_queue="nobody"
    )
    await handle.terminate()
    await _reconciled(alone)
    assert (await alone.run(run_id))["status"] == "cancelled"
    assert await alone.messages(run_id) == []


async def test_terminated_queued_run_is_found_by_its_trigger(alone: World) -> None:
    """What no list tells is found when a released trigger still has queued runs."""
    away = alone.with_parts(temporal=TemporalRecorder())
    await alone.publish(FLOW, channel_step("feed"))
    run_id = await away.begin(FLOW)
    handle = await alone.engine.temporal.start_workflow(
        "RecipientRun", id=run_handle(alone, str(run_id)).id, task_queue="nobody"
    )
    await handle.terminate()
    await away.release((await alone.run(run_id))["workflow_run_id"])
    await alone.grow_old()
    assert await confirm_releases(alone.engine) == 1
    assert (await alone.run(run_id))["status"] == "cancelled"
    await alone.grow_old()
    assert await confirm_releases(alone.engine) == 0
    assert await alone.make.rows("SELECT 1 FROM trigger_releases") == []


async def test_reset_run_lives_on(alone: World) -> None:
    """An execution that was ended by a reset is none that an operator ended."""
    (handle,) = await _asleep(alone)
    await handle.terminate()
    await alone.engine.temporal.start_workflow("RecipientRun", id=handle.id, task_queue="nobody")
    assert await reconcile_runs(alone.engine) == 0
    assert await _status(alone, handle) == "paused"
    await handle.terminate()


async def test_lost_while_it_sleeps(alone: World) -> None:
    """A run that Temporal does not know is started again, and goes on where it stood."""
    (handle,) = await _asleep(alone)
    await _delete(alone, handle)
    await _wait_is_over(alone)
    await _reconciled(alone)
    assert await handle.result() == "completed"
    messages = await alone.messages(_run_id(handle))
    assert [row["step_ref"] for row in messages] == ["first", "second"]


async def test_lost_before_its_first_walk(alone: World) -> None:
    """A trigger whose runs Temporal never got, or lost, is started again."""
    away = alone.with_parts(temporal=TemporalRecorder())
    await alone.publish(FLOW, channel_step("feed"))
    trigger = await away.trigger(FLOW)
    await away.release(trigger)
    await alone.grow_old()
    assert await confirm_releases(alone.engine) == 1
    (run,) = await alone.runs(trigger)
    assert await run_handle(alone, str(run["id"])).result() == "completed"


async def test_database_restored_to_an_earlier_moment(alone: World) -> None:
    """A run that has ended since, by Temporal's word, is ended; nothing is sent again."""
    await alone.publish(FLOW, channel_step("feed"))
    for restored in ("queued", "paused"):
        run_id = await alone.begin(FLOW)
        handle = run_handle(alone, str(run_id))
        await handle.result()
        trigger = (await alone.run(run_id))["workflow_run_id"]
        await alone.make.rows(
            "UPDATE recipient_runs SET status = %s, resumes_at = CASE WHEN %s = 'paused'"
            " THEN now() - interval '1 hour' END WHERE id = %s RETURNING 1",
            *(restored, restored, run_id),
        )
        await alone.release(trigger)
        await alone.grow_old()
        assert await confirm_releases(alone.engine) == (restored == "queued")
        assert await reconcile_runs(alone.engine) == (restored == "paused")
        assert (await alone.run(run_id))["status"] == "cancelled"
        assert (await alone.events(run_id))[-1]["data"]["temporal_status"] == "completed"
        assert len(await alone.messages(run_id)) == 1


async def test_ended_so_long_ago_that_temporal_forgot(alone: World) -> None:
    """A run without a sign of life within Temporal's retention does not come back to life."""
    gone, alive = await _asleep(alone, 2)
    await _delete(alone, gone)
    await _wait_is_over(alone)
    await _set(alone, "updated_at", LONG_AGO)
    assert await reconcile_runs(alone.engine) == 1
    assert await _status(alone, gone) == "cancelled"
    assert await _status(alone, alive) == "paused"
    assert await alone.reason(_run_id(gone), "run_cancelled") == "unknown_to_temporal"
    assert len(await alone.messages(_run_id(gone))) == 1


async def test_sign_of_life_is_noted(alone: World) -> None:
    """A sleeping run that Temporal has is noted as alive, so that its loss would be a loss."""
    (handle,) = await _asleep(alone)
    await _set(alone, "updated_at", LONG_AGO)
    assert await reconcile_runs(alone.engine) == 0
    await _delete(alone, handle)
    await _reconciled(alone)
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    assert await _status(alone, handle) == "paused"


async def test_emptied_temporal_ends_nothing(alone: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Temporal knows too few runs they are held back, until an operator starts them again."""
    monkeypatch.setattr(reconciliation, "_WAITING_PAGE", 3)
    handles = await _asleep(alone, 4)
    for handle in handles:
        await _delete(alone, handle)
    await _set(alone, "updated_at", LONG_AGO)
    for _ in range(3):
        assert await reconcile_runs(alone.engine) == 0
    assert {await _status(alone, handle) for handle in handles} == {"paused"}
    since = datetime.now(UTC) - timedelta(days=39)
    kept = await recover(alone.engine, since)
    assert (kept.looked_at, kept.unknown, kept.restarted, kept.held) == (4, 4, 0, 4)
    since -= timedelta(days=2)

    async def all_are_back() -> bool:
        return (await recover(alone.engine, since)).unknown == 0

    await until(all_are_back)
    for handle in handles:
        await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)


async def test_recently_lost_runs_are_restarted_however_many(alone: World) -> None:
    """A Temporal that was emptied after it had been seen with its runs gets them back."""
    handles = await _asleep(alone, 4)
    for handle in handles:
        await _delete(alone, handle)
    await _reconciled(alone, 4)
    for handle in handles:
        await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)


async def test_living_overdue_runs_hide_no_lost_one(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many overdue runs live, one behind them is looked at in one of the next sweeps."""
    monkeypatch.setattr(reconciliation, "_OVERDUE_PAGE", 2)
    monkeypatch.setattr(reconciliation, "_look_at_waiting", _nothing)
    handles = await _asleep(alone, 4)
    await _wait_is_over(alone)
    lost = handles[-1]
    await _set(alone, "resumes_at", "resumes_at - interval '1 minute'")
    await alone.make.rows(
        "UPDATE recipient_runs SET resumes_at = resumes_at + interval '1 minute'"
        " WHERE id = %s RETURNING 1",
        _run_id(lost),
    )
    await _delete(alone, lost)
    assert await reconcile_runs(alone.engine) == 0
    await _reconciled(alone)
    assert await lost.result() == "completed"


async def _nothing(*_: Any) -> int:
    return 0


async def test_run_that_cannot_be_looked_up_delays_no_other(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error about one run is logged; the others are judged."""
    bad, lost = await _asleep(alone, 2)
    await _delete(alone, lost)
    await _wait_is_over(alone)
    look_up = reconciliation.look_up_run

    async def choosy(client: Any, run: OpenRun) -> tuple[Presence, str]:
        if str(run.id) == _run_id(bad):
            raise RPCError("broken history", RPCStatusCode.INTERNAL, b"")
        return await look_up(client, run)

    monkeypatch.setattr(reconciliation, "look_up_run", choosy)
    await _reconciled(alone)
    assert await lost.result() == "completed"


async def test_pass_goes_on_behind_a_run_that_cannot_be_looked_up(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that holds nothing but such a run does not hold up the pass for ever."""
    monkeypatch.setattr(reconciliation, "_WAITING_PAGE", 1)
    bad, lost = await _asleep(alone, 2)
    await _delete(alone, lost)
    look_up = reconciliation.look_up_run

    async def choosy(client: Any, run: OpenRun) -> tuple[Presence, str]:
        if str(run.id) == _run_id(bad):
            raise RPCError("broken history", RPCStatusCode.INTERNAL, b"")
        return await look_up(client, run)

    monkeypatch.setattr(reconciliation, "look_up_run", choosy)
    assert await reconcile_runs(alone.engine) == 0
    await _reconciled(alone)


@pytest.mark.parametrize(
    ("number", "presence"),
    [
        (1, Presence.OPEN),
        (2, Presence.CLOSED),
        (3, Presence.CLOSED),
        (4, Presence.CLOSED),
        (5, Presence.CLOSED),
        (6, Presence.OPEN),
        (7, Presence.CLOSED),
        (8, Presence.OPEN),
        (99, Presence.OPEN),
    ],
)
def test_only_known_ends_are_ends(number: int, presence: Presence) -> None:
    """A status that this code does not know, such as paused, is an open run's."""
    assert presence_of(number)[0] is presence


@pytest.mark.parametrize("ending", ["terminate", "cancel"])
async def test_ended_fan_out_has_a_successor(alone: World, ending: str) -> None:
    """Runs that a fan-out did not start before it was ended are started by the next one."""
    await alone.publish(FLOW, channel_step("feed"))
    away = alone.with_parts(temporal=TemporalRecorder())
    trigger = await away.trigger(FLOW, *({"id": f"u{number:03}"} for number in range(130)))
    await away.release(trigger)
    slug = alone.environment.scope.slug
    first = await alone.engine.temporal.start_workflow(
        "TriggerFanout",
        {"workflow_run_id": "none", "environment_id": "none"},
        id=trigger_fanout_workflow_id(slug, str(trigger)),
        task_queue="nobody",
    )
    await alone.grow_old()
    assert await confirm_releases(alone.engine) == 1
    assert {run["status"] for run in await alone.runs(trigger)} == {"queued"}
    await getattr(first, ending)()
    if ending == "cancel":  # nobody works its queue, so it cannot obey
        await first.terminate()

    async def is_due() -> bool:
        await reconcile_runs(alone.engine)
        return await confirm_releases(alone.engine) == 1

    await until(is_due)
    second = alone.engine.temporal.get_workflow_handle(f"{first.id}/2")
    assert await second.result() == 130

    async def are_completed() -> bool:
        return {run["status"] for run in await alone.runs(trigger)} == {"completed"}

    await until(are_completed)


async def test_fan_out_that_ended_before_it_was_noted(alone: World) -> None:
    """A note that was lost does not hide that a fan-out was ended: the next starts the runs."""
    await alone.publish(FLOW, channel_step("feed"))
    away = alone.with_parts(temporal=FailingTemporal())
    trigger = await away.trigger(FLOW, *({"id": f"u{number:03}"} for number in range(30)))
    workflow_id = trigger_fanout_workflow_id(alone.environment.scope.slug, str(trigger))
    first = await alone.engine.temporal.start_workflow(
        "TriggerFanout",
        {"workflow_run_id": "none", "environment_id": "none"},
        id=workflow_id,
        task_queue="nobody",
    )
    await first.terminate()
    await alone.grow_old()
    assert await release_left_over(alone.engine) == 1
    assert await confirm_releases(alone.engine) == 1
    second = alone.engine.temporal.get_workflow_handle(f"{workflow_id}/2")
    assert await second.result() == 30


async def test_failed_look_is_repeated_soon(alone: World) -> None:
    """A trigger that could not be looked after is due within seconds, one that could in minutes."""
    await alone.publish(FLOW, channel_step("feed"))
    away = alone.with_parts(temporal=TemporalRecorder())
    trigger = await away.trigger(FLOW)
    await away.release(trigger)
    await alone.grow_old()
    waits = []
    nowhere = Settings(temporal_address="127.0.0.1:1")
    absent = await connect(nowhere, lazy=True, identity="tests")
    for engine in (alone.with_parts(temporal=absent).engine, alone.engine):
        await confirm_releases(engine)
        rows = await alone.make.rows("SELECT due_at - now() AS wait FROM trigger_releases")
        waits.append(rows[0]["wait"])
        await alone.make.rows("UPDATE trigger_releases SET due_at = now() RETURNING 1")
    assert waits[0] < timedelta(minutes=1) < waits[1]


async def test_absent_temporal_is_told_from_lost_runs(alone: World) -> None:
    """While Temporal is away nothing is judged."""
    (handle,) = await _asleep(alone)
    away = alone.with_parts(temporal=FailingTemporal())
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever call came first
        await reconcile_runs(away.engine)
    assert await _status(alone, handle) == "paused"


async def _in_its_window(world: World) -> tuple[Handle, dict[str, Any]]:
    """Start a run whose walk is over and whose mail waits for tomorrow's window."""
    today = datetime.now(UTC).strftime("%A").lower()
    window = [{"day": today, "type": "do_not_send"}]
    handle = await start(world, channel_step("mail", "email", send_windows=window))
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    (message,) = await world.messages(_run_id(handle))
    return handle, message


async def _window_has_opened(world: World, message: dict[str, Any]) -> None:
    await world.make.rows(
        "UPDATE deliveries SET due_at = now() - interval '1 hour' WHERE message_id = %s"
        " RETURNING 1",
        message["id"],
    )


async def test_terminated_before_a_send_window(alone: World) -> None:
    """A mail that waited for its window goes out, though its run was terminated meanwhile."""
    handle, message = await _in_its_window(alone)
    assert await _status(alone, handle) == "completed"
    await handle.terminate()
    assert await recover_deliveries(alone.engine) == 0, "its window is still closed"
    await _window_has_opened(alone, message)
    assert await recover_deliveries(alone.engine) == 1

    async def is_sent() -> bool:
        return bool((await alone.message(message["id"]))["delivery_status"] == "sent")

    await until(is_sent)
    assert await recover_deliveries(alone.engine) == 0


async def test_delivery_of_a_living_run_is_left_to_it(alone: World) -> None:
    """A mail that is overdue because its worker is busy is nobody else's."""
    handle, message = await _in_its_window(alone)
    await _window_has_opened(alone, message)
    assert await recover_deliveries(alone.engine) == 0
    await handle.terminate()


async def test_unreadable_delivery_delays_no_other(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that cannot be taken up is left to the next sweep; the one after it goes out."""
    for _ in range(2):
        handle, message = await _in_its_window(alone)
        await handle.terminate()
        await _window_has_opened(alone, message)
    taken_up = delivery_recovery.deliver_again
    refused: list[UUID] = []

    async def refuse_the_first(engine: Engine, row: OverdueDelivery) -> None:
        if not refused:
            refused.append(row.message_id)
            raise ValueError("unreadable")
        await taken_up(engine, row)

    monkeypatch.setattr(delivery_recovery, "deliver_again", refuse_the_first)
    assert await recover_deliveries(alone.engine) == 1
    monkeypatch.undo()
    assert await recover_deliveries(alone.engine) >= 1
