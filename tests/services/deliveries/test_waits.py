"""Operators let messages that wait be sent at another time; attempts are counted as before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.kit.clock import iso
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import new_id
from services.attempts import TryAgain
from services.deliveries.waits import move_delivery
from tests.support.interruptions import FailingTemporal
from tests.support.send_windows import closed_for_now
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step


async def _put_off(world: World, *, wait: str = "1 hour") -> str:
    """Return a message whose provider has failed once."""
    _, advanced = await world.send(channel_step("mail", "email", channel_key="failing"))
    message_id = advanced.deliveries[0].message_id
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    await world.change_delivery(message_id, f"due_at = now() + interval '{wait}'")
    return message_id


@pytest.fixture(autouse=True)
async def failing(world: World) -> None:
    """Configure a mailbox that fails each time."""
    await world.channel("email", "failing", secrets={"fail": "retry"})


async def _due_at(world: World, message_id: str) -> datetime:
    delivery = await world.delivery(message_id)
    assert delivery is not None
    due_at: datetime = delivery["due_at"]
    return due_at


async def _move(world: World, message_id: str, until: datetime | None = None) -> Any:
    return await move_delivery(world.engine, world.environment.scope, UUID(message_id), until)


async def test_a_wait_is_skipped(world: World, temporal: TemporalRecorder) -> None:
    """The next attempt is made at once, apart from the run, and its story tells it."""
    message_id = await _put_off(world)
    temporal.starts.clear()
    moved = await _move(world, message_id)

    assert moved.was_due_at - moved.due_at > timedelta(minutes=50)
    ((workflow_id, order, _),) = temporal.starts
    assert workflow_id.startswith(
        f"message/{world.environment.scope.slug}/{message_id}/retry/0/moved/"
    )
    assert (order.delivery.message_id, order.delivery.retry) == (message_id, 0)
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    delivery = await world.delivery(message_id)
    assert delivery is not None
    assert delivery["attempts"] == 2
    told = [row["data"] for row in await world.message_events(message_id)]
    instants = {"due_at": iso(moved.due_at), "was_due_at": iso(moved.was_due_at)}
    assert instants in told


async def test_one_that_is_due_is_hurried(world: World, temporal: TemporalRecorder) -> None:
    """Whoever was to send it may sleep until later, so it is sent apart from that."""
    message_id = await _put_off(world, wait="-1 minute")
    temporal.starts.clear()
    await _move(world, message_id)
    assert len(temporal.starts) == 1


async def test_each_skip_is_one_more_attempt(world: World, temporal: TemporalRecorder) -> None:
    """What sends it then may wait itself, so each skip has somebody of its own."""
    message_id = await _put_off(world)
    temporal.starts.clear()
    for _ in range(2):
        await _move(world, message_id)
        with pytest.raises(TryAgain):
            await world.deliver(message_id)
    assert len({workflow_id for workflow_id, _, _ in temporal.starts}) == 2
    delivery = await world.delivery(message_id)
    assert delivery is not None
    assert delivery["attempts"] == 3


async def test_a_wait_is_made_longer(world: World, temporal: TemporalRecorder) -> None:
    """Whoever looks before is put off; nobody else has to be told."""
    message_id = await _put_off(world, wait="1 second")
    temporal.starts.clear()
    later = datetime.now(UTC) + timedelta(hours=3)
    moved = await _move(world, message_id, later)

    assert moved.due_at == await _due_at(world, message_id) == later
    assert temporal.starts == []
    with pytest.raises(TryAgain) as put_off:
        await world.deliver(message_id)
    assert put_off.value.after > 3 * 3600 - 60


async def test_a_wait_is_made_shorter(world: World, temporal: TemporalRecorder) -> None:
    """Its run would look too late, so somebody else waits for the instant."""
    message_id = await _put_off(world, wait="3 hours")
    temporal.starts.clear()
    await _move(world, message_id, datetime.now(UTC) + timedelta(hours=1))
    assert len(temporal.starts) == 1
    with pytest.raises(TryAgain) as put_off:
        await world.deliver(message_id)
    assert 3000 < put_off.value.after <= 3600


async def test_a_send_window_is_moved(world: World, temporal: TemporalRecorder) -> None:
    """Before its first attempt, a message shows clients the instant for which it is planned."""
    world = world.at(datetime.now(UTC).replace(microsecond=0))
    step = channel_step("mail", "email", send_windows=closed_for_now(world))
    _, advanced = await world.send(step)
    message_id = advanced.deliveries[0].message_id
    assert (await world.message(message_id))["scheduled_at"] is not None

    moved = await _move(world, message_id)
    assert (await world.message(message_id))["scheduled_at"] == moved.due_at
    assert await world.deliver(message_id) == "sent"


async def test_temporal_may_be_away(world: World) -> None:
    """The message is due; what is owed is for the sweep."""
    message_id = await _put_off(world)
    away = world.with_engine(temporal=FailingTemporal())
    await _move(away, message_id)
    assert await _due_at(world, message_id) <= datetime.now(UTC)
    rows = await world.make.rows(
        "SELECT kind, payload FROM owed_effects WHERE environment_id = %s", world.environment.id
    )
    # An older process leaves a kind alone that it does not know.
    assert [row["kind"] for row in rows] == ["deliver_moved"]
    assert [row["payload"]["message_id"] for row in rows] == [message_id]


async def test_what_waits_for_nothing(world: World) -> None:
    """A message at its end, one with its provider, one that is not there, and one too far off."""
    _, advanced = await world.send(channel_step("mail", "email"))
    sent = advanced.deliveries[0].message_id
    await world.deliver(sent)
    with pytest.raises(Unprocessable, match="waits for an attempt"):
        await _move(world, sent)

    message_id = await _put_off(world)
    far = datetime.now(UTC) + timedelta(days=31)
    with pytest.raises(Unprocessable, match="thirty days"):
        await _move(world, message_id, far)
    await world.change_delivery(message_id, "lease_until = now() + interval '1 minute'")
    with pytest.raises(Unprocessable, match="waits for an attempt"):
        await _move(world, message_id)
    with pytest.raises(NotFound):
        await _move(world, str(new_id()))


async def test_another_environment_sees_nothing(world: World) -> None:
    """A message is moved in its own environment alone."""
    message_id = await _put_off(world)
    before = await _due_at(world, message_id)
    other = await world.make.environment()
    with pytest.raises(NotFound):
        await move_delivery(world.engine, other.scope, UUID(message_id), None)
    assert await _due_at(world, message_id) == before
