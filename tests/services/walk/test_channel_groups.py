"""A channel step of a group, and of several addresses: which messages it makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.json_types import JsonObject
from tests.support.steps import channel_step, when
from tests.support.world import World

MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
PRO = {"variable": "recipient.plan", "operator": "equal_to", "argument": "pro"}
PHONE = {"id": "u", "name": "U", "email": "u@example.com", "plan": "pro"}


@pytest.fixture
async def mails(world: World) -> list[str]:
    """Configure two e-mail channels of names of their own."""
    keys = [f"mail-{uuid4().hex[:8]}" for _ in range(2)]
    for key in keys:
        await world.channel("email", key)
    return keys


async def send_to_group(
    world: World, *rules: JsonObject, operator: str = "any", **changes: Any
) -> str:
    """Make a group of rules, and send an e-mail step of it."""
    key = f"group-{uuid4().hex[:8]}"
    await world.group(key, "email", *rules, operator=operator)
    step = channel_step("mail", "email", channel_key=None, channel_group_key=key, **changes)
    run_id, _ = await world.send(step, recipients=[PHONE])
    return run_id


async def channels_of(world: World, run_id: str) -> list[str]:
    """Return the keys of the channels of a run's messages."""
    keys = []
    for message in await world.messages(run_id):
        rows = await world.make.rows(
            "SELECT key FROM channels WHERE id = %s", message["channel_id"]
        )
        keys.append(rows[0]["key"])
    return sorted(keys)


@pytest.mark.parametrize(
    ("operator", "second", "sent"),
    [
        ("any", {"rule_type": "always"}, [0, 1]),
        ("any", {"rule_type": "if", **PRO}, [0, 1]),
        ("any", {"rule_type": "unless", **PRO}, [0]),
        ("all", {"rule_type": "if", **PRO}, [0, 1]),
        ("all", {"rule_type": "unless", **PRO}, []),
    ],
)
async def test_rules_choose_the_channels(
    world: World, mails: list[str], operator: str, second: JsonObject, sent: list[int]
) -> None:
    """`any` sends through each channel whose rule holds, `all` through all or none."""
    run_id = await send_to_group(
        world,
        {"channel_key": mails[0]},
        {"channel_key": mails[1], **second},
        operator=operator,
    )
    assert await channels_of(world, run_id) == sorted(mails[index] for index in sent)
    (told,) = [
        row["data"]
        for row in await world.events(run_id)
        if row["event"] == "channel_group_evaluated"
    ]
    assert told["operator"] == operator
    assert [line["channel_key"] for line in told["rules"]] == mails


async def test_each_channel_gets_one_message_of_its_own(world: World, mails: list[str]) -> None:
    """Two rules for one channel make one message; the messages of a step differ in their ids."""
    rules = [{"channel_key": key} for key in (mails[0], mails[1], mails[0])]
    run_id = await send_to_group(world, *rules)
    messages = await world.messages(run_id)
    assert len({message["id"] for message in messages}) == 2
    assert {message["step_ref"] for message in messages} == {"mail"}
    enqueued = [row for row in await world.events(run_id) if row["event"] == "message_enqueued"]
    assert len(enqueued) == 2


async def test_each_channel_is_judged_alone(world: World, mails: list[str]) -> None:
    """One that is not configured, or whose own conditions do not hold, is left out and told."""
    strict = f"strict-{uuid4().hex[:8]}"
    conditions = when("recipient.plan", "equal_to", "free")
    await world.channel("email", strict, conditions=conditions)
    run_id = await send_to_group(
        world, {"channel_key": mails[0]}, {"channel_key": strict}, {"channel_key": "nowhere"}
    )
    assert await channels_of(world, run_id) == [mails[0]]
    left_out = {
        row["data"]["channel_key"]: row["data"]["reason"]
        for row in await world.events(run_id)
        if row["event"] == "channel_skipped"
    }
    assert left_out == {
        strict: "conditions not met",
        "nowhere": "channel nowhere is not configured",
    }


async def test_sandbox_is_each_channels_own(world: World, mails: list[str]) -> None:
    """Of a group one channel may rehearse, and its own conditions do not count then."""
    rehearsal = f"rehearsal-{uuid4().hex[:8]}"
    conditions = when("recipient.plan", "equal_to", "free")
    await world.channel("email", rehearsal, conditions=conditions, is_sandbox=True)
    run_id = await send_to_group(world, {"channel_key": mails[0]}, {"channel_key": rehearsal})
    statuses = sorted(message["delivery_status"] for message in await world.messages(run_id))
    assert statuses == ["not_sent", "queued"]


async def test_each_channel_of_a_group_is_asked_for_by_preference(world: World) -> None:
    """Who has switched off one channel gets the others; each has an event that names it."""
    keys = [f"mail-{uuid4().hex[:8]}" for _ in range(2)]
    off, _ = [await world.channel("email", key) for key in keys]
    said = {"channels": {str(off): False}, "channel_types": {"email": True}}
    key = f"group-{uuid4().hex[:8]}"
    await world.group(key, "email", *({"channel_key": mail} for mail in keys))
    step = channel_step("mail", "email", channel_key=None, channel_group_key=key)
    run_id, _ = await world.send(step, recipients=[{**PHONE, "preferences": {"default": said}}])
    assert await channels_of(world, run_id) == [keys[1]]
    told = [
        (row["event"], row["data"])
        for row in await world.events(run_id)
        if row["event"] in ("preferences_evaluated", "channel_skipped")
    ]
    verdicts = {data["channel_key"]: data["passed"] for event, data in told if "passed" in data}
    assert verdicts == {keys[0]: False, keys[1]: True}
    reason = "the recipient's preferences do not allow it"
    assert told[-1] == ("channel_skipped", {"channel_key": keys[0], "reason": reason})


@pytest.mark.parametrize(("wants", "sent"), [(True, 2), (False, 0)])
async def test_devices_are_judged_together(world: World, wants: bool, sent: int) -> None:
    """A preference is about a channel: it is judged once, however many devices there are."""
    channel_id = await world.channel("push")
    recipient = {
        "id": "u",
        "channel_data": {str(channel_id): {"tokens": ["a", "b"]}},
        "preferences": {"default": {"channel_types": {"push": wants}}},
    }
    run_id, _ = await world.send(channel_step("push", "push"), recipients=[recipient])
    assert len(await world.messages(run_id)) == sent
    told = [row["event"] for row in await world.events(run_id)]
    assert told.count("preferences_evaluated") == 1


async def test_preferences_are_not_asked_about_the_unreachable(world: World) -> None:
    """Without a device the step is skipped for that, and no preference is judged."""
    await world.channel("push")
    recipient = {"id": "u", "preferences": {"default": {"channel_types": {"push": False}}}}
    run_id, _ = await world.send(channel_step("push", "push"), recipients=[recipient])
    assert await world.reason(run_id) != "the recipient's preferences do not allow it"
    told = [row["event"] for row in await world.events(run_id)]
    assert "preferences_evaluated" not in told


async def test_a_group_that_is_not_there_skips(world: World) -> None:
    """A deleted group, or one of another type, skips the step with its name."""
    await world.group("pushes", "push")
    for key in ("nowhere", "pushes"):
        step = channel_step("mail", "email", channel_key=None, channel_group_key=key)
        run_id, _ = await world.send_raw(step, recipients=[PHONE])
        assert await world.reason(run_id) == f"channel group {key} does not exist"


async def test_no_channel_of_a_group(world: World, mails: list[str]) -> None:
    """When no member makes a message the step is skipped, and later steps see it so."""
    run_id = await send_to_group(world, {"channel_key": mails[0], "rule_type": "unless", **PRO})
    assert (await world.reason(run_id) or "").startswith("no channel of the group")


async def test_a_walk_that_is_repeated_makes_no_second_message(
    world: World, mails: list[str]
) -> None:
    """The orders of all messages are returned again, and nothing is made twice."""
    key = f"group-{uuid4().hex[:8]}"
    await world.group(key, "email", *({"channel_key": mail} for mail in mails))
    step = channel_step("mail", "email", channel_key=None, channel_group_key=key)
    run_id, first = await world.send(step, recipients=[PHONE])
    again = await world.walk(run_id)
    assert len(await world.messages(run_id)) == 2
    assert {order.message_id for order in again.deliveries} == {
        order.message_id for order in first.deliveries
    }


async def test_every_device_gets_a_message(world: World) -> None:
    """Each token is an address of its own, and stands in the content of its message."""
    channel_id = await world.channel("push")
    recipient = {"id": "u", "channel_data": {str(channel_id): {"tokens": ["a", "b", "a"]}}}
    run_id, directive = await world.send(channel_step("push", "push"), recipients=[recipient])
    messages = await world.messages(run_id)
    assert sorted(message["content"]["token"] for message in messages) == ["a", "b"]
    assert len(directive.deliveries) == 2


async def test_send_windows_open_by_the_clock_of_each_device(world: World) -> None:
    """A device in a zone of its own waits for its own morning, others for their owner's."""
    world = world.at(MONDAY)
    channel_id = await world.channel("push")
    devices = [
        {"token": "tokyo", "timezone": "Asia/Tokyo"},
        {"token": "home"},
        {"token": "odd", "timezone": "Mars/Base"},
    ]
    recipient = {
        "id": "u",
        "timezone": "America/New_York",
        "channel_data": {str(channel_id): {"devices": devices}},
    }
    window = {"day": "monday", "type": "send", "from": "09:00", "until": "17:00"}
    step = channel_step("push", "push", send_windows=[window])
    run_id, _ = await world.send(step, recipients=[recipient])
    scheduled = {
        message["content"]["token"]: message["scheduled_at"]
        for message in await world.messages(run_id)
    }
    # 07:30 in UTC is 16:30 in Tokyo and 02:30 in New York.
    nine = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    assert scheduled == {"tokyo": None, "home": nine, "odd": nine}


async def test_a_connection_is_encrypted_with_its_message(world: World) -> None:
    """Tokens and webhooks are in no row in the clear; the provider gets them."""
    channel_id = await world.channel("chat")
    connections = [
        {"channel_id": "C1", "access_token": "xoxb-1"},
        {"incoming_webhook": {"url": "https://h.example/s"}},
    ]
    recipient = {"id": "u", "channel_data": {str(channel_id): {"connections": connections}}}
    run_id, _ = await world.send(channel_step("chat", "chat"), recipients=[recipient])
    messages = await world.messages(run_id)
    assert "xoxb-1" not in str(messages)
    assert "h.example" not in str(messages)
    shown = [message["recipient_snapshot"] for message in messages]
    assert {"channel_id": "C1"} in shown
    assert {"via_incoming_webhook": True} in shown
    for message in messages:
        assert await world.deliver(message["id"]) == "sent"


async def test_the_tenants_token_is_used(world: World) -> None:
    """A tenant that is connected is enough where people are found by their addresses."""
    channel_id = await world.channel(
        "chat", channel_settings={"email_based_user_id_resolution": True}
    )
    tenant = {"id": "acme", "channel_data": {str(channel_id): {"token": {"access_token": "x"}}}}
    run_id, _ = await world.send(
        channel_step("chat", "chat"),
        recipients=[{"id": "u", "email": "u@example.com"}],
        tenant=tenant,
    )
    (message,) = await world.messages(run_id)
    assert message["recipient_snapshot"] == {"email": "u@example.com"}


async def test_objects_are_reached_like_people(world: World) -> None:
    """An object with an address, or with channel data, gets messages as a user does."""
    channel_id = await world.channel("chat")
    team = {
        "id": "design",
        "collection": "teams",
        "email": "design@example.com",
        "channel_data": {str(channel_id): {"connections": [{"channel_id": "C9"}]}},
    }
    run_id, _ = await world.send(
        channel_step("mail", "email"), channel_step("chat", "chat"), recipients=[team]
    )
    messages = await world.messages(run_id)
    assert {message["channel_type"] for message in messages} == {"email", "chat"}


@pytest.mark.parametrize(
    ("chosen", "by_step", "kept"),
    [
        ({}, None, {"tokens": ["b"]}),
        ({"token_deregistration": True}, None, {"tokens": ["b"]}),
        ({"token_deregistration": False}, None, {"tokens": ["a", "b"]}),
        ({"token_deregistration": False}, {"token_deregistration": True}, {"tokens": ["b"]}),
        ({}, {"token_deregistration": False}, {"tokens": ["a", "b"]}),
        ({}, {"token_deregistration": None}, {"tokens": ["b"]}),
    ],
)
async def test_a_device_that_bounces_is_forgotten(
    world: World, chosen: JsonObject, by_step: JsonObject | None, kept: JsonObject
) -> None:
    """A bounce of a token takes it from the recipient, unless step or channel say no, and names it.

    What the step says counts before what the channel says.
    """
    channel_id = await world.channel("push", channel_settings=chosen, secrets={"fail": "bounce"})
    recipient = {"id": "u", "channel_data": {str(channel_id): {"tokens": ["a", "b"]}}}
    step = channel_step("push", "push", channel_overrides=by_step)
    run_id, _ = await world.send(step, recipients=[recipient])
    (first,) = [row for row in await world.messages(run_id) if row["content"]["token"] == "a"]
    assert await world.deliver(first["id"]) == "bounced"
    rows = await world.make.rows(
        "SELECT data FROM channel_data WHERE environment_id = %s AND recipient_id = 'u'",
        world.environment.id,
    )
    assert rows[0]["data"] == kept
    (bounced,) = await world.make.rows(
        "SELECT data FROM message_events WHERE message_id = %s AND event_type LIKE '%%bounced'",
        first["id"],
    )
    assert bounced["data"]["token"] == "a"
