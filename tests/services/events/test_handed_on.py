"""Whatever stores an event hands it on to who has subscribed, in the same statement."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.contract.runs import AdvanceInput
from domain.messages.engagement import Engagement
from models.queries.runs import open_runs
from services.deliveries.retries import retry_message
from services.messages.messages import StatusChange, engage_many
from services.walk.transaction import tell_stalled
from tests.support.extra_steps import ExtraExecutor, extra, extra_step
from tests.support.outbox import Listener, listening
from tests.support.steps import channel_step, delay_step
from tests.support.world import World

__all__ = ["extra"]

_BROKEN = {"markdown_body": "{% for i in (1..20000) %}{% endfor %}"}


async def _rows_in_outbox(world: World) -> int:
    rows = await world.make.rows(
        "SELECT 1 FROM outbox WHERE environment_id = %s", world.environment.id
    )
    return len(rows)


async def _mail(world: World) -> UUID:
    """Make an e-mail that is on its way."""
    run_id, _ = await world.send(channel_step("mail", "email"))
    return UUID(str((await world.messages(run_id))[0]["id"]))


async def test_a_walk_is_told_from_its_start_to_its_end(world: World, listener: Listener) -> None:
    """A run's start comes first, then what happened to its message, and its end last."""
    run_id, _ = await world.send(channel_step("feed"), tenant="acme")
    assert await listener.listen() == [
        "run_started",
        "message_enqueued",
        "message.created",
        "message.queued",
        "message.delivered",
        "run_completed",
    ]
    run, (message,) = await world.run(run_id), await world.messages(run_id)
    for row in listener.heard:
        assert row.environment_id == world.environment.id
        assert (row.recipient_run_id, row.workflow_run_id) == (run["id"], run["workflow_run_id"])
        assert (row.workflow_key, row.tenant_id) == (run["workflow_key"], "acme")
        assert (row.collection, row.recipient_id) == ("$users", "ellie")
        assert row.happened_at == run["started_at"]
    of_message = [row for row in listener.heard if row.message_id]
    assert {row.message_id for row in of_message} == {message["id"]}
    assert {row.channel_id for row in of_message} == {message["channel_id"]}
    assert {row.step_ref for row in of_message} == {"feed"}
    assert [row.position for row in listener.heard if not row.message_id] == [0, 1, 2]


async def test_ids_are_those_of_the_stories(world: World, listener: Listener) -> None:
    """An event that is handed on can be looked up: in its message's story, or in its run's."""
    run_id, _ = await world.send(channel_step("mail", "email"), delay_step())
    (message,) = await world.messages(run_id)
    await world.deliver(message["id"])
    await listener.listen()
    told = [(row.event_id, row.event_type) for row in listener.heard if row.message_id]
    stored = await world.message_events(message["id"])
    assert told == [(row["id"], f"message.{row['event_type']}") for row in stored]
    told_of_run = [(row.position, row.event_type) for row in listener.heard if not row.message_id]
    assert told_of_run == [(row["position"], row["event"]) for row in await world.events(run_id)]


async def test_nobody_has_subscribed(world: World) -> None:
    """Where nobody wants to hear, nothing is put into the outbox."""
    message_id = await _mail(world)
    await world.deliver(message_id)
    await engage_many(
        world.engine, world.environment.scope, [message_id], [message_id],
        StatusChange(Engagement.READ),
    )  # fmt: skip
    assert await _rows_in_outbox(world) == 0


async def test_only_what_was_asked_for(world: World) -> None:
    """Of all that happens, only the events that somebody asked for are put into the outbox."""
    async with listening(
        world.engine, world.environment.id, "run_completed", "message.read"
    ) as one:
        run_id, _ = await world.send(channel_step("feed"))
        (message,) = await world.messages(run_id)
        change = StatusChange(Engagement.INTERACTED)
        ids = [message["id"]]
        await engage_many(world.engine, world.environment.scope, ids, ids, change)
        assert await _rows_in_outbox(world) == 2
        assert await one.listen() == ["run_completed", "message.read"]


async def test_a_subscription_is_heard_by_the_next_walk(world: World) -> None:
    """A process that has walked before notices a subscription, and its end, at once."""
    await world.publish("flow", channel_step("feed"))
    await world.walk(await world.begin("flow"))
    async with listening(world.engine, world.environment.id, "run_completed") as one:
        await world.walk(await world.begin("flow"))
        assert await one.listen() == ["run_completed"]
    before = await _rows_in_outbox(world)
    await world.walk(await world.begin("flow"))
    assert await _rows_in_outbox(world) == before


async def test_another_environment_hears_nothing(world: World, listener: Listener) -> None:
    """A subscription is for one environment."""
    other = World(world.engine, world.make, await world.make.environment())
    await other.channel("in_app_feed")
    await other.send(channel_step("feed"))
    assert await listener.listen() == []
    assert await _rows_in_outbox(other) == 0


async def test_outcomes_of_attempts(world: World, listener: Listener) -> None:
    """Attempts that fail, and the one that ends it, are told as the message's story tells them."""
    message_id = await _mail(world)
    await listener.listen()
    await world.make.rows(
        "UPDATE messages SET content = content - 'to' WHERE id = %s RETURNING 1", message_id
    )
    await world.deliver(message_id)
    story = await world.message_story(str(message_id))
    assert await listener.listen() == [f"message.{name}" for name in story[2:]]
    assert len(story) > 2


async def test_a_retry_by_hand(world: World, listener: Listener) -> None:
    """A message that is sent again is queued again."""
    message_id = await _mail(world)
    await world.make.rows(
        "UPDATE messages SET delivery_status = 'undelivered' WHERE id = %s RETURNING 1", message_id
    )
    await world.make.rows("DELETE FROM deliveries WHERE message_id = %s RETURNING 1", message_id)
    await listener.listen()
    await retry_message(world.engine, world.environment.scope, message_id)
    assert await listener.listen() == ["message.queued"]
    assert listener.heard[-1].event_id == (await world.message_events(str(message_id)))[-1]["id"]


async def test_a_message_kept_in_the_sandbox(world: World, listener: Listener) -> None:
    """A message that is not to be sent is told so by its walk."""
    await world.send(channel_step("mail", "email"), settings={"sandbox_mode": True})
    told = await listener.listen()
    assert told[-2:] == ["message.not_sent", "run_completed"]


async def test_engagement_is_told_where_it_changes_something(
    world: World, listener: Listener
) -> None:
    """Reading twice is told once; each interaction is told."""
    run_id, _ = await world.send(channel_step("feed"))
    ids = [(await world.messages(run_id))[0]["id"]]
    await listener.listen()
    for action in (Engagement.READ, Engagement.READ, Engagement.INTERACTED, Engagement.INTERACTED):
        scope = world.environment.scope
        await engage_many(world.engine, scope, ids, ids, StatusChange(action))
    assert await listener.listen() == [
        "message.read",
        "message.seen",
        "message.interacted",
        "message.interacted",
    ]


async def test_a_cancelled_run(world: World, listener: Listener) -> None:
    """A cancel is told of each run that it ends, and counts no error."""
    run_id, _ = await world.send(delay_step(), cancellation_key="ck")
    await listener.listen()
    run = await world.run(run_id)
    await world.cancel(run["workflow_key"], "ck")
    assert await listener.listen() == ["run_cancelled"]
    assert listener.heard[-1].position == run["event_count"]
    assert (await world.run(run_id))["error_count"] == 0


async def test_a_run_cancelled_in_temporal(world: World, listener: Listener) -> None:
    """A run that is cancelled through Temporal is told like every other."""
    run_id, _ = await world.send(delay_step())
    await listener.listen()
    await world.walk(run_id, cancel=True)
    assert await listener.listen() == ["run_cancelled"]


async def test_a_run_that_the_sweep_ends(world: World, listener: Listener) -> None:
    """The end of a run that Temporal lost is told, and is an error that counts."""
    run_id, _ = await world.send(delay_step())
    await listener.listen()
    async with world.engine.connection() as connection:
        (run,) = await open_runs.open_runs_by_id(connection, [UUID(run_id)])
        ended = [(run, {"reason": "ended_in_temporal"})]
        assert await open_runs.end_runs(connection, ended) == {UUID(run_id)}
    assert await listener.listen() == ["run_cancelled"]
    assert (await world.run(run_id))["error_count"] == 1


async def test_a_run_that_stalls(world: World, listener: Listener) -> None:
    """A stalled run is told once, and is an error that counts."""
    await world.publish("stalls", channel_step("feed"))
    run_id = await world.begin("stalls")
    order = AdvanceInput(run_id, str(world.environment.id))
    for _ in range(2):
        await tell_stalled(world.engine, order, "abc", "LookupError")
    assert await listener.listen() == ["run_stalled"]
    assert (await world.run(run_id))["error_count"] == 1


@pytest.mark.parametrize("times", [1, 3])
async def test_every_error_is_counted(world: World, listener: Listener, times: int) -> None:
    """A run counts as many errors as its story tells, whatever writes them."""
    broken = channel_step("feed", template=_BROKEN)
    run_id, advanced = await world.send(broken)
    for _ in range(times - 1):
        advanced = await world.walk(run_id, advanced.cursor)
    errors = [event for event in await world.events(run_id) if event["status"] == "error"]
    run = await world.run(run_id)
    assert run["error_count"] == len(errors) >= times
    told = await listener.listen()
    assert told[-1] == ("run_halted" if times == 3 else "step_retrying")


async def test_a_walk_that_was_undone_is_not_told(
    world: World, listener: Listener, extra: ExtraExecutor
) -> None:
    """What PostgreSQL refused never happened; the walk that was stored instead is told once."""
    await world.send(channel_step("before"), extra_step("bad", "raw"))
    told = await listener.listen()
    assert told.count("run_started") == told.count("message.created") == 1
    assert "run_completed" not in told


async def test_a_walk_that_is_repeated_tells_nothing_twice(
    world: World, listener: Listener
) -> None:
    """The answer of a walk may be lost; the walk after it tells nothing again."""
    run_id, _ = await world.send(channel_step("feed"))
    await listener.listen()
    await world.walk(run_id)
    assert await listener.listen() == []
