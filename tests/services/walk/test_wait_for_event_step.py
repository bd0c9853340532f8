"""The wait step within a run: which event ends it, what follows, and what later steps see.

The numbers are those of the races that the engine has to decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contract.runs import Advanced, AwaitEvent
from domain.kit.clock import utc_now
from domain.kit.json_types import JsonObject
from domain.messages.engagement import Engagement, StatusChange
from services.messages.messages import engage_many
from tests.support.send_windows import closed_for_now
from tests.support.steps import branch, branch_step, message_event, wait_step
from tests.support.world import World, channel_step, when

KEY = "flow"
FEED = when("event.step_ref", "equal_to", "feed")
SECOND = timedelta(seconds=1)


async def begin(world: World, *steps: JsonObject, **body: Any) -> tuple[str, Advanced]:
    """Publish steps, trigger them for one recipient, and take the first walk."""
    await world.publish(KEY, *steps)
    run_id = await world.begin(KEY, **body)
    return run_id, await world.walk(run_id)


async def send_and_wait(world: World, *then: JsonObject, **settings: Any) -> str:
    """Send a message to a feed, and wait until it is read; answers the run."""
    wait = wait_step(message_event("read", KEY), FEED, **settings)
    run_id, _ = await begin(world, channel_step("feed"), wait, *then)
    return run_id


async def engage(world: World, run_id: str, action: Engagement = Engagement.READ) -> UUID:
    """Let the recipient do something with the first message of a run."""
    message_id: UUID = (await world.messages(run_id))[0]["id"]
    change = StatusChange(action)
    await engage_many(world.engine, world.environment.scope, [message_id], [message_id], change)
    return message_id


async def resume(world: World, run_id: str, ref: str = "wait_1") -> Advanced:
    """Let the run look for its event."""
    return await world.walk(run_id, f"{ref}/resume")


async def waits(world: World) -> list[dict[str, Any]]:
    """Return the waits of the environment."""
    return await world.make.rows(
        "SELECT * FROM event_waits WHERE environment_id = %s ORDER BY registered_at",
        world.environment.id,
    )


async def expiry(world: World) -> datetime:
    """Return when the only wait of the environment ends."""
    (wait,) = await waits(world)
    ends: datetime = wait["expires_at"]
    return ends


async def test_the_run_pauses(world: World) -> None:
    """The run is paused until its event comes or its time is over, and tells what it waits for."""
    wait = wait_step(message_event("read", KEY), FEED, seconds=60)
    run_id, advanced = await begin(world, channel_step("feed"), wait)

    assert isinstance(advanced.next, AwaitEvent)
    assert advanced.cursor == "wait_1/resume"
    run = await world.run(run_id)
    assert run["status"] == "paused"
    assert run["resumes_at"] == await expiry(world)
    told = (await world.events(run_id))[-1]
    assert told["event"] == "wait_registered"
    assert (told["data"]["event_key"], told["data"]["source_key"]) == ("read", KEY)


async def test_a_repeated_walk_waits_on(world: World) -> None:
    """A walk whose answer was lost answers the same wait, and registers none beside it."""
    run_id = await send_and_wait(world)
    before = await world.snapshot(run_id)
    advanced = await world.walk(run_id)
    assert isinstance(advanced.next, AwaitEvent)
    assert await world.snapshot(run_id) == before
    assert len(await waits(world)) == 1


async def test_the_event_ends_the_wait(world: World) -> None:
    """The run goes on with the event, which later conditions and templates see under `refs`."""
    shown = {
        "markdown_body": "{{ refs.wait_1.matched }} {{ refs.wait_1.signal_variables.step_ref }}"
    }
    matched = when("refs.wait_1.signal_variables.source.key", "equal_to", KEY)
    then = branch_step(
        "choose",
        branch("yes", channel_step("said", template=shown), conditions=matched),
        branch("no", channel_step("unsaid")),
    )
    run_id = await send_and_wait(world, then)
    await engage(world, run_id)
    assert (await resume(world, run_id)).status == "completed"
    told = [row for row in await world.events(run_id) if row["event"].startswith("wait_")]
    judged, matching = told[1:]
    assert (judged["event"], matching["event"]) == ("wait_conditions_evaluated", "wait_matched")
    assert (judged["data"]["passed"], judged["data"]["event_id"]) == (
        True,
        matching["data"]["event_id"],
    )
    assert judged["data"]["conditions"][0]["result"] == "true"
    _, said = await world.messages(run_id)
    assert said["step_ref"] == "said"
    assert said["content"]["blocks"][0]["rendered"].strip() == "<p>true feed</p>"


async def test_later_walks_see_the_event(world: World) -> None:
    """What the event said is still there when the run has slept behind the wait."""
    await world.publish(
        KEY,
        channel_step("feed"),
        wait_step(message_event("read", KEY), FEED),
        {"type": "delay", "ref": "d", "settings": {"delay_for": {"unit": "hours", "value": 1}}},
        channel_step(
            "last", template={"markdown_body": "{{ refs.wait_1.signal_variables.event_type }}"}
        ),
    )
    run_id = await world.begin(KEY)
    await world.walk(run_id)
    await engage(world, run_id)
    await resume(world, run_id)
    await world.walk(run_id, "d/resume")
    last = (await world.messages(run_id))[-1]
    assert last["content"]["blocks"][0]["rendered"].strip() == "<p>message.read</p>"


async def test_an_event_that_does_not_match(world: World) -> None:
    """An event that the conditions reject is told with its trace, once, and the run waits on."""
    wait = wait_step(message_event("seen", KEY), when("event.step_ref", "equal_to", "other"))
    run_id, _ = await begin(world, channel_step("feed"), wait)
    await engage(world, run_id, Engagement.SEEN)
    for _ in range(2):
        assert isinstance((await resume(world, run_id)).next, AwaitEvent)

    told = [e for e in await world.events(run_id) if e["event"] == "wait_conditions_evaluated"]
    assert len(told) == 1
    (line,) = told[0]["data"]["conditions"]
    assert (line["variable"], line["variable_value"], line["result"]) == (
        "event.step_ref", "feed", "false",
    )  # fmt: skip


async def test_what_the_run_has_done_before_does_not_count(world: World) -> None:
    """A message that the run made on its way to the wait was delivered before it."""
    wait = wait_step(message_event("delivered", KEY), FEED)
    run_id, _ = await begin(world, channel_step("feed"), wait)
    assert isinstance((await resume(world, run_id)).next, AwaitEvent)


async def test_an_item_is_delivered_when_its_window_opens(world: World) -> None:
    """A run that waits for that goes on then, and not with the making of the item."""
    await world.publish("other", channel_step("feed", send_windows=closed_for_now(world)))
    run_id, _ = await begin(world, wait_step(message_event("delivered", "other"), FEED))
    (order,) = (await world.walk(await world.begin("other"))).deliveries
    assert isinstance((await resume(world, run_id)).next, AwaitEvent)
    await world.change_delivery(order.message_id, "due_at = now()")
    assert await world.deliver(order.message_id) == "delivered"
    assert (await resume(world, run_id)).status == "completed"


async def test_a_message_of_another_run_counts(world: World) -> None:
    """Another run may make the message, of the named workflow and for the same recipient."""
    await world.publish("other", channel_step("feed"))
    run_id, _ = await begin(world, wait_step(message_event("created", "other"), FEED))
    someone = await world.begin("other", {"id": "sam"})
    await world.walk(someone)
    assert isinstance((await resume(world, run_id)).next, AwaitEvent)
    await world.walk(await world.begin("other"))
    assert (await resume(world, run_id)).status == "completed"


@pytest.mark.parametrize("event_key", ["started", "completed"])
async def test_another_workflow(world: World, event_key: str) -> None:
    """A run of another workflow is heard of when it starts or completes, with its data."""
    await world.publish("other", channel_step("feed"))
    event = {"event_type": "workflow", "event_key": event_key, "source_key": "other"}
    run_id, _ = await begin(world, wait_step(event, when("event.notify_data.n", "equal_to", "2")))
    for number in (1, 2):
        await world.walk(await world.begin("other", data={"n": number}))
    assert (await resume(world, run_id)).status == "completed"
    told = [name for name in await world.story(run_id) if name.startswith("wait_")]
    judged = ["wait_conditions_evaluated"] * 2
    assert told == ["wait_registered", *judged, "wait_matched"]


async def test_conditions_are_judged_on_arrival(world: World) -> None:
    """A wait whose own conditions do not hold is passed without a wait."""
    wait = wait_step(message_event("read", KEY), FEED)
    wait["conditions"] = when("data.waits", "equal_to", "true")
    run_id, advanced = await begin(world, wait, channel_step("feed"))
    assert advanced.status == "completed"
    assert await world.reason(run_id) == "conditions not met"
    assert await waits(world) == []


async def test_halt_when_it_comes(world: World) -> None:
    """With `halt` the event cancels the run."""
    run_id = await send_and_wait(world, channel_step("never"), on_match="halt")
    await engage(world, run_id)
    assert (await resume(world, run_id)).status == "cancelled"
    run = await world.run(run_id)
    assert (run["status"], run["end_reason"], run["error_count"]) == (
        "cancelled",
        "wait_matched",
        0,
    )
    assert len(await world.messages(run_id)) == 1
    assert (await world.story(run_id))[-2:] == ["wait_matched", "run_cancelled"]


async def test_the_time_is_over(world: World) -> None:
    """Without an event the run is cancelled at the end of the wait, as is said by default."""
    run_id = await send_and_wait(world, channel_step("never"))
    late = world.at(await expiry(world))
    assert (await resume(late, run_id)).status == "cancelled"
    assert (await world.run(run_id))["end_reason"] == "wait_timed_out"
    assert await waits(world) == []


async def test_the_time_is_over_and_the_run_goes_on(world: World) -> None:
    """With `continue` the run goes on without an event, and later steps see that none came."""
    reminder = channel_step("reminder", conditions=when("refs.wait_1.matched", "equal_to", "false"))
    run_id = await send_and_wait(world, reminder, on_timeout="continue")
    assert (await resume(world.at(await expiry(world)), run_id)).status == "completed"
    assert [m["step_ref"] for m in await world.messages(run_id)] == ["feed", "reminder"]


async def test_17_an_event_before_the_wait_was_stored(world: World) -> None:
    """An event between arrival and commit of the wait is found by the look that follows."""
    wait = wait_step(message_event("read", "other"), FEED)
    await world.publish("other", channel_step("feed"))
    await world.publish(KEY, wait)
    other = await world.begin("other")
    await world.walk(other)
    run_id = await world.begin(KEY)
    arrival = utc_now()
    await engage(world, other)
    signals = world.engine.temporal.signals  # type: ignore[attr-defined]
    await world.at(arrival).walk(run_id)

    assert [(name, args) for _id, name, args in signals] == [("event_arrived", ("wait_1",))]
    assert (await resume(world, run_id)).status == "completed"


async def test_18_an_event_at_the_last_moment(world: World) -> None:
    """An event within the wait wins over its end, although nobody told the run of it."""
    run_id = await send_and_wait(world, seconds=60, on_timeout="halt")
    ends = await expiry(world)
    await engage(world.at(ends), run_id)
    assert (await resume(world.at(ends + SECOND), run_id)).status == "completed"


async def test_an_event_after_the_end(world: World) -> None:
    """An event behind the end of the wait is nothing to it, also when the run looks late."""
    run_id = await send_and_wait(world, seconds=60)
    ends = await expiry(world)
    await engage(world.at(ends + SECOND), run_id)
    assert (await resume(world.at(ends + 2 * SECOND), run_id)).status == "cancelled"
    assert (await world.run(run_id))["end_reason"] == "wait_timed_out"


async def test_19_the_first_of_two_claims(world: World) -> None:
    """Of two events that match the first is claimed; the second is not even judged."""
    wait = wait_step(message_event("interacted", KEY), FEED)
    run_id, _ = await begin(world, channel_step("feed"), wait, channel_step("last"))
    first = utc_now()
    await engage(world.at(first), run_id, Engagement.INTERACTED)
    await engage(world.at(first + SECOND), run_id, Engagement.INTERACTED)
    await resume(world, run_id)
    again = await world.snapshot(run_id)
    await resume(world, run_id)

    assert await world.snapshot(run_id) == again
    (matched,) = [e for e in await world.events(run_id) if e["event"] == "wait_matched"]
    assert matched["data"]["happened_at"].startswith(first.isoformat()[:23])
    assert len(await world.messages(run_id)) == 2


async def test_broken_conditions_fail_the_step(world: World) -> None:
    """Match conditions that cannot be judged fail the step after three attempts."""
    broken = when("event.step_ref", "equal_to", "{{ data.x")
    wait = wait_step(message_event("read", KEY), broken)
    run_id, _ = await begin(world, channel_step("feed"), wait, data={"x": 1})
    await engage(world, run_id)
    cursor = "wait_1/resume"
    for _ in range(3):
        advanced = await world.walk(run_id, cursor)
        cursor = advanced.cursor
    assert (await world.run(run_id))["end_reason"] == "step_failed"
