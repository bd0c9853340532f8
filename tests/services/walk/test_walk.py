"""A walk takes steps until one waits, and repeating it changes nothing."""

from __future__ import annotations

import asyncio

from domain.contract.runs import Advanced, Finished
from tests.support.world import World, channel_step, delay_step, sleep_of, when

BROKEN = {"markdown_body": "{% for i in (1..20000) %}{% endfor %}"}


async def test_walks_to_the_end(world: World) -> None:
    """Instant steps are taken in one walk, and the run completes with its story told."""
    run_id, directive = await world.send(channel_step("feed"), channel_step("mail", "email"))
    assert directive.next == Finished()
    assert directive.status == "completed"
    assert [order.queue for order in directive.deliveries] == ["deliver-email"]
    assert await world.story(run_id) == [
        "run_started",
        "message_enqueued",
        "message_enqueued",
        "run_completed",
    ]
    assert [row["delivery_status"] for row in await world.messages(run_id)] == [
        "delivered",
        "queued",
    ]


async def test_repeating_a_finished_walk_delivers_again(world: World) -> None:
    """A walk whose answer was lost is repeated: nothing changes, what is open still goes out."""
    run_id, first = await world.send(channel_step("feed"), channel_step("mail", "email"))
    before = await world.snapshot(run_id)
    again = await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    assert again.deliveries == first.deliveries
    assert again.status == "completed"


async def test_repeating_delivers_only_what_is_open(world: World) -> None:
    """A message that has its final status is not ordered again."""
    run_id, first = await world.send(channel_step("mail", "email"))
    await world.deliver(first.deliveries[0].message_id)
    assert (await world.walk(run_id)).deliveries == []


async def test_repeating_a_walk_to_a_wait(world: World) -> None:
    """From the same cursor comes the same directive, with the same deliveries and no new rows."""
    run_id, first = await world.send(
        channel_step("mail", "email"), delay_step(), channel_step("feed")
    )
    before = await world.snapshot(run_id)
    again = await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    assert sleep_of(again) == sleep_of(first)
    assert (again.cursor, again.deliveries) == (first.cursor, first.deliveries)
    assert before["run"]["status"] == "paused"


async def test_repeating_a_resumed_walk(world: World) -> None:
    """After a wait the story says once that it is over, however often the walk is repeated."""
    run_id, first = await world.send(delay_step("a"), delay_step("b"), channel_step("feed"))
    second = await world.walk(run_id, first.cursor)
    before = await world.snapshot(run_id)
    assert [row["event"] for row in before["events"]] == [
        "run_started",
        "delay_started",
        "delay_completed",
        "delay_started",
    ]
    again = await world.walk(run_id, first.cursor)
    assert await world.snapshot(run_id) == before
    assert (again.cursor, again.next) == (second.cursor, second.next)


async def test_walking_from_the_start_again_recalls(world: World) -> None:
    """A reset from the Temporal UI walks through steps that were taken without taking them."""
    run_id, first = await world.send(channel_step("feed"), delay_step("a"), delay_step("b"))
    second = await world.walk(run_id, first.cursor)
    before = await world.snapshot(run_id)
    again = await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    assert (again.cursor, again.next) == (second.cursor, second.next)


async def test_16_concurrent_walks_make_one_message(world: World) -> None:
    """Two workers with the same walk wait for each other at the row; one of them does it."""
    await world.publish("both", channel_step("mail", "email"))
    run_id = await world.begin("both")
    directives = await asyncio.gather(*(world.walk(run_id) for _ in range(4)))
    assert len(await world.messages(run_id)) == 1
    assert len({order.message_id for one in directives for order in one.deliveries}) == 1
    assert all(len(one.deliveries) == 1 for one in directives)


async def test_broken_template_has_three_attempts(world: World) -> None:
    """A step that cannot be rendered is tried three times, then the run halts with errors."""
    run_id, first = await world.send(
        channel_step("mail", "email"), channel_step("bad", template=BROKEN), channel_step("feed")
    )
    assert first.cursor == "bad/2"
    assert len(first.deliveries) == 1
    second = await world.walk(run_id, first.cursor)
    assert sleep_of(second).until - sleep_of(first).until > 3
    last = await world.walk(run_id, second.cursor)
    assert (last.next, last.status) == (Finished(), "completed")
    told = [(row["event"], row["status"], row["attempt"]) for row in await world.events(run_id)]
    assert told[-4:] == [
        ("step_retrying", "error", 1),
        ("step_retrying", "error", 2),
        ("step_failed", "error", 3),
        ("run_halted", "error", 1),
    ]
    assert (await world.run(run_id))["error_count"] == 4
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["mail"]


async def test_repeating_a_failed_walk_uses_no_attempt(world: World) -> None:
    """The same walk again, whenever it comes, counts no attempt and answers the same."""
    run_id, first = await world.send(channel_step("bad", template=BROKEN))
    second = await _repeats_alike(world, run_id, "", first)
    third = await _repeats_alike(world, run_id, first.cursor, second)
    assert third.next == Finished()


async def _repeats_alike(world: World, run_id: str, cursor: str, answer: Advanced) -> Advanced:
    """Repeat a walk, check that it changed nothing, and take the next one."""
    before = await world.snapshot(run_id)
    again = await world.walk(run_id, cursor)
    assert (again.cursor, again.next) == (answer.cursor, answer.next)
    assert await world.snapshot(run_id) == before
    return await world.walk(run_id, answer.cursor)


async def test_a_mended_step_goes_on(world: World) -> None:
    """An attempt that succeeds makes its message once, and the run completes."""
    changing = {"markdown_body": "{% for i in (1..recipient.n) %}{% endfor %}"}
    ellie = {"id": "ellie", "n": 20000}
    run_id, first = await world.send(channel_step("feed", template=changing), recipients=[ellie])
    sleep_of(first)
    await world.trigger((await world.run(run_id))["workflow_key"], {"id": "ellie", "n": 1})
    assert (await world.walk(run_id, first.cursor)).next == Finished()
    assert len(await world.messages(run_id)) == 1


async def test_trigger_conditions_end_the_run(world: World) -> None:
    """Conditions of the workflow are judged when a run begins; unmet ones complete it at once."""
    await world.publish("cond", channel_step("feed"), conditions=when("data.vip", "equal_to", "1"))
    unmet = await world.begin("cond", data={"vip": 0})
    met = await world.begin("cond", data={"vip": 1})
    assert (await world.walk(unmet)).status == "completed"
    assert await world.reason(unmet, "run_completed") == "trigger_conditions_not_met"
    assert await world.messages(unmet) == []
    await world.walk(met)
    assert len(await world.messages(met)) == 1
    trace = next(
        row for row in await world.events(met) if row["event"] == "trigger_conditions_evaluated"
    )
    assert trace["data"]["passed"] is True


async def test_broken_trigger_conditions_halt(world: World) -> None:
    """Conditions that cannot be rendered end the run with an error instead of trying for ever."""
    broken = when("data.vip", "equal_to", "{{ (1..20000) | size }}")
    await world.publish("broken", channel_step("feed"), conditions=broken)
    run_id = await world.begin("broken", data={"vip": "1"})
    assert (await world.walk(run_id)).next == Finished()
    assert await world.reason(run_id, "run_halted") == "trigger_conditions_broken"
    assert (await world.run(run_id))["error_count"] == 2


async def test_23_inactive_workflow_ends_a_waiting_run(world: World) -> None:
    """A run that wakes in a workflow that was turned off takes no further step."""
    await world.publish("off", delay_step(), channel_step("feed"))
    run_id = await world.begin("off")
    first = await world.walk(run_id)
    await world.activate("off", active=False)
    assert (await world.walk(run_id, first.cursor)).status == "completed"
    assert await world.reason(run_id, "run_completed") == "workflow_inactive"
    assert await world.messages(run_id) == []


async def test_lost_messages_of_a_run_that_is_ended_go_out(world: World) -> None:
    """A walk made a message, its answer was lost, the workflow turned off: it is delivered."""
    await world.publish("lost", channel_step("mail", "email"), delay_step())
    run_id = await world.begin("lost")
    lost = await world.walk(run_id)
    await world.activate("lost", active=False)
    again = await world.walk(run_id)
    assert (again.next, again.deliveries) == (Finished(), lost.deliveries)


async def test_22_deleted_recipient_ends_the_run(world: World) -> None:
    """A recipient deleted while the run waited gets nothing."""
    run_id, first = await world.send(delay_step(), channel_step("feed"))
    await world.make.rows(
        "DELETE FROM recipients WHERE environment_id = %s RETURNING 1", world.environment.id
    )
    await world.walk(run_id, first.cursor)
    assert await world.reason(run_id, "run_completed") == "recipient_missing"


async def test_deleted_run_is_over(world: World) -> None:
    """A run that is gone finishes its Temporal workflow."""
    directive = await world.walk("00000000-0000-7000-8000-000000000000")
    assert (directive.next, directive.status) == (Finished(), "missing")


async def test_a_run_keeps_its_version(world: World) -> None:
    """A commit while a run waits changes new runs only."""
    await world.publish("pinned", delay_step(), channel_step("old"))
    old = await world.begin("pinned")
    first = await world.walk(old)
    await world.publish("pinned", channel_step("new"))
    await world.walk(old, first.cursor)
    fresh = await world.begin("pinned")
    await world.walk(fresh)
    assert [row["step_ref"] for row in await world.messages(old)] == ["old"]
    assert [row["step_ref"] for row in await world.messages(fresh)] == ["new"]


async def test_data_of_one_recipient(world: World) -> None:
    """For one recipient `$trigger_data` wins over the trigger's data, whole keys at a time."""
    await world.publish("own", channel_step("feed"))
    trigger = await world.trigger(
        "own",
        {"id": "a", "name": "A", "$trigger_data": {"x": "mine"}},
        {"id": "b", "name": "B"},
        data={"x": "ours", "y": 1},
    )
    for run in await world.runs(trigger):
        await world.walk(run["id"])
    data = [(await world.messages(run["id"]))[0]["data"] for run in await world.runs(trigger)]
    assert data == [{"x": "mine", "y": 1}, {"x": "ours", "y": 1}]


async def test_cancel_through_temporal_is_recorded_once(world: World) -> None:
    """An operator's cancel ends the run with its reason; what was made still goes out."""
    run_id, first = await world.send(
        channel_step("mail", "email"), delay_step(), channel_step("feed")
    )
    ended = await world.walk(run_id, first.cursor, cancel=True)
    assert (ended.status, ended.deliveries) == ("cancelled", first.deliveries)
    before = await world.snapshot(run_id)
    assert before["run"]["resumes_at"] is None
    assert (await world.walk(run_id, first.cursor, cancel=True)).deliveries == first.deliveries
    assert await world.snapshot(run_id) == before
    assert await world.reason(run_id, "run_cancelled") == "cancelled_in_temporal"
