"""Schedules occur exactly once, late or not at all, whoever else is at them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contract.timers import ScheduleClockInput
from domain.kit.errors import Unavailable
from domain.recipients.refs import RecipientRef
from domain.schedules.rows import DropReason
from services.bulk.departures import delete_recipient
from services.triggers.schedule_clocks import fire_due, wake_left_over_clocks
from services.triggers.schedules import delete_schedules
from tests.support.interruptions import InterruptedDatabase
from tests.support.schedules import FLOW, change, fire, row_of, schedule, triggers_of
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, when

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NINE = NOW + timedelta(hours=1)
DAY = timedelta(days=1)
DAILY = {"frequency": "daily", "hours": 9}


@pytest.fixture
async def morning(world: World) -> World:
    """Publish a workflow, and let it be eight in the morning."""
    await world.publish(FLOW, channel_step("feed"))
    return world.at(NOW)


async def test_it_occurs_once(morning: World, temporal: TemporalRecorder) -> None:
    """At its time there is a run with the schedule's data, tenant and actor; then the next day."""
    (made,) = await schedule(
        morning, repeats=[DAILY], data={"n": 1}, tenant="acme", actor={"id": "ian", "name": "Ian"}
    )
    assert (await row_of(morning, made))["next_occurrence_at"] == NINE
    assert await fire(morning, made) is None
    assert await triggers_of(morning, made) == []
    at_nine = morning.at(NINE)
    for _ in range(2):
        assert await fire(at_nine, made) is None
    (trigger,) = await triggers_of(morning, made)
    assert (trigger["data"], trigger["tenant_id"], trigger["actor_id"]) == ({"n": 1}, "acme", "ian")
    assert trigger["source"]["type"] == "schedule"
    (run,) = await morning.runs(trigger["id"])
    assert [start[1].run_id for start in temporal.starts if start[0].startswith("run/")] == [
        str(run["id"])
    ]
    row = await row_of(morning, made)
    assert (row["last_occurrence_at"], row["next_occurrence_at"]) == (NINE, NINE + DAY)
    assert row["due_at"] == NINE + DAY


async def test_what_a_run_sees_of_its_schedule(morning: World) -> None:
    """Templates and conditions find the schedule at the recipient, as it was when it occurred."""
    text = "{{ recipient.schedule.id }} {{ recipient.schedule.last_occurrence_at }} "
    text += "{{ recipient.schedule.next_occurrence_at }}"
    condition = when("recipient.schedule.next_occurrence_at", "not_empty")
    step = channel_step("feed", template={"markdown_body": text}, conditions=condition)
    await morning.publish(FLOW, step)
    (made,) = await schedule(morning, repeats=[DAILY])
    await fire(morning.at(NINE), made)
    (trigger,) = await triggers_of(morning, made)
    (run,) = await morning.runs(trigger["id"])
    await morning.walk(run["id"])
    (message,) = await morning.messages(run["id"])
    rendered = message["content"]["blocks"][0]["rendered"]
    assert f"{made} 2026-03-02T09:00:00.000000Z 2026-03-03T09:00:00.000000Z" in rendered


async def test_a_single_one_is_over(morning: World) -> None:
    """It stays listed, and nothing is to come."""
    (made,) = await schedule(morning, scheduled_at=NINE.isoformat())
    await fire(morning.at(NINE), made)
    row = await row_of(morning, made)
    assert (row["last_occurrence_at"], row["next_occurrence_at"]) == (NINE, None)
    assert len(await triggers_of(morning, made)) == 1
    await change(morning.at(NINE), made, scheduled_at=NINE.isoformat())
    assert (await row_of(morning, made))["next_occurrence_at"] is None


@pytest.mark.parametrize(("minutes", "reason"), [(59, None), (60, DropReason.TOO_LATE)])
async def test_after_an_outage(morning: World, minutes: int, reason: DropReason | None) -> None:
    """What is late by less than an hour happens; else it is passed over, and the row says so."""
    (made,) = await schedule(morning, repeats=[DAILY])
    assert await fire(morning.at(NINE + timedelta(minutes=minutes)), made) is reason
    row = await row_of(morning, made)
    assert len(await triggers_of(morning, made)) == (reason is None)
    assert row["next_occurrence_at"] == NINE + DAY
    assert row["drop_reason"] == reason
    assert row["dropped_at"] == (NINE if reason else None)


async def test_of_an_outage_of_days_the_newest_happens(morning: World) -> None:
    """However many were missed, there is one run, of the latest."""
    (made,) = await schedule(morning, repeats=[{"frequency": "hourly"}])
    back = NINE + 3 * DAY + timedelta(minutes=5)
    await fire(morning.at(back), made)
    row = await row_of(morning, made)
    assert len(await triggers_of(morning, made)) == 1
    assert row["last_occurrence_at"] == NINE + 3 * DAY
    assert row["next_occurrence_at"] == NINE + 3 * DAY + timedelta(hours=1)


async def _deactivate(world: World) -> None:
    await world.activate(FLOW, active=False)


async def _archive(world: World) -> None:
    await world.make.rows(
        "DELETE FROM content_resources WHERE environment_id = %s", world.environment.id
    )


async def _demand(world: World) -> None:
    schema = {"type": "object", "required": ["order"]}
    await world.publish(FLOW, channel_step("feed"), trigger_data_json_schema=schema)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_deactivate, DropReason.WORKFLOW_INACTIVE),
        (_archive, DropReason.WORKFLOW_MISSING),
        (_demand, DropReason.DATA_INVALID),
    ],
)
async def test_what_cannot_run_is_dropped(morning: World, happens: Any, reason: DropReason) -> None:
    """The occurrence is dropped and noted; the schedule goes on, and works again when it can."""
    (made,) = await schedule(morning, repeats=[DAILY])
    await happens(morning)
    assert await fire(morning.at(NINE), made) is reason
    row = await row_of(morning, made)
    assert (row["dropped_at"], row["drop_reason"]) == (NINE, reason)
    assert (row["last_occurrence_at"], row["next_occurrence_at"]) == (None, NINE + DAY)
    await morning.publish(FLOW, channel_step("feed"), trigger_data_json_schema=None)
    await morning.activate(FLOW, active=True)
    assert await fire(morning.at(NINE + DAY), made) is None
    assert len(await triggers_of(morning, made)) == 1


async def test_an_actor_who_is_gone_takes_nothing_along(morning: World) -> None:
    """The recipient is still told, by nobody."""
    (made,) = await schedule(morning, repeats=[DAILY], actor={"id": "ian", "name": "Ian"})
    await delete_recipient(morning.engine, morning.environment.scope, RecipientRef.user("ian"))
    assert await fire(morning.at(NINE), made) is None
    (trigger,) = await triggers_of(morning, made)
    assert trigger["actor_id"] is None
    assert len(await morning.runs(trigger["id"])) == 1


async def test_an_object_alone_is_told(morning: World) -> None:
    """A schedule of an object makes one run, of the object, and its trigger says what it is."""
    team = {"collection": "teams", "id": "core", "name": "Core"}
    (made,) = await schedule(morning, team, repeats=[DAILY])
    await fire(morning.at(NINE), made)
    (trigger,) = await triggers_of(morning, made)
    (run,) = await morning.runs(trigger["id"])
    assert (run["collection"], run["recipient_id"]) == ("teams", "core")
    assert trigger["source"]["type"] == "schedule"


async def test_the_newest_version_runs(morning: World) -> None:
    """A schedule runs what is published when it occurs."""
    (made,) = await schedule(morning, repeats=[DAILY])
    newest = await morning.publish(FLOW, channel_step("feed_2"))
    await fire(morning.at(NINE), made)
    (trigger,) = await triggers_of(morning, made)
    assert trigger["version_id"] == newest


async def test_many_at_once_fire_it_once(morning: World) -> None:
    """Whoever else looks at the same moment finds it done."""
    (made,) = await schedule(morning, repeats=[DAILY])
    at_nine = morning.at(NINE)
    await asyncio.gather(*(fire(at_nine, made) for _ in range(8)))
    assert len(await triggers_of(morning, made)) == 1


async def test_an_interrupted_transaction_leaves_it_due(morning: World) -> None:
    """Nothing is half done: there is neither a trigger nor a note of it, and it fires again."""
    (made,) = await schedule(morning, repeats=[DAILY])
    away = InterruptedDatabase(morning.engine.database, away=1)
    with pytest.raises(Unavailable):
        await fire(morning.with_parts(database=away, clock=lambda: NINE), made)
    assert await triggers_of(morning, made) == []
    assert await fire(morning.at(NINE), made) is None
    assert len(await triggers_of(morning, made)) == 1


class _Held:
    """A connection that holds the row of a schedule until it is told to let go."""

    def __init__(self, world: World, schedule_id: UUID) -> None:
        self._world, self._id = world, schedule_id
        self._let_go = asyncio.Event()

    async def __aenter__(self) -> None:
        held = asyncio.Event()

        async def hold() -> None:
            async with self._world.engine.database.transaction() as connection:
                await connection.execute(
                    "SELECT FROM schedules WHERE id = %s FOR UPDATE", (self._id,)
                )
                held.set()
                await self._let_go.wait()

        self._task = asyncio.create_task(hold())
        await held.wait()

    async def __aexit__(self, *_: object) -> None:
        self._let_go.set()
        await self._task


async def test_a_change_that_comes_first_is_fired(morning: World) -> None:
    """Firing waits for whoever holds the row, and fires what was changed."""
    (made,) = await schedule(morning, repeats=[DAILY], data={"n": 1})
    at_nine = morning.at(NINE)
    async with _Held(morning, made):
        firing = asyncio.create_task(fire(at_nine, made))
        await until_blocked(morning.make)
        await morning.make.rows("SELECT 1")
    await firing
    (trigger,) = await triggers_of(morning, made)
    assert trigger["data"] == {"n": 1}
    await change(at_nine, made, data={"n": 2})
    await fire(morning.at(NINE + DAY), made)
    assert [each["data"] for each in await triggers_of(morning, made)] == [{"n": 1}, {"n": 2}]


async def test_20_changes_and_deletions_against_firing(morning: World) -> None:
    """In any order there is one run or none, with the old data or the new, and no deadlock."""
    for number in range(12):
        person = {"id": f"user-{number}", "name": "N"}
        (made,) = await schedule(morning, person, repeats=[DAILY], data={"n": 1})
        at_nine = morning.at(NINE)
        scope = morning.environment.scope
        others = [
            change(at_nine, made, data={"n": 2}),
            delete_schedules(at_nine.engine, scope, [made]),
            delete_recipient(at_nine.engine, scope, RecipientRef.user(person["id"])),
        ]
        other = others.pop(number % 3)
        for unused in others:
            unused.close()
        await asyncio.gather(fire(at_nine, made), other, fire(at_nine, made))
        triggers = await triggers_of(morning, made)
        left = await morning.make.rows("SELECT 1 FROM schedules WHERE id = %s", made)
        if number % 3 == 0:
            assert [each["data"]["n"] in (1, 2) for each in triggers] == [True]
        else:
            assert len(triggers) <= 1
            assert left == []
        if number % 3 == 2:
            runs = await morning.make.rows(
                "SELECT 1 FROM recipient_runs WHERE environment_id = %s AND recipient_id = %s",
                *(morning.environment.id, person["id"]),
            )
            assert runs == []


async def test_a_change_of_time_replaces_what_was_due(morning: World) -> None:
    """Who moves a schedule before it fires decides; other changes leave its time alone."""
    (moved, renamed) = await schedule(
        morning, {"id": "a", "name": "A"}, {"id": "b", "name": "B"}, repeats=[DAILY]
    )
    late = morning.at(NINE + timedelta(seconds=1))
    await change(late, moved, repeats=[{"frequency": "daily", "hours": 17}])
    await change(late, renamed, data={"n": 2})
    assert (await row_of(morning, moved))["next_occurrence_at"] == NINE + timedelta(hours=8)
    assert (await row_of(morning, renamed))["next_occurrence_at"] == NINE


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"repeats": [DAILY], "data": {"n": 2}}, id="written once more as a whole"),
        pytest.param({"ending_at": (NINE + DAY).isoformat()}, id="ended later"),
        pytest.param({"repeats": [DAILY, {"frequency": "daily", "hours": 17}]}, id="more often"),
    ],
)
async def test_a_change_that_keeps_what_was_due(morning: World, changes: dict[str, Any]) -> None:
    """An occurrence that nobody has fired yet, and that the schedule still has, is not lost."""
    (made,) = await schedule(morning, repeats=[DAILY], data={"n": 1})
    late = morning.at(NINE + timedelta(minutes=20))
    await change(late, made, **changes)
    assert (await row_of(morning, made))["next_occurrence_at"] == NINE
    assert await fire(late, made) is None
    assert len(await triggers_of(morning, made)) == 1
    await change(late, made, **changes)
    assert (await row_of(morning, made))["next_occurrence_at"] > late.engine.clock()


@pytest.fixture
async def clocks(secluded: World) -> World:
    """Return the product on a database without other schedules, with one clock."""
    await secluded.publish(FLOW, channel_step("feed"))
    settings = secluded.engine.settings.model_copy(update={"schedule_clocks": 1})
    return secluded.with_engine(settings=settings).at(NOW)


async def _look(world: World, clock: int = 0) -> tuple[float | None, int]:
    state = await fire_due(world.engine, ScheduleClockInput(clock, 0.0))
    return state.due_at, state.fired


async def test_a_clock_fires_what_is_due_and_says_when_to_look_again(clocks: World) -> None:
    """Pages are worked through to the end; with nothing to come it need never look again."""
    assert await _look(clocks) == (None, 0)
    people = [{"id": f"user-{n}", "name": "N"} for n in range(100)]
    for _ in range(2):
        await schedule(clocks, *people, scheduled_at=NINE.isoformat())
    assert await _look(clocks) == (NINE.timestamp(), 0)
    assert await _look(clocks.at(NINE)) == (None, 200)
    assert len(await clocks.runs()) == 200


async def test_one_that_fails_keeps_no_other_waiting(clocks: World) -> None:
    """A schedule that cannot be fired is put off, longer each time; the others go on."""
    people = [{"id": f"user-{n}", "name": "N"} for n in range(3)]
    broken, *_ = await schedule(clocks, *people, scheduled_at=NINE.isoformat())
    # What no release has stored, and this one does not expect.
    await clocks.make.rows("UPDATE schedules SET repeats = '7' WHERE id = %s", broken)
    at_nine = clocks.at(NINE)
    next_at, fired = await _look(at_nine)
    assert (next_at, fired) == ((NINE + timedelta(seconds=5)).timestamp(), 3)
    assert len(await clocks.runs()) == 2
    later = NINE + timedelta(seconds=5)
    next_at, _ = await _look(clocks.at(later))
    assert next_at == (later + timedelta(seconds=10)).timestamp()
    await clocks.make.rows("UPDATE schedules SET repeats = '[]' WHERE id = %s", broken)
    assert (await _look(clocks.at(later + timedelta(seconds=10))))[0] is None
    assert len(await clocks.runs()) == 3


async def test_clocks_share_the_schedules(clocks: World) -> None:
    """Each schedule is one clock's; a clock that is not wanted any more looks after none."""
    people = [{"id": f"user-{n}", "name": "N"} for n in range(60)]
    await schedule(clocks, *people, scheduled_at=NINE.isoformat())
    settings = clocks.engine.settings.model_copy(update={"schedule_clocks": 3})
    three = clocks.with_engine(settings=settings).at(NINE)
    assert await _look(three, clock=3) == (None, 0)
    fired = [(await _look(three, clock))[1] for clock in range(3)]
    assert sum(fired) == 60
    assert min(fired) > 0


async def test_only_earlier_appointments_are_told(
    clocks: World, temporal: TemporalRecorder
) -> None:
    """A hundred thousand schedules are rows: a clock hears only of what it would look at too late.

    One that is due within the next minute counts for nothing: it may be over before this is
    committed.
    """
    told = []
    for seconds in (30, 30, 7200, 9000, 7200, 6000, 45, 6500):
        temporal.starts.clear()
        people = [{"id": f"user-{n}", "name": "N"} for n in range(50)]
        at = NOW + timedelta(seconds=seconds)
        await schedule(clocks, *people, scheduled_at=at.isoformat())
        for workflow_id, order, options in temporal.starts:
            assert workflow_id == "schedule-clock/0"
            assert options["start_signal_args"] == [order.due_at] == [at.timestamp()]
        told.append(len(temporal.starts))
    assert told == [1, 1, 1, 0, 0, 1, 1, 0]
    assert len(await clocks.make.rows("SELECT 1 FROM schedules")) == 400


async def test_a_clock_that_was_lost_is_woken(clocks: World, temporal: TemporalRecorder) -> None:
    """The sweep wakes whoever left a schedule alone, and nobody else."""
    await schedule(clocks, scheduled_at=NINE.isoformat())
    temporal.starts.clear()
    assert await wake_left_over_clocks(clocks.at(NINE).engine) == 0
    assert await wake_left_over_clocks(clocks.at(NINE + timedelta(minutes=1)).engine) == 1
    assert [start[0] for start in temporal.starts] == ["schedule-clock/0"]
