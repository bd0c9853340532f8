"""Operators hold channels, and send again what failed; nothing is lost and nothing doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.deliveries.claims import HeldChannel, RetryRequest
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import message_delivery_workflow_id
from services.attempts import TryAgain
from services.deliveries import holds, retries
from services.deliveries.retries import retry_messages
from tests.support.interruptions import FailingTemporal
from tests.support.steps import CHANNEL_KEYS
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step

MAIL = CHANNEL_KEYS["email"]


async def _mail(world: World, **step: Any) -> str:
    _, advanced = await world.send(channel_step("mail", "email", **step))
    return advanced.deliveries[0].message_id


async def _failed(world: World, *, key: str = "refusing", **body: Any) -> str:
    _, advanced = await world.send(channel_step("mail", "email", channel_key=key), **body)
    message_id = advanced.deliveries[0].message_id
    assert await world.deliver(message_id) == "undelivered"
    return message_id


async def test_a_held_channel_sends_nothing_until_it_is_released(world: World) -> None:
    """Its messages are made and wait, no attempt is used up, and then they go out."""
    scope = world.environment.scope
    before = await _mail(world)
    assert await holds.hold_channel(world.engine, scope, MAIL) == 1
    assert await holds.hold_channel(world.engine, scope, MAIL) == 1
    after = await _mail(world)
    for message_id in (before, after):
        with pytest.raises(TryAgain):
            await world.deliver(message_id)
        delivery = await world.delivery(message_id)
        assert delivery is not None
        assert (delivery["attempts"], delivery["held_for"]) == (0, "an operator holds the channel")
    assert await holds.release_channel(world.engine, scope, MAIL) == 2
    for message_id in (before, after):
        await world.change_delivery(message_id, "due_at = now()")
        assert await world.deliver(message_id) == "sent"


async def test_what_is_held_is_listed(world: World) -> None:
    """Since when, and how many messages are on their way; a release takes it off the list."""
    scope = world.environment.scope
    await holds.hold_channel(world.engine, scope, MAIL)
    await _mail(world)
    (held,) = [each for each in await holds.held_channels(world.engine) if _is_here(world, each)]
    assert (held.channel_key, held.messages) == (MAIL, 1)
    await holds.release_channel(world.engine, scope, MAIL)
    assert not any(_is_here(world, each) for each in await holds.held_channels(world.engine))


def _is_here(world: World, held: HeldChannel) -> bool:
    return held.environment == world.environment.scope.slug


async def test_what_waited_goes_out_with_the_release(
    world: World, temporal: TemporalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks when the next look would have been: all are delivered at once, page by page."""
    monkeypatch.setattr(holds, "_PAGE_SIZE", 2)
    scope = world.environment.scope
    await holds.hold_channel(world.engine, scope, MAIL)
    waiting = [await _mail(world) for _ in range(5)]
    for message_id in waiting:
        with pytest.raises(TryAgain):
            await world.deliver(message_id)
    temporal.starts.clear()
    assert await holds.release_channel(world.engine, scope, MAIL) == 5
    started = {workflow_id for workflow_id, _, _ in temporal.starts}
    slug = scope.slug
    assert started == {message_delivery_workflow_id(slug, each, 0) for each in waiting}
    for message_id in waiting:
        assert await world.deliver(message_id) == "sent"


async def test_a_release_needs_no_temporal(world: World) -> None:
    """The channel is released; whoever delivers its messages finds them due when they look."""
    scope = world.environment.scope
    await holds.hold_channel(world.engine, scope, MAIL)
    message_id = await _mail(world)
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    away = world.with_parts(temporal=FailingTemporal())
    assert await holds.release_channel(away.engine, scope, MAIL) == 1
    assert await world.deliver(message_id) == "sent"


async def test_a_release_sends_nothing_before_its_time(
    world: World, temporal: TemporalRecorder
) -> None:
    """What waits for its send window, or for its next attempt, was not held, and waits on."""
    scope = world.environment.scope
    message_id = await _mail(world)
    await world.change_delivery(message_id, "due_at = now() + interval '1 hour'")
    await holds.hold_channel(world.engine, scope, MAIL)
    temporal.starts.clear()
    assert await holds.release_channel(world.engine, scope, MAIL) == 1
    assert temporal.starts == []
    with pytest.raises(TryAgain):
        await world.deliver(message_id)


async def test_a_hold_is_of_one_environment_and_channel(world: World) -> None:
    """Others send on."""
    other = (await world.make.environment()).scope
    await holds.hold_channel(world.engine, other, MAIL)
    assert await world.deliver(await _mail(world)) == "sent"


async def test_what_cannot_be_held(world: World) -> None:
    """A feed's messages need no provider; an unknown channel is missing."""
    scope = world.environment.scope
    with pytest.raises(Unprocessable):
        await holds.hold_channel(world.engine, scope, CHANNEL_KEYS["in_app_feed"])
    with pytest.raises(NotFound):
        await holds.hold_channel(world.engine, scope, "nowhere")


async def test_failed_messages_are_sent_again_by_filter(world: World) -> None:
    """The answer says how many; what is not meant stays, and asked twice is once."""
    await world.channel("email", "refusing", secrets={"fail": "refuse"})
    scope = world.environment.scope
    mine = await _failed(world, tenant={"id": "acme"})
    other = await _failed(world)
    fine = await _mail(world)
    await world.deliver(fine)
    later = world.at(world.engine.clock() + timedelta(seconds=5)).engine

    async def again(**wanted: Any) -> int:
        return await retry_messages(later, scope, RetryRequest.model_validate(wanted))

    for unknown in ({"tenant": "nobody"}, {"workflow": "nothing"}):
        with pytest.raises(NotFound):
            await again(**unknown)
    assert await again(status="bounced") == 0
    assert await again(channel=MAIL) == 0
    assert await again(tenant="acme") == 1
    assert await again(tenant="acme") == 0
    assert await again(channel="refusing") == 1
    statuses = [(await world.message(UUID(each)))["delivery_status"] for each in (mine, other)]
    assert statuses == ["queued", "queued"]
    assert (await world.message(fine))["delivery_status"] == "sent"


async def test_many_are_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, each is taken once."""
    monkeypatch.setattr(retries, "_RETRIED_AT_ONCE", 2)
    await world.channel("email", "refusing", secrets={"fail": "refuse"})
    for _ in range(5):
        await _failed(world)
    later = world.at(world.engine.clock() + timedelta(seconds=5)).engine

    assert await retry_messages(later, world.environment.scope, RetryRequest()) == 5
