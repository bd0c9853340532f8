"""The channel step: what decides whether it makes a message, and what the message is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.contract.runs import Finished
from domain.kit.json_types import JsonObject
from tests.support.world import World, channel_step, delay_step, sleep_of, when

MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
NEVER = [
    {"day": day, "type": "do_not_send"}
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
]


_NEVER_MADE = ("equal_to", "$message.skipped")


def _delivered(ref: str) -> JsonObject:
    return when(f"refs.{ref}.delivery_status", "equal_to", "$message.delivered")


async def test_in_app_message_is_delivered_at_once(world: World) -> None:
    """A feed item needs no provider: created, queued and delivered in the walk itself."""
    run_id, directive = await world.send(channel_step("feed"), data={"x": "now"})
    (message,) = await world.messages(run_id)
    assert message["delivery_status"] == "delivered"
    assert message["content"]["blocks"][0]["rendered"].strip() == (
        "<p>Hello <strong>Ellie</strong> now</p>"
    )
    assert await world.message_story(message["id"]) == ["created", "queued", "delivered"]
    assert directive.deliveries == []


async def test_email_message_is_queued(world: World) -> None:
    """Anything else waits for its provider, and remembers where it goes."""
    run_id, directive = await world.send(channel_step("mail", "email"), data={"x": "now"})
    (message,) = await world.messages(run_id)
    assert message["content"]["subject_line"] == "Hi Ellie"
    assert message["content"]["to"] == "ellie@example.com"
    assert "<p>now</p>" in message["content"]["html_body"]
    assert message["recipient_snapshot"] == {"email": "ellie@example.com", "name": "Ellie"}
    assert await world.message_story(message["id"]) == ["created", "queued"]
    assert [order.message_id for order in directive.deliveries] == [str(message["id"])]


async def test_message_keeps_a_part_of_the_data(world: World) -> None:
    """Scalars of the trigger's data stay with a message, long texts cut; the rest does not."""
    data = {"x": "y" * 300, "n": 1, "deep": {"a": 1}, "list": [1], "none": None}
    run_id, _ = await world.send(channel_step("feed"), data=data)
    (message,) = await world.messages(run_id)
    assert message["data"] == {"x": "y" * 256, "n": 1, "none": None}


async def test_message_keeps_some_of_very_many_values(world: World) -> None:
    """Lists show what a message keeps, so it stays small however many keys the data has."""
    run_id, _ = await world.send(
        channel_step("feed"), data={f"k{number}": number for number in range(100_000)}
    )
    (message,) = await world.messages(run_id)
    assert 1_000 < len(message["data"]) < 10_000
    assert message["data"]["k7"] == 7


@pytest.mark.parametrize(
    ("channel_type", "recipient", "reason"),
    [
        ("email", {"id": "u", "name": "U"}, "recipient has no email"),
        ("sms", {"id": "u", "email": "u@example.com"}, "recipient has no phone_number"),
        ("push", {"id": "u", "email": "u@example.com"}, "recipient has no channel data"),
        ("chat", {"id": "u", "email": "u@example.com"}, "recipient has no channel data"),
    ],
)
async def test_unreachable_recipient_skips(
    world: World, channel_type: str, recipient: JsonObject, reason: str
) -> None:
    """Without an address for the channel the step is skipped, and the run goes on."""
    if channel_type != "email":
        await world.channel(channel_type)
    run_id, directive = await world.send(
        channel_step("one", channel_type), channel_step("feed"), recipients=[recipient]
    )
    assert await world.reason(run_id) == reason
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["feed"]
    assert directive.status == "completed"


async def test_address_of_the_template_is_enough(world: World) -> None:
    """A step that names its own address needs none of the recipient."""
    run_id, _ = await world.send(
        channel_step("mail", "email", channel_overrides={"to_address": "desk@example.com"}),
        recipients=[{"id": "u", "name": "U"}],
    )
    (message,) = await world.messages(run_id)
    assert message["content"]["to"] == "desk@example.com"


async def test_push_needs_channel_data(world: World) -> None:
    """Channel data of the very channel makes a recipient reachable."""
    channel_id = await world.channel("push")
    recipient = {"id": "u", "channel_data": {str(channel_id): {"tokens": ["t"]}}}
    _, directive = await world.send(channel_step("push", "push"), recipients=[recipient])
    assert [order.queue for order in directive.deliveries] == ["deliver-push"]


@pytest.mark.parametrize("changes", [{"channel_key": "nowhere"}, {"channel_key": "in-app"}])
async def test_channel_that_is_not_configured_skips(world: World, changes: dict[str, Any]) -> None:
    """A key that names no channel here, or one of another type, skips the step."""
    run_id, _ = await world.send_raw(channel_step("mail", "email", **changes))
    assert await world.reason(run_id) == f"channel {changes['channel_key']} is not configured"


async def test_step_conditions(world: World) -> None:
    """Conditions that do not hold skip the step; what was compared is told."""
    run_id, _ = await world.send(
        channel_step("no", conditions=when("data.n", "greater_than", "1")),
        channel_step("yes", conditions=when("data.n", "less_than", "2")),
        data={"n": 1},
    )
    assert await world.reason(run_id) == "conditions not met"
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["yes"]
    told = [
        (row["step_ref"], row["data"]["passed"])
        for row in await world.events(run_id)
        if row["event"] == "step_conditions_evaluated"
    ]
    assert told == [("no", False), ("yes", True)]


async def test_channel_conditions_join_the_steps(world: World) -> None:
    """A channel's own conditions must hold as well, except where the channel is a sandbox."""
    conditions = when("recipient.plan", "equal_to", "pro")
    for key, is_sandbox in (("strict", False), ("rehearsal", True)):
        await world.channel("email", key, conditions=conditions, is_sandbox=is_sandbox)
    run_id, _ = await world.send(
        channel_step("a", "email", channel_key="strict"),
        channel_step("b", "email", channel_key="rehearsal"),
    )
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["b"]


async def test_condition_on_a_message_after_a_wait(world: World) -> None:
    """After a delay a step sees what became of an earlier step's message."""
    unread = when("refs.feed.engagement_status", "not_contains", "$message.read")
    steps = (
        channel_step("feed"),
        delay_step(),
        channel_step("mail", "email", conditions=unread),
    )
    sent, skipped = [], []
    for read, runs in ((False, sent), (True, skipped)):
        run_id, first = await world.send(*steps)
        if read:
            await world.make.rows(
                "UPDATE messages SET read_at = now() WHERE recipient_run_id = %s RETURNING 1",
                run_id,
            )
        await world.walk(run_id, first.cursor)
        runs.extend(row["step_ref"] for row in await world.messages(run_id))
    assert (sent, skipped) == (["feed", "mail"], ["feed"])


async def test_conditions_on_messages_of_the_same_walk(world: World) -> None:
    """Every step sees the messages of all steps before it, those of this very walk too."""
    run_id, _ = await world.send(
        channel_step("a"),
        channel_step("b", conditions=_delivered("a")),
        channel_step("c", conditions=_delivered("b")),
        channel_step("d", conditions=when("refs.c.delivery_status", *_NEVER_MADE)),
        channel_step("e", conditions=when("refs.d.delivery_status", *_NEVER_MADE)),
    )
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["a", "b", "c", "e"]


@pytest.mark.parametrize("by_trigger", [True, False])
async def test_sandbox_makes_messages_that_are_not_sent(world: World, by_trigger: bool) -> None:
    """A sandbox channel, or a trigger in sandbox mode, renders the message and sends nothing."""
    await world.channel("email", "mailbox", is_sandbox=not by_trigger)
    run_id, directive = await world.send(
        channel_step("mail", "email", channel_key="mailbox"),
        channel_step("feed"),
        settings={"sandbox_mode": by_trigger},
    )
    statuses = {row["step_ref"]: row["delivery_status"] for row in await world.messages(run_id)}
    assert statuses == {"mail": "not_sent", "feed": "delivered"}
    assert directive.deliveries == []
    mail = next(row for row in await world.messages(run_id) if row["step_ref"] == "mail")
    assert await world.message_story(mail["id"]) == ["created", "queued", "not_sent"]


async def test_send_window_holds_the_message(world: World) -> None:
    """Outside its window a message is made, stays queued until it opens, and the run goes on."""
    world = world.at(MONDAY)
    window = [{"day": "monday", "type": "send", "from": "09:00", "until": "17:00"}]
    recipient = {"id": "u", "email": "u@example.com", "timezone": "Europe/Berlin"}
    run_id, directive = await world.send(
        channel_step("mail", "email", send_windows=window),
        channel_step("feed"),
        recipients=[recipient],
    )
    opening = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    mail = next(row for row in await world.messages(run_id) if row["step_ref"] == "mail")
    assert (mail["delivery_status"], mail["scheduled_at"]) == ("queued", opening)
    assert directive.deliveries[0].not_before == opening.timestamp()
    assert directive.next == Finished()


async def test_item_of_a_feed_waits_for_its_window(world: World) -> None:
    """It is queued until then, by the queue of runs, also in sandbox mode, which feeds have not."""
    window = [{"day": "monday", "type": "send", "from": "09:00", "until": "17:00"}]
    run_id, directive = await world.at(MONDAY).send(
        channel_step("feed", send_windows=window), settings={"sandbox_mode": True}
    )
    opening = datetime(2026, 3, 2, 9, tzinfo=UTC)
    (message,) = await world.messages(run_id)
    assert (message["delivery_status"], message["scheduled_at"]) == ("queued", opening)
    (order,) = directive.deliveries
    assert (order.queue, order.not_before) == ("runs", opening.timestamp())
    assert directive.next == Finished()


async def test_item_of_a_feed_is_shown_within_its_window(world: World) -> None:
    """It is delivered with being stored, and was scheduled for no other time."""
    window = [{"day": "monday", "type": "send", "until": "17:00"}]
    run_id, directive = await world.at(MONDAY).send(channel_step("feed", send_windows=window))
    (message,) = await world.messages(run_id)
    assert (message["delivery_status"], message["scheduled_at"]) == ("delivered", None)
    assert directive.deliveries == []


async def test_window_that_never_opens_skips(world: World) -> None:
    """A step that may send on no day is skipped."""
    run_id, _ = await world.send(channel_step("feed", send_windows=NEVER))
    assert await world.reason(run_id) == "its send windows never open"


async def test_layout_wraps_the_mail(world: World) -> None:
    """The published layout of the template's key is put around the body."""
    await world.layout("brand", "<header>ACME</header>{{ content }}")
    template = {"subject": "s", "html_body": "<p>b</p>", "settings": {"layout_key": "brand"}}
    run_id, _ = await world.send(channel_step("mail", "email", template=template))
    (message,) = await world.messages(run_id)
    assert "<header>ACME</header><p>b</p>" in message["content"]["html_body"]


async def test_missing_layout_fails_the_step(world: World) -> None:
    """A layout that was never published is an error of the author, tried again and then final."""
    template = {"subject": "s", "html_body": "<p>b</p>", "settings": {"layout_key": "gone"}}
    run_id, directive = await world.send_raw(channel_step("mail", "email", template=template))
    sleep_of(directive)
    assert await world.reason(run_id, "step_retrying") == "template"
    assert await world.messages(run_id) == []


@pytest.mark.parametrize("template", [{}, None])
async def test_webhook_step_uses_its_channels_request(
    world: World, template: JsonObject | None
) -> None:
    """A webhook step without a template sends the request that its channel defines."""
    await world.channel(
        "http",
        "hook",
        channel_settings={
            "method": "put",
            "url": "https://example.com/{{ recipient.id }}",
            "headers": [{"key": "x-name", "value": "{{ recipient.name }}"}],
            "query_params": [{"key": "q", "value": "1"}],
            "body": '{"x": "{{ data.x }}"}',
        },
    )
    run_id, directive = await world.send(
        channel_step("hook", "http", channel_key="hook", template=template), data={"x": "7"}
    )
    (message,) = await world.messages(run_id)
    assert message["content"] == {
        "method": "put",
        "url": "https://example.com/ellie",
        "headers": [{"key": "x-name", "value": "Ellie"}],
        "query_params": [{"key": "q", "value": "1"}],
        "body": '{"x": "7"}',
    }
    assert [order.queue for order in directive.deliveries] == ["deliver-webhook"]


async def test_webhook_steps_own_request_replaces_the_channels(world: World) -> None:
    """A step's request counts as a whole: nothing of the channel's is mixed in."""
    channel = {"method": "put", "url": "https://example.com/c", "body": "channel"}
    await world.channel("http", "hook2", channel_settings=channel)
    own = {"method": "post", "url": "https://example.com/s"}
    run_id, _ = await world.send(channel_step("h", "http", channel_key="hook2", template=own))
    (message,) = await world.messages(run_id)
    assert (message["content"]["url"], message["content"]["body"]) == ("https://example.com/s", "")


async def test_webhook_without_any_request_skips(world: World) -> None:
    """Neither step nor channel says where to send: there is nothing to do."""
    await world.channel("http", "hook3")
    run_id, _ = await world.send(channel_step("h", "http", channel_key="hook3", template=None))
    assert await world.reason(run_id) == "channel hook3 has no request of its own"


async def test_message_names_its_run_actor_and_tenant(world: World) -> None:
    """A message can be traced to its trigger, run, step, actor and tenant."""
    run_id, _ = await world.send(
        channel_step("feed"), actor={"id": "boss", "name": "B"}, tenant="acme"
    )
    (message,) = await world.messages(run_id)
    run = await world.run(run_id)
    assert (message["workflow_run_id"], message["version_id"]) == (
        run["workflow_run_id"],
        run["version_id"],
    )
    assert (message["actors"], message["tenant_id"]) == (["boss"], "acme")
    assert message["id"].version == 8
