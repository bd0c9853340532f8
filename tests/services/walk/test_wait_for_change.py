"""Waits for changes of the recipient, for audiences, and for messages of broadcasts and guides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from domain.channels.in_app_guide import GUIDE_PROVIDER
from domain.contract.runs import AwaitEvent
from domain.guides.requests import GuideSeenIn
from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.messages.engagement import Engagement, StatusChange
from domain.preferences.rows import Persistence
from domain.recipients.refs import RecipientRef
from models.queries.recipients.recipients import hold_recipient
from models.queries.waits.changes import hold_unchanged
from services.audiences.archiving import archive_audience
from services.bulk.departures import merge_users
from services.guides import engaging
from services.preferences.sets import delete_set, write_set
from services.preferences.unsubscribing import unsubscribe, unsubscribe_url
from services.recipients.channel_data import set_channel_data, unset_channel_data
from services.waits.sweep import look_after_waits
from services.walk.steps import wait_for_event
from tests.support.audiences import build
from tests.support.broadcasts import draft, join, leave, make_runs, send
from tests.support.guides import CHANNEL_KEY, publish_guide
from tests.support.steps import audience_step, feed_step, wait_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until, until_blocked
from tests.support.world import World, channel_step, when

KEY = "flow"
ELLIE = RecipientRef.user("ellie")
UPDATED: JsonObject = {"event_type": "recipient", "event_key": "updated"}
IS_PRO = [{"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}]


def moved(transition: str, audience: str = "vip") -> JsonObject:
    """Write what a step waits for: that the recipient enters or leaves an audience."""
    return {"event_type": "audience", "event_key": transition, "audience_key": audience}


async def wait_for(world: World, event: JsonObject, *conditions: JsonObject, **body: Any) -> str:
    """Begin a run that waits; answers it."""
    await world.publish(
        KEY, wait_step(event, *conditions), feed_step("{{ refs.wait_1.signal_variables | json }}")
    )
    run_id = await world.begin(KEY, **body)
    assert isinstance((await world.walk(run_id)).next, AwaitEvent)
    return run_id


async def goes_on(world: World, run_id: str) -> bool:
    """Let a run look; tells whether its event has come."""
    return (await world.walk(run_id, "wait_1/resume")).status == "completed"


async def seen(world: World, run_id: str) -> JsonObject:
    """Return the event as later steps see it."""
    run = await world.run(run_id)
    assert run["status"] == "completed"
    (row,) = await world.make.rows(
        "SELECT output FROM event_waits WHERE recipient_run_id = %s", run_id
    )
    found: JsonObject = row["output"]
    return found


def told(temporal: TemporalRecorder) -> list[str]:
    """Return the runs that were told to look."""
    return [
        name.rpartition("/")[2] for name, signal, _ in temporal.signals if signal == "event_arrived"
    ]


async def kept(world: World) -> int:
    """Return how many changes are stored for waits."""
    (row,) = await world.make.rows(
        "SELECT count(*) AS count FROM awaited_changes WHERE environment_id = %s",
        world.environment.id,
    )
    return int(row["count"])


async def test_a_change_of_the_recipient(world: World, temporal: TemporalRecorder) -> None:
    """A change of the run's recipient ends the wait, and is seen as it was made."""
    run_id = await wait_for(world, UPDATED)
    await world.identify("somebody-else", plan="pro")
    assert not await goes_on(world, run_id)
    await world.identify("ellie", plan="pro", email="new@example.com")
    assert told(temporal) == [run_id]
    await world.identify("ellie", plan="free")

    assert await goes_on(world, run_id)
    event = await seen(world, run_id)
    assert event["recipient"] == "ellie"
    assert event["event_type"] == "recipient.updated"
    assert event["properties"]["plan"] == "pro"
    assert event["knock_traits"] == {"name": "Ellie", "email": "new@example.com"}
    assert await kept(world) == 0


async def test_what_does_not_change_the_recipient(world: World) -> None:
    """Saying what is known already ends no wait, and nothing is kept of it."""
    channel_id = await world.channel("push", "waits-push")
    said: JsonObject = {
        "channel_data": {str(channel_id): {"tokens": ["t"]}},
        "preferences": {"default": {"workflows": {KEY: False}}},
    }
    await world.identify("ellie", **said)
    run_id = await wait_for(world, UPDATED)
    await world.identify("ellie", name="Ellie", **said)
    assert not await goes_on(world, run_id)
    assert await kept(world) == 0


async def test_a_change_that_does_not_match(world: World) -> None:
    """Each change is judged with what it said; the first that passes ends the wait."""
    is_pro = when("event.properties.plan", "equal_to", "pro")
    run_id = await wait_for(world, UPDATED, is_pro)
    await world.identify("ellie", plan="basic")
    assert not await goes_on(world, run_id)
    await world.identify("ellie", plan="pro")
    await world.identify("ellie", plan="basic")
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["properties"]["plan"] == "pro"


async def test_preferences_and_channel_data(world: World) -> None:
    """New preferences and channel data are changes of the recipient, too."""
    channel_id = await world.channel("push", "waits-push")
    run_id = await wait_for(world, UPDATED)
    await world.identify("ellie", preferences={"default": {"workflows": {KEY: False}}})
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["preferences"]["default"]["workflows"] == {KEY: False}

    run_id = await wait_for(world, UPDATED)
    await world.identify("ellie", channel_data={str(channel_id): {"tokens": ["t"]}})
    assert await goes_on(world, run_id)
    assert str(channel_id) in (await seen(world, run_id))["channel_data"]


async def test_a_device_that_bounces(world: World) -> None:
    """A device that is taken from the recipient, as a message to it bounced, is a change."""
    channel_id = await world.channel("push", "waits-push", secrets={"fail": "bounce"})
    await world.identify("ellie", channel_data={str(channel_id): {"tokens": ["a"]}})
    run_id = await wait_for(world, UPDATED)
    sending, _ = await world.send(channel_step("push", "push", channel_key="waits-push"))
    (message,) = await world.messages(sending)
    assert await world.deliver(message["id"]) == "bounced"
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["channel_data"] == {str(channel_id): {"tokens": []}}


async def test_credentials_of_channels(world: World) -> None:
    """Nothing is kept for a wait with which somebody could send in the recipient's name."""
    channel_id = str(await world.channel("chat", "waits-chat", provider="chat_slack"))
    run_id = await wait_for(world, UPDATED)
    connections = [
        {"access_token": "xoxb-secret", "channel_id": "C1"},
        {"incoming_webhook": {"url": "https://hooks.example.com/secret"}},
    ]
    data = {"connections": connections, "token": {"access_token": "xoxb-secret"}}
    await world.identify("ellie", channel_data={channel_id: data})
    assert await goes_on(world, run_id)
    event = await seen(world, run_id)
    assert "secret" not in json.dumps(event)
    assert event["channel_data"][channel_id]["connections"] == [
        {"channel_id": "C1"},
        {"incoming_webhook": {}},
    ]


async def test_28_changes_beside_a_wait(world: World) -> None:
    """A change that meets the registration of a wait waits for it, and then ends it."""
    await world.publish(KEY, wait_step(UPDATED), feed_step())
    run_id = await world.begin(KEY)
    holder = world.with_parts()
    async with holder.engine.unit() as unit:
        await unit.connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'ellie' FOR SHARE",
            (world.environment.id,),
        )
        change = asyncio.create_task(world.identify("ellie", plan="pro"))
        await until_blocked(world.make)
        await world.walk(run_id)
    await change
    assert await goes_on(world, run_id)


@pytest.mark.parametrize(
    ("transition", "by_step"),
    [("enter", True), ("enter", False), ("exit", True), ("exit", False)],
)
async def test_28_members_beside_a_wait(world: World, transition: str, by_step: bool) -> None:
    """Who enters or leaves while a run begins to wait for it waits, and then ends the wait."""
    await world.audience("vip")
    await join(world, "vip", "somebody-else", *(["ellie"] if transition == "exit" else []))
    await world.publish(KEY, wait_step(moved(transition)), feed_step())
    run_id = await world.begin(KEY)
    action = "add" if transition == "enter" else "remove"
    await world.publish("mover", audience_step("vip", action))
    moving_id = await world.begin("mover")
    other = world.with_parts()

    async def change() -> None:
        if not by_step:
            await (leave if transition == "exit" else join)(other, "vip", "ellie")
            return
        async with asyncio.timeout(20):
            while True:  # a walk that has given way is repeated
                with suppress(Unavailable):
                    await other.walk(moving_id)
                    return

    async with world.with_parts().engine.unit() as unit:
        await hold_unchanged(unit.connection, world.environment.id, RecipientRef.user("ellie"))
        task = asyncio.create_task(change())
        await until_blocked(world.make)
        await world.walk(run_id)
    await task
    assert await goes_on(world, run_id)


async def test_a_wait_gives_way(world: World) -> None:
    """A walk that meets a change gives its run back before it stands in a deletion's way."""
    await world.publish(KEY, wait_step(UPDATED), feed_step())
    run_id = await world.begin(KEY)
    await world.identify("ellie")
    async with world.with_parts().engine.unit() as unit:
        await hold_recipient(unit.connection, world.environment.id, RecipientRef.user("ellie"))
        with pytest.raises(Unavailable):
            await world.walk(run_id)
    assert isinstance((await world.walk(run_id)).next, AwaitEvent)


async def test_what_is_taken_back_is_a_change(world: World) -> None:
    """To unsubscribe, and to forget a set or channel data; but not where there was none."""
    engine, scope = world.engine, world.environment.scope
    channel_id = await world.channel("push", "waits-push")
    await set_channel_data(engine, scope, ELLIE, channel_id, {"tokens": ["t"]})
    token = unsubscribe_url(engine, scope.id, ELLIE).rpartition("/")[2]

    for take_back in (
        lambda: unsubscribe(engine, token),
        lambda: delete_set(engine, scope, ELLIE, "default"),
        lambda: unset_channel_data(engine, scope, ELLIE, channel_id),
    ):
        run_id = await wait_for(world, UPDATED)
        await take_back()
        assert await goes_on(world, run_id)
        run_id = await wait_for(world, UPDATED)
        await take_back()
        assert not await goes_on(world, run_id)
        await world.identify("ellie", step=run_id)
        assert await goes_on(world, run_id)


async def test_the_same_preferences_are_no_change(world: World) -> None:
    """Setting what is set already ends no wait."""
    wishes: JsonObject = {"workflows": {KEY: False}}

    async def set_wishes() -> None:
        where = (world.engine, world.environment.scope, ELLIE, "default")
        await write_set(*where, wishes, how=Persistence.MERGE)

    await set_wishes()
    run_id = await wait_for(world, UPDATED)
    await set_wishes()
    assert not await goes_on(world, run_id)
    wishes["categories"] = {"news": False}
    await set_wishes()
    assert await goes_on(world, run_id)


async def beside_a_registration(world: World, change: Callable[[], Awaitable[Any]]) -> str:
    """Make a change while a wait is registered; answers the run, which has arrived at it."""
    await world.publish(KEY, wait_step(UPDATED), feed_step())
    run_id = await world.begin(KEY)
    async with world.with_parts().engine.unit() as unit:
        await hold_unchanged(unit.connection, world.environment.id, ELLIE)
        changing = asyncio.create_task(change())
        await until_blocked(world.make)
        await world.walk(run_id)
    await changing
    return run_id


async def test_preferences_beside_a_wait(world: World) -> None:
    """Preferences that are set while a wait for them is registered come after it, and end it."""

    def change() -> Awaitable[Any]:
        return write_set(
            *(world.engine, world.environment.scope, ELLIE, "default"),
            {"workflows": {KEY: False}},
            how=Persistence.MERGE,
        )

    assert await goes_on(world, await beside_a_registration(world, change))


async def test_channel_data_beside_a_wait(world: World) -> None:
    """So does channel data."""
    channel_id = await world.channel("push", "waits-push")

    def change() -> Awaitable[Any]:
        scope = world.environment.scope
        return set_channel_data(world.engine, scope, ELLIE, channel_id, {"tokens": ["t"]})

    assert await goes_on(world, await beside_a_registration(world, change))


@pytest.mark.parametrize("said", ["channel_data", "preferences"])
async def test_what_is_said_inline_beside_a_wait(world: World, said: str) -> None:
    """So does what comes with a user whose profile stays as it is."""
    channel_id = await world.channel("push", "waits-push")
    given: JsonObject = {
        "channel_data": {str(channel_id): {"tokens": ["t"]}},
        "preferences": {"default": {"workflows": {KEY: False}}},
    }
    run_id = await beside_a_registration(
        world, lambda: world.identify("ellie", **{said: given[said]})
    )
    assert await goes_on(world, run_id)


@pytest.mark.parametrize("transition", ["enter", "exit"])
async def test_a_dynamic_audience(
    world: World, temporal: TemporalRecorder, transition: str
) -> None:
    """Whoever comes to fulfil its conditions enters; whoever ceases to leaves."""
    await world.audience("vip", IS_PRO)
    await build(world)
    await world.identify("ellie", plan="free" if transition == "enter" else "pro")
    run_id = await wait_for(world, moved(transition))
    await world.identify("ellie", plan="pro" if transition == "enter" else "free")
    assert run_id in told(temporal)
    assert await goes_on(world, run_id)
    event = await seen(world, run_id)
    assert (event["audience_id"], event["transition"]) == ("vip", transition)
    assert event["recipient"] == "ellie"


async def test_a_static_audience(world: World) -> None:
    """Additions and removals of members count as well, with the tenant that they are for."""
    await world.audience("vip")
    for_acme = when("event.tenant_id", "equal_to", "acme")
    run_id = await wait_for(world, moved("enter"), for_acme)
    await join(world, "vip", "ellie")
    assert not await goes_on(world, run_id)
    await join(world, "vip", ("ellie", "acme"))
    assert await goes_on(world, run_id)

    leaving = await wait_for(world, moved("exit"))
    await leave(world, "vip", "somebody-else")
    assert not await goes_on(world, leaving)
    await leave(world, "vip", "ellie")
    assert await goes_on(world, leaving)


@pytest.mark.parametrize("event", [UPDATED, moved("enter")])
async def test_a_merge(world: World, event: JsonObject) -> None:
    """Who takes another user in has changed, and enters the static audiences of that one."""
    await world.audience("vip")
    await join(world, "vip", "old")
    await world.identify("old", plan="pro")
    run_id = await wait_for(world, event)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert await goes_on(world, run_id)


async def test_a_merge_that_changes_nothing(world: World) -> None:
    """Who has all that the other user has, or has it otherwise, is not changed by a merge."""
    await world.identify("ellie", plan="pro", preferences={"default": {"workflows": {KEY: True}}})
    await world.identify("old", plan="free", preferences={"default": {"workflows": {}}})
    run_id = await wait_for(world, UPDATED)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert await kept(world) == 0
    assert not await goes_on(world, run_id)


async def test_archiving_an_audience(world: World, temporal: TemporalRecorder) -> None:
    """Everybody leaves it; who waits for somebody who was not in it waits on."""
    await world.audience("vip")
    await join(world, "vip", "ellie")
    run_id = await wait_for(world, moved("exit"))
    other = await world.begin(KEY, {"id": "alan", "name": "Alan"})
    await world.walk(other)
    await archive_audience(world.engine, world.environment.scope, "vip")
    assert told(temporal) == [run_id]
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["transition"] == "exit"
    assert not await goes_on(world, other)


async def test_a_merge_into_whom_an_audience_is_not_for(world: World) -> None:
    """A dynamic audience that the other user was in, and that does not apply, is not entered."""
    await world.audience("vip", IS_PRO)
    await build(world)
    await world.identify("ellie", plan="free")
    await world.identify("old", plan="pro")
    run_id = await wait_for(world, moved("enter"))
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert not await goes_on(world, run_id)


async def test_an_audience_that_is_not_there(world: World) -> None:
    """A step cannot wait for an audience that nobody has made."""
    with pytest.raises(Exception, match="audience 'nowhere' does not exist"):
        await world.publish(KEY, wait_step(moved("enter", "nowhere")), feed_step())


async def test_messages_of_a_broadcast(world: World) -> None:
    """A broadcast's message ends the wait; one of a workflow with the same key does not."""
    await world.audience("vip")
    await join(world, "vip", "ellie")
    delivered = when("event.channel_type", "equal_to", "in_app_feed")
    event = {
        "event_type": "message",
        "event_key": "delivered",
        "source_type": "broadcast",
        "source_key": "sale",
    }
    run_id = await wait_for(world, event, delivered)
    await world.publish("sale", feed_step())
    await world.walk(await world.begin("sale"))
    assert not await goes_on(world, run_id)

    await draft(world, feed_step(), target_audience_key="vip")
    await send(world)
    (run,) = await make_runs(world)
    await world.walk(run["id"])
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["source"] == {"type": "broadcast", "key": "sale"}


async def test_a_run_of_a_broadcast_is_none_of_a_workflow(world: World) -> None:
    """A wait for runs of a workflow minds none of a broadcast that has the same key."""
    await world.audience("vip")
    await join(world, "vip", "ellie")
    event = {"event_type": "workflow", "event_key": "completed", "source_key": "sale"}
    run_id = await wait_for(world, event, when("event.status", "equal_to", "completed"))
    await draft(world, feed_step(), target_audience_key="vip")
    await send(world)
    (run,) = await make_runs(world)
    await world.walk(run["id"])
    assert not await goes_on(world, run_id)


async def test_messages_of_a_guide(world: World, temporal: TemporalRecorder) -> None:
    """What the recipient does with a guide ends a wait for its messages."""
    channel_id = await world.channel("in_app_guide", CHANNEL_KEY, provider=GUIDE_PROVIDER)
    guide_id = await publish_guide(world, "tour")
    event = {
        "event_type": "message",
        "event_key": "seen",
        "source_type": "guide",
        "source_key": "tour",
    }
    step = when("event.step_ref", "equal_to", "step_1")
    run_id = await wait_for(world, event, step)
    given = read_shape(
        GuideSeenIn,
        {
            "channel_id": str(channel_id),
            "guide_id": str(guide_id),
            "guide_key": "tour",
            "guide_step_ref": "step_1",
            "content": {},
        },
    )
    change = StatusChange(Engagement.SEEN, None)
    await engaging.engage(world.engine, world.environment.scope, "ellie", given, change)

    async def is_told() -> bool:
        return run_id in told(temporal)

    await until(is_told)
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["source"] == {"type": "guide", "key": "tour"}


async def test_what_is_left_of_waits_that_ended(world: World) -> None:
    """Changes for a wait go with it, and what came too late goes with the sweep."""
    run_id = await wait_for(world, UPDATED)
    await world.identify("ellie", plan="pro")
    assert await kept(world) == 1
    await world.make.rows(
        "UPDATE awaited_changes SET happened_at = now() - interval '31 days'"
        " WHERE recipient_run_id = %s RETURNING 1",
        run_id,
    )
    await look_after_waits(world.engine)
    assert await kept(world) == 0


async def _past(world: World, run_id: str, minutes: int) -> None:
    """Let the wait of a run, and the changes that are stored for it, lie back by some minutes."""
    for table, column in (
        ("event_waits", "registered_at"),
        ("event_waits", "looks_from"),
        ("awaited_changes", "happened_at"),
    ):
        await world.make.rows(
            f"UPDATE {table} SET {column} = {column} - %s * interval '1 minute'"
            " WHERE recipient_run_id = %s RETURNING 1",
            minutes,
            run_id,
        )


async def test_changes_that_were_judged(world: World) -> None:
    """Of a wait that goes on, no more changes are kept than its next look reads."""
    run_id = await wait_for(world, UPDATED, when("event.properties.plan", "equal_to", "pro"))
    await world.identify("ellie", plan="basic")
    await _past(world, run_id, 5)
    await world.identify("ellie", plan="free")
    assert not await goes_on(world, run_id)
    assert await kept(world) == 1
    await world.identify("ellie", plan="pro")
    assert await goes_on(world, run_id)


async def test_more_old_changes_than_are_read_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that looks late passes over none of the changes that have gathered."""
    monkeypatch.setattr(wait_for_event, "_PAGE_SIZE", 2)
    run_id = await wait_for(world, UPDATED, when("event.properties.plan", "equal_to", "pro"))
    for plan in ("basic", "free", "pro", "basic"):
        await world.identify("ellie", plan=plan)
    await _past(world, run_id, 5)
    assert await goes_on(world, run_id)
    assert (await seen(world, run_id))["properties"]["plan"] == "pro"
