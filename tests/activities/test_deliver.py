"""What an attempt costs when the database is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import deliver
from activities.deliver import DeliverActivities
from domain.runs import DeliverMessageInput
from runtime.platform import Platform
from tests.support.builders import Builder, Environment
from tests.support.engine import Engine, channel_step
from tests.support.interruptions import InterruptedDatabase


@pytest.fixture
async def order(platform: Platform, make: Builder, environment: Environment) -> DeliverMessageInput:
    """Make a queued e-mail and order its delivery."""
    engine = Engine(platform, make, environment)
    await engine.channel("email", channel_settings={"from_address": "hello@example.com"})
    run_id, _ = await engine.send(channel_step("mail", "email"))
    (message,) = await engine.messages(run_id)
    return DeliverMessageInput(str(message["id"]), str(environment.id))


def activities_with(platform: Platform, *, away: int) -> DeliverActivities:
    """Return the activities on a database that is away for so many calls."""
    database = InterruptedDatabase(platform.database, away=away)
    return DeliverActivities(replace(platform, database=database))


async def test_short_absence_costs_no_attempt(
    platform: Platform, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that finds the database away waits for it, and is made."""
    monkeypatch.setattr(deliver, "_AWAY_SECONDS", 0.01)
    activities = activities_with(platform, away=3)
    assert await ActivityEnvironment().run(activities.deliver_message, order) == "sent"


async def test_long_absence_is_tried_again_as_late_as_a_refusal(
    platform: Platform, order: DeliverMessageInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that stays away ends the attempt; the eight still fill half an hour."""
    monkeypatch.setattr(deliver, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(deliver, "_AWAY_SECONDS", 0.01)
    activities = activities_with(platform, away=99)
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(activities.deliver_message, order)
    assert failed.value.type == "Unavailable"
    assert failed.value.next_retry_delay is not None
    assert timedelta(seconds=12) < failed.value.next_retry_delay <= timedelta(seconds=14)
