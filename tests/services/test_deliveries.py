"""Attempts to deliver a message: what is told, logged and final, and what happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.delivery import Delivery, Outcome
from domain.errors import NotFound, Unavailable, Unprocessable
from domain.ids import new_id
from domain.runs import DeliverMessageInput
from domain.statuses import DeliveryStatus
from services.deliveries import TryAgain, conclude_delivery, retry_message
from tests.support.engine import Engine, channel_step
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until


async def _mail(engine: Engine, fail: str | None = None, **settings: Any) -> str:
    """Make a queued e-mail whose provider rehearses a failure."""
    key = f"mail-{fail}"
    secrets = {"fail": fail} if fail else {}
    await engine.channel("email", key, secrets=secrets, **settings)
    run_id, _ = await engine.send(channel_step("mail", "email", channel_key=key))
    return str((await engine.messages(run_id))[0]["id"])


async def _log(engine: Engine, message_id: str) -> list[dict[str, Any]]:
    return await engine.make.rows(
        "SELECT * FROM delivery_attempts WHERE message_id = %s ORDER BY id", message_id
    )


async def _conclude(engine: Engine, message_id: str, retry: int = 0) -> str:
    order = DeliverMessageInput(message_id, str(engine.environment.id), retry)
    return await conclude_delivery(engine.platform, order)


class SlowMail:
    """A provider that holds its answer back until told, and counts its calls."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.answer = asyncio.Event()
        self.called = asyncio.Event()

    async def send(self, delivery: Delivery) -> Outcome:
        """Note the message's id, which vendors are given as idempotency key."""
        self.seen.append(delivery.message_id)
        self.called.set()
        await self.answer.wait()
        return Outcome(DeliveryStatus.SENT, None, external_id="x-1")

    async def seen_twice(self) -> bool:
        """Tell whether two calls are under way."""
        return len(self.seen) == 2


def _install(engine: Engine) -> SlowMail:
    provider = SlowMail()
    engine.platform.memory["providers"] = {"sandbox_email": provider}
    return provider


async def test_accepted_message(engine: Engine) -> None:
    """An accepted message is sent: its story, its provider's id and the exchange are kept."""
    message_id = await _mail(engine)
    assert await engine.deliver(message_id) == "sent"
    message = await engine.message(message_id)
    assert message["delivery_status"] == "sent"
    assert message["provider_metadata"] == {"external_id": f"sandbox-{message_id}"}
    assert await engine.message_story(message_id) == ["created", "queued", "sent"]
    (line,) = await _log(engine, message_id)
    assert (line["attempt"], line["response"]["status"]) == (1, 200)
    assert line["request"]["headers"]["idempotency-key"] == message_id


async def test_retryable_failures_up_to_the_last(engine: Engine) -> None:
    """Each attempt is told with its number; after the eighth the message is undelivered."""
    message_id = await _mail(engine, "retry")
    waits = []
    for attempt in range(1, 8):
        with pytest.raises(TryAgain) as again:
            await engine.deliver(message_id, attempt=attempt)
        waits.append(again.value.after)
        assert (await engine.message(message_id))["delivery_status"] == "delivery_attempted"
    assert await engine.deliver(message_id, attempt=8) == "undelivered"
    events = await engine.message_events(message_id)
    attempts = [row["data"] for row in events if row["event_type"] == "delivery_attempted"]
    assert [data["attempt"] for data in attempts] == list(range(1, 9))
    assert {(data["max_attempts"], data["retryable"]) for data in attempts} == {(8, True)}
    names = [row["event_type"] for row in events]
    assert names == [
        "created",
        "queued",
        *(["delivery_attempted", "queued"] * 7),
        "delivery_attempted",
        "undelivered",
    ]
    assert events[-1]["data"]["failure_reason"] == "retries_exhausted"
    assert [line["attempt"] for line in await _log(engine, message_id)] == list(range(1, 9))
    assert waits == sorted(waits)
    assert 20 * 60 < sum(waits) < 30 * 60


@pytest.mark.parametrize(("fail", "status"), [("refuse", "undelivered"), ("bounce", "bounced")])
async def test_hopeless_failures(engine: Engine, fail: str, status: str) -> None:
    """What the provider will never take is final at the first attempt, with the reason."""
    message_id = await _mail(engine, fail)
    assert await engine.deliver(message_id) == status
    *_, attempted, last = await engine.message_events(message_id)
    assert attempted["data"] == {"attempt": 1, "max_attempts": 8, "retryable": False}
    assert (last["event_type"], last["data"]["failure_reason"]) == (status, "fatal_error")
    assert last["data"]["failure_details"] == f"The sandbox was told to {fail}."


async def test_final_message_is_left_alone(engine: Engine) -> None:
    """A second order for a delivered message calls nobody and tells nothing."""
    message_id = await _mail(engine)
    await engine.deliver(message_id)
    before = await engine.message_events(message_id)
    provider = _install(engine)
    assert await engine.deliver(message_id, attempt=2) == "sent"
    assert await _conclude(engine, message_id) == "sent"
    assert provider.seen == []
    assert await engine.message_events(message_id) == before


async def test_deleted_message(engine: Engine) -> None:
    """A message that is gone needs no delivery."""
    assert await engine.deliver(new_id()) == "deleted"
    assert await _conclude(engine, str(new_id())) == "deleted"


@pytest.mark.parametrize("what", ["settings", "channel", "credential", "provider"])
async def test_channel_that_cannot_send(engine: Engine, what: str) -> None:
    """A channel that was taken away or cannot be opened is final, and says what to mend."""
    channel_id = await engine.channel("email", f"broken-{what}")
    step = channel_step("mail", "email", channel_key=f"broken-{what}")
    run_id, _ = await engine.send(step)
    (message,) = await engine.messages(run_id)
    statements = {
        "settings": "DELETE FROM channel_environments WHERE channel_id = %s RETURNING 1",
        "channel": "UPDATE channels SET archived_at = now() WHERE id = %s RETURNING 1",
        "credential": "UPDATE channel_environments SET provider_settings = 'x'"
        " WHERE channel_id = %s RETURNING 1",
        "provider": "UPDATE channels SET provider = 'gone' WHERE id = %s RETURNING 1",
    }
    await engine.make.rows(statements[what], channel_id)
    assert await engine.deliver(message["id"]) == "undelivered"
    last = (await engine.message_events(message["id"]))[-1]
    assert last["data"]["failure_reason"] == "fatal_error"
    expected = {"credential": "set again", "provider": "gone"}
    assert expected.get(what, "not configured") in last["data"]["failure_details"]


async def test_process_that_dies_after_the_providers_answer(engine: Engine) -> None:
    """The next attempt sends again under the same id, and the message is told as sent once."""
    message_id = await _mail(engine)
    provider = _install(engine)
    provider.answer.set()
    async with engine.platform.database.transaction() as connection:
        # Nobody can record anything about the message as long as this lock is held.
        await connection.execute("SELECT 1 FROM messages WHERE id = %s FOR UPDATE", (message_id,))
        dying = asyncio.create_task(engine.deliver(message_id))
        await provider.called.wait()
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
    assert (await engine.message(message_id))["delivery_status"] == "queued"
    assert await engine.deliver(message_id, attempt=2) == "sent"
    assert provider.seen == [message_id, message_id]
    assert await engine.message_story(message_id) == ["created", "queued", "sent"]


async def test_two_workers_with_one_message(engine: Engine) -> None:
    """When a worker was thought dead and was not, one outcome counts."""
    message_id = await _mail(engine)
    provider = _install(engine)
    both = [asyncio.create_task(engine.deliver(message_id, attempt=n)) for n in (1, 2)]
    await until(provider.seen_twice)
    provider.answer.set()
    assert await asyncio.gather(*both) == ["sent", "sent"]
    assert await engine.message_story(message_id) == ["created", "queued", "sent"]


async def test_database_away_before_the_provider(engine: Engine) -> None:
    """Without a database nothing is sent."""
    message_id = await _mail(engine)
    provider = _install(engine)
    database = InterruptedDatabase(engine.platform.database, away=1)
    away = replace(engine, platform=replace(engine.platform, database=database))
    with pytest.raises(Unavailable):
        await away.deliver(message_id)
    assert provider.seen == []


async def test_database_away_after_the_provider(engine: Engine) -> None:
    """The provider's answer is kept until it can be stored: the message is not sent twice."""
    message_id = await _mail(engine)
    provider = _install(engine)
    provider.answer.set()
    database = InterruptedDatabase(engine.platform.database, works=1, away=2)
    away = replace(engine, platform=replace(engine.platform, database=database))
    assert await away.deliver(message_id) == "sent"
    assert (database.away, provider.seen) == (0, [message_id])


async def test_interrupted_attempts_are_concluded(engine: Engine) -> None:
    """A message whose attempts never came back is undelivered, once."""
    message_id = await _mail(engine)
    assert await _conclude(engine, message_id) == "undelivered"
    before = await engine.message_events(message_id)
    assert [row["event_type"] for row in before[2:]] == ["delivery_attempted", "undelivered"]
    assert before[-1]["data"]["failure_reason"] == "retries_exhausted"
    assert await _conclude(engine, message_id) == "undelivered"
    assert await engine.message_events(message_id) == before


async def test_manual_retry(engine: Engine, temporal: TemporalRecorder) -> None:
    """An undelivered message is queued again and delivered apart from its run."""
    message_id = await _mail(engine, "refuse")
    await engine.deliver(message_id)
    await retry_message(engine.platform, engine.environment.scope, message_id)
    message = await engine.message(message_id)
    assert (message["delivery_status"], message["retry_count"]) == ("queued", 1)
    last = (await engine.message_events(message_id))[-1]
    assert (last["event_type"], last["data"]) == ("queued", {"retry": 1})
    workflow_id, order, _ = temporal.starts[-1]
    assert workflow_id == f"message/{engine.environment.scope.slug}/{message_id}/retry/1"
    assert (order.delivery.retry, order.queue) == (1, "deliver-email")
    _install(engine).answer.set()
    assert await engine.deliver(message_id, retry=1) == "sent"


async def test_retry_owns_its_message(engine: Engine) -> None:
    """An order of before the retry, still on its way, neither sends nor gives the message up."""
    message_id = await _mail(engine, "refuse")
    await engine.deliver(message_id)
    await retry_message(engine.platform, engine.environment.scope, message_id)
    provider = _install(engine)
    assert await engine.deliver(message_id, retry=0) == "queued"
    assert await _conclude(engine, message_id, retry=0) == "queued"
    assert provider.seen == []


async def test_retry_that_is_not_committed_yet(engine: Engine) -> None:
    """A delivery that overtakes the transaction of its retry looks again a little later."""
    message_id = await _mail(engine, "refuse")
    await engine.deliver(message_id)
    with pytest.raises(TryAgain):
        await engine.deliver(message_id, retry=1)
    assert await _conclude(engine, message_id, retry=1) == "undelivered"


async def test_only_failed_messages_are_retried(engine: Engine) -> None:
    """A message that was delivered, or is on its way, refuses; one that is unknown is not found."""
    message_id = await _mail(engine)
    scope = engine.environment.scope
    for _ in range(2):
        with pytest.raises(Unprocessable) as refused:
            await retry_message(engine.platform, scope, message_id)
        assert refused.value.code == "message_not_retriable"
        await engine.deliver(message_id)
    with pytest.raises(NotFound):
        await retry_message(engine.platform, scope, str(UUID(int=0)))


async def test_retry_without_temporal_changes_nothing(engine: Engine) -> None:
    """A retry that cannot be started is not noted either, and may be asked for again."""
    message_id = await _mail(engine, "bounce")
    await engine.deliver(message_id)
    before = await engine.message(message_id)
    away = engine.with_platform(temporal=FailingTemporal())
    with pytest.raises(Unavailable):
        await retry_message(away.platform, engine.environment.scope, message_id)
    assert await engine.message(message_id) == before
    await retry_message(engine.platform, engine.environment.scope, message_id)
