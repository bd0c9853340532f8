"""Operators see what waits, cancel it with an answer, and let it go on at another time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contract.runs import AwaitEvent, Fetch, Finished
from domain.kit.clock import iso
from domain.kit.errors import BadRequest, NotFound, Unprocessable
from domain.kit.pages import PageRequest
from domain.recipients.refs import RecipientRef
from domain.runs.rows import Place
from domain.runs.waiting import CancelRunsRequest, WaitingFilters, WaitingRun
from models.queries.runs.open_runs import waiting_runs
from services.triggers import moved_waits, open_runs
from temporal_workflows.signals import BATCH_CLOSED
from tests.providers.servers import reply
from tests.support.fetching import NOW, Fetching, fetching_in
from tests.support.steps import feed_step, fetch_step, wait_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, batch_step, channel_step, delay_step, sleep_of


async def _waiting(world: World, **filters: Any) -> list[WaitingRun]:
    page = await open_runs.list_waiting(
        world.engine, world.environment.scope, WaitingFilters(**filters), PageRequest(50)
    )
    return list(page.rows)


async def _cancel(world: World, **wanted: Any) -> tuple[int, int]:
    request = CancelRunsRequest.model_validate(wanted)
    done = await open_runs.cancel_open_runs(world.engine, world.environment.scope, request)
    return done.runs, done.items


async def _delayed(world: World, key: str = "late", **body: Any) -> str:
    await world.publish(key, delay_step(seconds=3600), channel_step("feed"))
    run_id = await world.begin(key, **body)
    await world.walk(run_id)
    return run_id


async def test_what_runs_wait_for(world: World) -> None:
    """Each waiting run tells its step, the kind of its wait, and when it ends."""
    delayed = await _delayed(world)
    gathered, _ = await world.send(batch_step(), channel_step("feed"))
    fetching, _ = await world.send(fetch_step(), data={"url": "https://example.com"})
    await world.send(channel_step("feed"))
    found = {str(run.id): run for run in await _waiting(world)}

    assert set(found) == {delayed, gathered, fetching}
    kinds = {run_id: run.wait.kind for run_id, run in found.items() if run.wait}
    assert kinds == {delayed: "delay", gathered: "batch", fetching: "fetch"}
    assert all(run.resumes_at is not None for run in found.values())


async def test_the_list_is_filtered(world: World) -> None:
    """By workflow, tenant and recipient; what none of them has is not taken for "none"."""
    await world.identify("nobody")
    await _delayed(world, "one", tenant={"id": "acme"})
    await _delayed(world, "two")

    assert len(await _waiting(world, workflow_key="one")) == 1
    assert len(await _waiting(world, tenant="acme")) == 1
    assert len(await _waiting(world, recipient=RecipientRef.user("ellie"))) == 2
    assert await _waiting(world, recipient=RecipientRef.user("nobody")) == []
    for unknown in (
        {"workflow_key": "no"},
        {"tenant": "no"},
        {"recipient": RecipientRef.user("no")},
    ):
        with pytest.raises(NotFound):
            await _waiting(world, **unknown)


@pytest.mark.parametrize(
    "wanted",
    [
        {"workflow": "one"},
        {"tenant": "acme"},
        {"recipient": "ada"},
        {"workflow": "one", "tenant": "acme", "recipient": "ada"},
    ],
)
async def test_a_cancel_says_how_many(world: World, wanted: dict[str, str]) -> None:
    """All that is given applies; what is not meant waits on, and twice is once."""
    await world.publish("one", delay_step(seconds=3600), channel_step("feed"))
    meant = await world.begin("one", {"id": "ada"}, tenant={"id": "acme"})
    queued = await world.begin("one", {"id": "ada"}, tenant={"id": "acme"})
    await world.walk(meant)
    other = await _delayed(world, "two")

    assert await _cancel(world, **wanted) == (2, 0)
    assert await _cancel(world, **wanted) == (0, 0)
    assert (await world.run(meant))["status"] == "cancelled"
    assert (await world.run(queued))["status"] == "cancelled"
    assert (await world.run(other))["status"] == "paused"
    assert (await world.story(meant))[-1] == "run_cancelled"


async def test_one_run_is_cancelled_and_woken(world: World, temporal: TemporalRecorder) -> None:
    """Its Temporal workflow hears of it; a run of another environment is not found."""
    run_id = await _delayed(world)
    elsewhere = await world.make.environment()
    request = CancelRunsRequest(run_id=run_id)
    with pytest.raises(NotFound):
        await open_runs.cancel_open_runs(world.engine, elsewhere.scope, request)
    assert await _cancel(world, run_id=run_id) == (1, 0)
    assert [name.rpartition("/")[2] for name, _, _ in temporal.signals] == [run_id]
    with pytest.raises(NotFound):
        await _cancel(world, run_id="nonsense")


async def test_a_cancel_of_nothing_is_refused(world: World) -> None:
    """Nobody cancels everything by a slip."""
    with pytest.raises(BadRequest):
        await _cancel(world)


async def test_a_cancel_takes_items_out_of_batches(world: World) -> None:
    """Who carries items of others goes on with those; who carries none any more is cancelled."""
    await world.publish("many", batch_step(), channel_step("feed"))
    first, second = [await world.begin("many", data={"n": n}) for n in (1, 2)]
    await world.walk(first)
    await world.walk(second)

    assert await _cancel(world, run_id=first) == (0, 1)
    assert (await world.run(first))["status"] == "paused"
    assert await _cancel(world, workflow="many") == (1, 1)
    assert (await world.run(first))["status"] == "cancelled"


async def test_a_delay_is_skipped(world: World, temporal: TemporalRecorder) -> None:
    """The run goes on at once, its story says who let it, and its message is made."""
    run_id = await _delayed(world)
    (run,) = await _waiting(world)
    await moved_waits.move_wait(world.engine, world.environment.scope, run.id, None)
    assert [signal for _, signal, _ in temporal.signals] == ["wait_moved"]
    advanced = await world.walk(run_id, (await world.walk(run_id)).cursor)

    assert advanced.next == Finished()
    assert await world.story(run_id) == [
        "run_started",
        "delay_started",
        "wait_moved",
        "delay_completed",
        "message_enqueued",
        "run_completed",
    ]


async def test_a_delay_is_moved(world: World) -> None:
    """A run that is woken before its new time waits on, and goes on when it has come."""
    run_id = await _delayed(world)
    scope, later = world.environment.scope, world.engine.clock() + timedelta(hours=5)
    changed = await moved_waits.move_wait(world.engine, scope, UUID(run_id), later)
    early = await world.walk(run_id)
    sleep = sleep_of(await world.walk(run_id, early.cursor))
    after = world.at(later + timedelta(seconds=1))
    ended = await after.walk(run_id, early.cursor)

    assert changed.resumes_at is not None
    assert abs(changed.resumes_at - later) < timedelta(milliseconds=1)
    assert abs(sleep.until - later.timestamp()) < 0.01
    assert ended.next == Finished()


@pytest.mark.parametrize("step", [delay_step(seconds=3600), batch_step(seconds=600)])
async def test_nothing_waits_for_longer_than_a_year(world: World, step: dict[str, Any]) -> None:
    """As a delay of a workflow: the code of today has to replay its history then."""
    run_id, _ = await world.send(step, channel_step("feed"))
    scope, (before,) = world.environment.scope, await _waiting(world)
    last = before.inserted_at + timedelta(days=365)
    with pytest.raises(Unprocessable) as refused:
        await moved_waits.move_wait(world.engine, scope, UUID(run_id), last + timedelta(hours=1))
    assert refused.value.code == "wait_too_long"
    assert (await _waiting(world))[0].resumes_at == before.resumes_at
    moved = await moved_waits.move_wait(world.engine, scope, UUID(run_id), last)
    assert moved.resumes_at == last


async def _waiting_for_event(world: World, **settings: Any) -> str:
    event = {"event_type": "recipient", "event_key": "updated"}
    run_id, _ = await world.send(
        wait_step(event, **settings), feed_step("{{ refs.wait_1.matched }}")
    )
    return run_id


async def _told(world: World, run_id: str) -> str:
    (message,) = await world.messages(run_id)
    return str(message["content"]["blocks"][0]["rendered"]).strip()


async def test_a_wait_for_an_event_is_skipped(world: World, temporal: TemporalRecorder) -> None:
    """The run is told to look, and goes on as its step says for a wait without an event."""
    run_id = await _waiting_for_event(world, on_timeout="continue")
    scope = world.environment.scope
    changed = await moved_waits.move_wait(world.engine, scope, UUID(run_id), None)
    assert changed.wait is not None
    assert changed.wait.kind == "event"
    assert [signal for _, signal, _ in temporal.signals] == ["event_arrived"]

    assert (await world.walk(run_id, "wait_1/resume")).status == "completed"
    assert await _told(world, run_id) == "<p>false</p>"
    story = await world.story(run_id)
    assert story[1:4] == ["wait_registered", "wait_moved", "wait_timed_out"]


async def test_a_wait_for_an_event_is_moved(world: World) -> None:
    """An event counts that comes after the end as it was, and before the end as it is now."""
    run_id = await _waiting_for_event(world, seconds=60)
    scope, later = world.environment.scope, world.engine.clock() + timedelta(hours=5)
    changed = await moved_waits.move_wait(world.engine, scope, UUID(run_id), later)
    looked = await world.walk(run_id, "wait_1/resume")
    after = world.at(later - timedelta(hours=1))
    await after.identify("ellie", plan="pro")
    ended = await after.walk(run_id, "wait_1/resume")

    assert changed.resumes_at is not None
    assert abs(changed.resumes_at - later) < timedelta(milliseconds=1)
    assert isinstance(looked.next, AwaitEvent)
    assert abs(looked.next.until - later.timestamp()) < 0.01
    assert ended.status == "completed"
    assert await _told(world, run_id) == "<p>true</p>"


async def test_a_wait_for_an_event_has_an_end(world: World) -> None:
    """Nobody lets a run wait for an event for longer than a step could."""
    run_id = await _waiting_for_event(world)
    scope, later = world.environment.scope, world.engine.clock() + timedelta(days=31)
    with pytest.raises(Unprocessable, match="thirty days"):
        await moved_waits.move_wait(world.engine, scope, UUID(run_id), later)


async def test_a_wait_that_is_overdue_is_skipped(world: World) -> None:
    """A run that has waited for as long as any may, and was not woken, still goes on at once."""
    run_id = await _waiting_for_event(world, on_timeout="continue", seconds=30 * 24 * 3600)
    late = world.at(world.engine.clock() + timedelta(days=31))
    await moved_waits.move_wait(late.engine, world.environment.scope, UUID(run_id), None)
    assert (await late.walk(run_id, "wait_1/resume")).status == "completed"


async def _closes_at(world: World) -> datetime:
    (batch,) = await world.make.rows(
        "SELECT closes_at FROM batches WHERE environment_id = %s", world.environment.id
    )
    closes_at: datetime = batch["closes_at"]
    return closes_at


async def test_a_batch_is_skipped(world: World, temporal: TemporalRecorder) -> None:
    """Its window closes, its run is told, and goes on with what it has gathered; once."""
    run_id, _ = await world.send(batch_step(), feed_step("{{ total_activities }}"))
    scope = world.environment.scope
    await moved_waits.move_wait(world.engine, scope, UUID(run_id), None)
    assert BATCH_CLOSED in {signal for _, signal, _ in temporal.signals}
    with pytest.raises(Unprocessable, match="has closed"):
        await moved_waits.move_wait(world.engine, scope, UUID(run_id), None)
    assert (await world.walk(run_id, "batch_1/resume")).status == "completed"
    assert await _told(world, run_id) == "<p>1</p>"


async def test_a_batch_is_moved(world: World) -> None:
    """Its window closes at the other instant, earlier or later, and the run waits until then."""
    run_id, _ = await world.send(batch_step(seconds=600), feed_step())
    scope = world.environment.scope
    for hours in (5, 1):
        at = world.engine.clock() + timedelta(hours=hours)
        changed = await moved_waits.move_wait(world.engine, scope, UUID(run_id), at)
        assert changed.resumes_at is not None
        for found in (changed.resumes_at, await _closes_at(world)):
            assert abs(found - at) < timedelta(milliseconds=1)
    assert (await world.run(run_id))["status"] == "paused"


@pytest.fixture
async def fetching(world: World) -> AsyncIterator[Fetching]:
    """Serve on loopback, and let the engine call there; its clock stands still."""
    async with fetching_in(world) as started:
        yield started


async def test_the_wait_for_another_attempt_is_skipped(
    fetching: Fetching, temporal: TemporalRecorder
) -> None:
    """The request is sent at once, its attempts are counted as before, and its story tells it."""
    run_id, second = await fetching.fetch(reply(500))
    (waiting,) = await _waiting(fetching.world)
    assert waiting.wait is not None
    assert (waiting.wait.kind, waiting.resumes_at) == ("fetch", NOW + timedelta(seconds=30))

    scope = fetching.world.environment.scope
    await moved_waits.move_wait(fetching.world.engine, scope, UUID(run_id), None)
    assert [signal for _, signal, _ in temporal.signals] == ["wait_moved"]
    sending = await fetching.world.walk(run_id, second.cursor)
    assert isinstance(sending.next, Fetch)
    assert (sending.next.attempt.attempt, sending.next.not_before) == (2, None)
    with pytest.raises(Unprocessable):  # it is under way
        await moved_waits.move_wait(fetching.world.engine, scope, UUID(run_id), None)

    third = await fetching.attempt(run_id, sending)
    assert sleep_of(third).until == (NOW + timedelta(seconds=60)).timestamp()
    assert (await fetching.world.story(run_id))[3:6] == [
        "fetch_retry_scheduled",
        "wait_moved",
        "fetch_responded",
    ]


async def test_the_wait_for_another_attempt_is_moved(fetching: Fetching) -> None:
    """A run that is woken before the other instant waits on; then the request is sent."""
    run_id, second = await fetching.fetch(reply(500))
    scope, later = fetching.world.environment.scope, NOW + timedelta(hours=2)
    changed = await moved_waits.move_wait(fetching.world.engine, scope, UUID(run_id), later)
    assert changed.resumes_at == later

    for _ in range(2):  # word that comes twice
        early = await fetching.world.walk(run_id, second.cursor)
        assert sleep_of(early).until == later.timestamp()
    fetching.server.replies["/x"] = reply(204)
    done = await fetching.attempt(run_id, early)
    assert done.status == "completed"
    assert len(fetching.server.seen) == 2


async def test_a_cancel_ends_the_wait_for_another_attempt(fetching: Fetching) -> None:
    """Nothing is sent any more."""
    run_id, second = await fetching.fetch(reply(500))
    assert await _cancel(fetching.world, run_id=run_id) == (1, 0)
    ended = await fetching.world.walk(run_id, second.cursor, cancel=True)
    assert ended.next == Finished()
    assert len(fetching.server.seen) == 1


async def test_what_cannot_be_moved(world: World) -> None:
    """A request is under way; what has ended waits for nothing."""
    fetching, _ = await world.send(fetch_step(), data={"url": "https://example.com"})
    ended, _ = await world.send(channel_step("feed"))
    scope = world.environment.scope
    with pytest.raises(Unprocessable):
        await moved_waits.move_wait(world.engine, scope, UUID(fetching), None)
    with pytest.raises(NotFound):
        await moved_waits.move_wait(world.engine, scope, UUID(ended), None)


async def test_a_run_waits_until_its_batch_closes(world: World) -> None:
    """An item that moves a sliding window moves what is shown, and the run is not overdue."""
    extends = {"unit": "hours", "value": 2}
    sliding = batch_step(
        seconds=300, batch_window_type="sliding", batch_window_extension_limit=extends
    )
    await world.publish("many", sliding, channel_step("feed"))
    carrier = await world.begin("many")
    await world.walk(carrier)
    later = world.at(world.engine.clock() + timedelta(minutes=4))
    await later.walk(await later.begin("many"))
    (batch,) = await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s", world.environment.id
    )
    (run,) = await _waiting(world)

    assert run.resumes_at == batch["closes_at"] > (await world.run(carrier))["resumes_at"]
    assert run.wait is not None
    assert run.wait.label == f"batch_1: gathers until {iso(batch['closes_at'])}"

    await world.make.rows(
        "UPDATE recipient_runs SET resumes_at = now() - interval '1 hour' WHERE id = %s", carrier
    )
    assert carrier not in await _overdue(world)
    await world.make.rows(
        "UPDATE batches SET closes_at = now() - interval '1 hour' WHERE id = %s", batch["id"]
    )
    assert carrier in await _overdue(world)


async def _overdue(world: World) -> set[str]:
    """Return the runs of all environments whose wait has ended long ago."""
    async with world.engine.connection() as connection:
        runs = await waiting_runs(
            connection, Place(), limit=10_000, overdue_by=timedelta(minutes=2)
        )
    return {str(run.id) for run in runs}
