"""A delivery is made at once where its run walks, and for as long as it takes by its own queue."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import deliver
from activities.deliver import DeliverActivities
from domain.contract.deliveries import DeliverMessageInput, FirstAttempt
from domain.contract.queues import ALL_QUEUES, DELIVER_EMAIL, DELIVER_SMS
from domain.deliveries.delivery import Exchange, Retry
from services.deliveries.under_way import DeliveriesUnderWay
from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.interruptions import InterruptedDatabase
from tests.support.slow_mail import install_slow_mail
from tests.support.world import World, channel_step


@pytest.fixture
async def world(engine: Engine, make: Builder, environment: Environment) -> World:
    """Return a world with an e-mail channel."""
    world = World(engine, make, environment)
    await world.channel("email", channel_settings={"from_address": "hello@example.com"})
    return world


@pytest.fixture
async def order(world: World) -> DeliverMessageInput:
    """Make a queued e-mail and order its delivery."""
    run_id, _ = await world.send(channel_step("mail", "email"))
    (message,) = await world.messages(run_id)
    return DeliverMessageInput(str(message["id"]), str(world.environment.id), queue=DELIVER_EMAIL)


@pytest.fixture
def activities(world: World) -> DeliverActivities:
    """Return the activities of a process that works every queue."""
    return DeliverActivities(world.engine, queues=ALL_QUEUES)


def activities_with(engine: Engine, *, away: int) -> DeliverActivities:
    """Return the activities on a database that is away for so many calls."""
    database = InterruptedDatabase(engine.database, away=away)
    return DeliverActivities(replace(engine, database=database), queues=ALL_QUEUES)


async def run_now(activities: DeliverActivities, order: DeliverMessageInput) -> FirstAttempt:
    """Make a first attempt."""
    return await ActivityEnvironment().run(activities.deliver_now, order)


async def run(activities: DeliverActivities, order: DeliverMessageInput) -> str:
    """Make an attempt on the queue."""
    return await ActivityEnvironment().run(activities.deliver_message, order)


async def test_delivered_at_once(activities: DeliverActivities, order: DeliverMessageInput) -> None:
    """A quick provider settles the message before the run has to wait for anything."""
    assert await run_now(activities, order) == FirstAttempt(settled=True, state="sent")
    assert await run(activities, order) == "sent"


async def test_only_where_the_queue_is_worked(world: World, order: DeliverMessageInput) -> None:
    """A process delivers at once only what it would deliver from a queue."""
    provider = install_slow_mail(world)
    elsewhere = DeliverActivities(world.engine, queues=("runs", DELIVER_SMS))
    assert await run_now(elsewhere, order) == FirstAttempt(settled=False, state="elsewhere")
    assert provider.seen == []


async def test_refused_at_once(
    world: World, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """A first attempt that was refused counts, and the next is made when it is due."""
    exchange = Exchange("Slow", {}, {"status": 503})
    install_slow_mail(world, Retry("busy", exchange)).answer.set()
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="not accepted")
    with pytest.raises(ApplicationError) as again:
        await run(activities, order)
    assert again.value.next_retry_delay is not None
    assert timedelta(seconds=10) < again.value.next_retry_delay <= timedelta(seconds=14)


async def test_slow_first_attempt_goes_on(
    world: World,
    activities: DeliverActivities,
    order: DeliverMessageInput,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run waits for a moment only; the attempt goes on, and the queue's activity joins it."""
    monkeypatch.setattr(deliver, "_AT_ONCE_SECONDS", 0.01)
    provider = install_slow_mail(world)
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="under way")
    regular = asyncio.create_task(run(activities, order))
    await asyncio.sleep(0)
    provider.answer.set()
    assert await regular == "sent"
    assert provider.seen == [UUID(order.message_id)]


async def test_walks_keep_their_slots(
    world: World, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow providers take half of the local slots of a process at most."""
    monkeypatch.setattr(deliver, "_AT_ONCE_SECONDS", 0.05)
    install_slow_mail(world)
    settings = world.engine.settings.model_copy(update={"worker_local_slots": 2})
    activities = DeliverActivities(replace(world.engine, settings=settings), queues=ALL_QUEUES)
    first = asyncio.create_task(run_now(activities, order))
    await asyncio.sleep(0)
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="busy")
    assert (await first).state == "under way"


async def test_end_of_an_activity_cuts_nothing_off(
    world: World, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """An activity that Temporal gave up leaves its provider call to come to its end."""
    provider = install_slow_mail(world)
    given_up = asyncio.create_task(run(activities, order))
    await provider.called.wait()
    given_up.cancel()
    with pytest.raises((asyncio.CancelledError, ApplicationError)):
        await given_up
    provider.answer.set()
    assert await run(activities, order) == "sent"
    assert provider.seen == [UUID(order.message_id)]


async def test_process_that_stops(
    world: World, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """Attempts that do not end in time are interrupted, and their claims given back."""
    provider = install_slow_mail(world)
    given_up = asyncio.create_task(run(activities, order))
    await provider.called.wait()
    await world.engine.deliveries_under_way.end(grace=0.01)
    with pytest.raises((asyncio.CancelledError, ApplicationError)):
        await given_up
    row = await world.delivery(order.message_id)
    assert row is not None
    assert (row["lease_owner"], row["interruptions"]) == (None, 1)


async def test_short_absence_of_the_database(
    engine: Engine, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that finds the database away waits for it, and is made."""
    monkeypatch.setattr(deliver, "_AWAY_SECONDS", 0.01)
    assert await run(activities_with(engine, away=3), order) == "sent"


async def test_long_absence_of_the_database(
    world: World, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that stays away costs the message no attempt, however often it is tried."""
    monkeypatch.setattr(deliver, "_PATIENCE_SECONDS", 0.0)
    activities = activities_with(world.engine, away=20)
    for _ in range(20):
        with pytest.raises(ApplicationError) as failed:
            await run(activities, order)
        assert failed.value.type == "Unavailable"
    row = await world.delivery(order.message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"]) == (0, 0)
    assert await run(activities, order) == "sent"


async def test_fault_of_ours_keeps_its_words(
    world: World,
    activities: DeliverActivities,
    order: DeliverMessageInput,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A history learns of a fault its type and an id, and nothing that it says."""

    def broken(*_: object) -> None:
        raise LookupError("ada@example.com")

    monkeypatch.setattr(DeliveriesUnderWay, "attempt_at", broken)
    with pytest.raises(ApplicationError) as failed:
        await run(activities, order)
    assert failed.value.type == "LookupError"
    assert failed.value.message.startswith("fault ")
    assert failed.value.__cause__ is None
