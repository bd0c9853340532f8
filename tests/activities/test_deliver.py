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
from domain.delivery import Exchange, Retry
from domain.queues import ALL_QUEUES, DELIVER_EMAIL, DELIVER_SMS
from domain.runs import DeliverMessageInput, FirstAttempt
from runtime.platform import Platform
from services.deliveries_under_way import end_deliveries
from tests.support.builders import Builder, Environment
from tests.support.engine import Engine, channel_step
from tests.support.interruptions import InterruptedDatabase
from tests.support.slow_mail import install_slow_mail


@pytest.fixture
async def engine(platform: Platform, make: Builder, environment: Environment) -> Engine:
    """Return an engine with an e-mail channel."""
    engine = Engine(platform, make, environment)
    await engine.channel("email", channel_settings={"from_address": "hello@example.com"})
    return engine


@pytest.fixture
async def order(engine: Engine) -> DeliverMessageInput:
    """Make a queued e-mail and order its delivery."""
    run_id, _ = await engine.send(channel_step("mail", "email"))
    (message,) = await engine.messages(run_id)
    return DeliverMessageInput(str(message["id"]), str(engine.environment.id), queue=DELIVER_EMAIL)


@pytest.fixture
def activities(engine: Engine) -> DeliverActivities:
    """Return the activities of a process that works every queue."""
    return DeliverActivities(engine.platform, queues=ALL_QUEUES)


def activities_with(platform: Platform, *, away: int) -> DeliverActivities:
    """Return the activities on a database that is away for so many calls."""
    database = InterruptedDatabase(platform.database, away=away)
    return DeliverActivities(replace(platform, database=database), queues=ALL_QUEUES)


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


async def test_only_where_the_queue_is_worked(engine: Engine, order: DeliverMessageInput) -> None:
    """A process delivers at once only what it would deliver from a queue."""
    provider = install_slow_mail(engine)
    elsewhere = DeliverActivities(engine.platform, queues=("runs", DELIVER_SMS))
    assert await run_now(elsewhere, order) == FirstAttempt(settled=False, state="elsewhere")
    assert provider.seen == []


async def test_refused_at_once(
    engine: Engine, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """A first attempt that was refused counts, and the next is made when it is due."""
    exchange = Exchange("Slow", {}, {"status": 503})
    install_slow_mail(engine, Retry("busy", exchange)).answer.set()
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="not accepted")
    with pytest.raises(ApplicationError) as again:
        await run(activities, order)
    assert again.value.next_retry_delay is not None
    assert timedelta(seconds=10) < again.value.next_retry_delay <= timedelta(seconds=14)


async def test_slow_first_attempt_goes_on(
    engine: Engine,
    activities: DeliverActivities,
    order: DeliverMessageInput,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run waits for a moment only; the attempt goes on, and the queue's activity joins it."""
    monkeypatch.setattr(deliver, "_AT_ONCE_SECONDS", 0.01)
    provider = install_slow_mail(engine)
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="under way")
    regular = asyncio.create_task(run(activities, order))
    await asyncio.sleep(0)
    provider.answer.set()
    assert await regular == "sent"
    assert provider.seen == [UUID(order.message_id)]


async def test_walks_keep_their_slots(
    engine: Engine, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow providers take half of the local slots of a process at most."""
    monkeypatch.setattr(deliver, "_AT_ONCE_SECONDS", 0.05)
    install_slow_mail(engine)
    settings = engine.platform.settings.model_copy(update={"worker_local_slots": 2})
    activities = DeliverActivities(replace(engine.platform, settings=settings), queues=ALL_QUEUES)
    first = asyncio.create_task(run_now(activities, order))
    await asyncio.sleep(0)
    assert await run_now(activities, order) == FirstAttempt(settled=False, state="busy")
    assert (await first).state == "under way"


async def test_end_of_an_activity_cuts_nothing_off(
    engine: Engine, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """An activity that Temporal gave up leaves its provider call to come to its end."""
    provider = install_slow_mail(engine)
    given_up = asyncio.create_task(run(activities, order))
    await provider.called.wait()
    given_up.cancel()
    with pytest.raises((asyncio.CancelledError, ApplicationError)):
        await given_up
    provider.answer.set()
    assert await run(activities, order) == "sent"
    assert provider.seen == [UUID(order.message_id)]


async def test_process_that_stops(
    engine: Engine, activities: DeliverActivities, order: DeliverMessageInput
) -> None:
    """Attempts that do not end in time are interrupted, and their claims given back."""
    provider = install_slow_mail(engine)
    given_up = asyncio.create_task(run(activities, order))
    await provider.called.wait()
    await end_deliveries(engine.platform, grace=0.01)
    with pytest.raises((asyncio.CancelledError, ApplicationError)):
        await given_up
    row = await engine.delivery(order.message_id)
    assert row is not None
    assert (row["lease_owner"], row["interruptions"]) == (None, 1)


async def test_short_absence_of_the_database(
    platform: Platform, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that finds the database away waits for it, and is made."""
    monkeypatch.setattr(deliver, "_AWAY_SECONDS", 0.01)
    assert await run(activities_with(platform, away=3), order) == "sent"


async def test_long_absence_of_the_database(
    engine: Engine, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that stays away costs the message no attempt, however often it is tried."""
    monkeypatch.setattr(deliver, "_PATIENCE_SECONDS", 0.0)
    activities = activities_with(engine.platform, away=20)
    for _ in range(20):
        with pytest.raises(ApplicationError) as failed:
            await run(activities, order)
        assert failed.value.type == "Unavailable"
    row = await engine.delivery(order.message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"]) == (0, 0)
    assert await run(activities, order) == "sent"


async def test_fault_of_ours_keeps_its_words(
    engine: Engine,
    activities: DeliverActivities,
    order: DeliverMessageInput,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A history learns of a fault its type and an id, and nothing that it says."""

    def broken(*_: object) -> None:
        raise LookupError("ada@example.com")

    monkeypatch.setattr(deliver, "attempt_at", broken)
    with pytest.raises(ApplicationError) as failed:
        await run(activities, order)
    assert failed.value.type == "LookupError"
    assert failed.value.message.startswith("fault ")
    assert failed.value.__cause__ is None
