"""A.6 Message statuses: the test vectors of the engine's specification, under their own name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.deliveries.delivery import Bounced, DeliveryFailure, Refused, Retry
from domain.kit.json_types import JsonObject
from services.attempts import TryAgain
from tests.support.postmark_line import postmark_line
from tests.support.slow_mail import install_slow_mail
from tests.support.steps import webhook_step
from tests.support.webhook_target import listening_target
from tests.support.webhooks import open_to_loopback
from tests.support.world import World, channel_step

_AGAIN = ["delivery_attempted", "queued"]
_AWAY = Retry("away")


async def message_of(world: World, step: JsonObject, **body: object) -> UUID:
    """Make the only message of a run of one step."""
    run_id, _ = await world.send(step, **body)
    (message,) = await world.messages(run_id)
    return UUID(str(message["id"]))


async def deliver_to_the_end(world: World, message_id: UUID) -> str:
    """Make attempts until one is final."""
    for _ in range(8):
        try:
            return await world.deliver(message_id)
        except TryAgain:
            await world.change_delivery(message_id, "due_at = now()")
    raise AssertionError("eight attempts, and no end")


async def story(world: World, message_id: UUID) -> list[str]:
    """Return what happened to a message after it was created; its end is its status."""
    told = await world.message_story(message_id)
    assert (await world.message(message_id))["delivery_status"] == told[-1]
    assert told[0] == "created"
    return told[1:]


@pytest.mark.parametrize(
    ("answers", "expected", "why"),
    [
        pytest.param([], ["queued", "sent"], None, id="accepted"),
        pytest.param(
            [_AWAY, _AWAY], ["queued", *_AGAIN, *_AGAIN, "sent"], None, id="503, 503, accepted"
        ),
        pytest.param(
            [_AWAY] * 8,
            ["queued", *_AGAIN * 7, "delivery_attempted", "undelivered"],
            "retries_exhausted",
            id="eight failures",
        ),
        pytest.param(
            [Refused("401")],
            ["queued", "delivery_attempted", "undelivered"],
            "fatal_error",
            id="401",
        ),
        pytest.param(
            [Bounced("gone")],
            ["queued", "delivery_attempted", "bounced"],
            "fatal_error",
            id="bounced at once",
        ),
    ],
)
async def test_a_6_emails(
    world: World, answers: Sequence[DeliveryFailure], expected: list[str], why: str | None
) -> None:
    """A.6: what the provider answers, one attempt after the other, gives these statuses."""
    install_slow_mail(world, *answers).answer.set()
    message_id = await message_of(world, channel_step("mail", "email"))
    await deliver_to_the_end(world, message_id)
    events = await world.message_events(str(message_id))
    attempts = [row["data"] for row in events if row["event_type"] == "delivery_attempted"]

    assert await story(world, message_id) == expected
    assert (events[-1]["data"] or {}).get("failure_reason") == why
    assert [each["attempt"] for each in attempts] == list(range(1, len(answers) + 1))
    assert [each["retryable"] for each in attempts] == [
        isinstance(answer, Retry) for answer in answers
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("Delivery", ["queued", "sent", "delivered"], id="webhook delivered"),
        pytest.param("Bounce", ["queued", "sent", "bounced"], id="bounce webhook"),
    ],
)
async def test_a_6_what_a_provider_tells_later(
    world: World, told: str, expected: list[str]
) -> None:
    """A.6: an e-mail that was accepted comes to what its provider calls back with."""
    async with postmark_line(world) as line:
        message_id = await line.send()
        await line.tell(told, message_id)
        assert await story(line.world, message_id) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([200], ["queued", "delivered"], id="200"),
        pytest.param([404], ["queued", "delivery_attempted", "undelivered"], id="404"),
        pytest.param(
            [500] * 8,
            ["queued", *_AGAIN * 7, "delivery_attempted", "undelivered"],
            id="500 eight times",
        ),
    ],
)
async def test_a_6_webhooks(world: World, answers: list[int], expected: list[str]) -> None:
    """A.6: what an endpoint answers gives these statuses."""
    near = open_to_loopback(world)
    await near.channel("http", "a6-hook", provider="http_knock_webhook")
    async with listening_target() as target:
        target.scripts["/a6"] = list(answers)
        data = {"url": f"{target.url}/a6", "note": ""}
        message_id = await message_of(near, webhook_step("a6-hook"), data=data)
        await deliver_to_the_end(near, message_id)
        assert len(target.to("/a6")) == len(answers)
    assert await story(near, message_id) == expected
    await near.engine.providers.close()


async def test_a_6_push(world: World) -> None:
    """A.6: a push that was accepted is sent, and that is final."""
    channel_id = await world.channel("push", "a6-push")
    step = channel_step("push", "push", channel_key="a6-push")
    somebody = {"id": "p", "channel_data": {str(channel_id): {"tokens": ["t"]}}}
    message_id = await message_of(world, step, recipients=[somebody])
    assert await world.deliver(message_id) == "sent"
    assert await story(world, message_id) == ["queued", "sent"]
    assert await world.delivery(message_id) is None


async def test_a_6_in_app(world: World) -> None:
    """A.6: an in-app message is delivered once it is stored."""
    message_id = await message_of(world, channel_step("feed"))
    assert await story(world, message_id) == ["queued", "delivered"]


async def test_a_6_channel_in_sandbox(world: World) -> None:
    """A.6: a channel in sandbox mode sends nothing."""
    await world.channel("email", "a6-boxed", is_sandbox=True)
    step = channel_step("mail", "email", channel_key="a6-boxed")
    message_id = await message_of(world, step)
    assert await story(world, message_id) == ["queued", "not_sent"]


@pytest.mark.parametrize(
    ("step", "ends"), [(("mail", "email"), "sent"), (("feed", "in_app_feed"), "delivered")]
)
async def test_a_6_outside_its_send_window(world: World, step: tuple[str, str], ends: str) -> None:
    """A.6: outside its window a message is queued for later, and then goes as any other."""
    now = world.at(datetime(2026, 3, 2, 3, tzinfo=UTC))
    window = [{"day": "monday", "type": "send", "from": "09:00", "until": "17:00"}]
    message_id = await message_of(now, channel_step(*step, send_windows=window))
    opening = (await now.message(message_id))["scheduled_at"]
    assert opening == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert await story(now, message_id) == ["queued"]
    then = now.at(opening)
    await then.change_delivery(message_id, "due_at = now()")
    assert await then.deliver(message_id) == ends
    assert await story(then, message_id) == ["queued", ends]
