"""A message is claimed before its provider is called: one send at a time, no outcome astray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain.deliveries.delivery import Exchange, Outcome, Refused, Retry
from domain.kit.errors import Unavailable
from domain.messages.statuses import DeliveryStatus
from domain.recipients.refs import RecipientRef
from models.queries.bulk.departures import delete_recipients
from runtime.database import Connection, Database
from services.attempts import TryAgain
from services.deliveries import deliver as deliveries
from services.deliveries import outcomes as delivery_outcomes
from services.deliveries.retries import retry_message
from tests.support.deliveries import log_of, make_mail
from tests.support.interruptions import DeafDatabase, InterruptedDatabase
from tests.support.slow_mail import SlowMail, install_slow_mail
from tests.support.steps import channel_step
from tests.support.waiting import until
from tests.support.world import World

EXCHANGE = Exchange("Slow", {"method": "POST"}, {"status": 503})
END_THE_LEASE = "lease_until = now() - interval '1 second'"


async def under_way(world: World, *failures: Exception) -> tuple[UUID, SlowMail, asyncio.Task[str]]:
    """Return a message whose provider has been called and has not answered."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world, *failures)
    first = asyncio.create_task(world.deliver(message_id))
    await provider.called.wait()
    return message_id, provider, first


async def end_under_way(provider: SlowMail, task: asyncio.Task[str]) -> str | Exception:
    """Let the provider answer, and return what the attempt came to."""
    provider.answer.set()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(result, asyncio.CancelledError)
    return result  # type: ignore[return-value]


async def test_second_worker_waits(world: World) -> None:
    """Who finds a living claim sends nothing, uses up nothing, and looks again before long."""
    message_id, provider, first = await under_way(world)
    with pytest.raises(TryAgain) as again:
        await world.deliver(message_id)
    assert 0 < again.value.after <= 10
    assert await end_under_way(provider, first) == "sent"
    assert await world.deliver(message_id) == "sent"
    assert provider.seen == [message_id]
    assert await world.message_story(message_id) == ["created", "queued", "sent"]


async def test_claim_of_many_at_once(world: World) -> None:
    """Of many that try at the same instant one sends."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    provider.answer.set()
    await asyncio.gather(*(world.deliver(message_id) for _ in range(8)), return_exceptions=True)
    assert provider.seen == [message_id]


async def test_dead_worker_is_followed_after_its_lease(world: World) -> None:
    """A claim that nobody renews ends; the next attempt counts it as an interruption."""
    message_id, provider, first = await under_way(world)
    await world.change_delivery(message_id, END_THE_LEASE)
    second = asyncio.create_task(world.deliver(message_id))
    await until(provider.is_called_twice)
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"]) == (0, 1)
    assert await end_under_way(provider, second) == "sent"
    assert await first == "sent"
    assert await world.message_story(message_id) == ["created", "queued", "sent"]


async def test_stopping_process_gives_its_claim_back(world: World) -> None:
    """An attempt that is cut off counts as interrupted, and another process goes on at once."""
    message_id, provider, first = await under_way(world)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["lease_owner"], row["interruptions"], row["attempts"]) == (None, 1, 0)
    provider.answer.set()
    assert await world.deliver(message_id) == "sent"
    assert provider.seen == [message_id, message_id]


class _MeanwhileDatabase(Database):
    """Lends connections of another database, but for the second one, in whose place this comes."""

    def __init__(self, behind: Database, error: BaseException) -> None:
        self._behind = behind
        self._error = error
        self._lent = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, or fail."""
        self._lent += 1
        if self._lent == 2:
            raise self._error
        async with self._behind.connection() as connection:
            yield connection


@pytest.mark.parametrize(
    "error", [Unavailable("away"), LookupError("a fault of ours"), asyncio.CancelledError()],
    ids=["away", "fault", "stopped"],
)  # fmt: skip
async def test_a_claim_is_given_back_when_nothing_was_sent(
    world: World, error: BaseException
) -> None:
    """What fails before the provider is called is no interruption, and the next one need not wait.

    The settings are Liquid, and their variables are read between the claim and the call.
    """
    await world.channel("email", "filled", secrets={"password": "{{ 'x' }}"})
    run_id, _ = await world.send(channel_step("mail", "email", channel_key="filled"))
    message_id = UUID(str((await world.messages(run_id))[0]["id"]))
    provider = install_slow_mail(world)
    provider.answer.set()
    database = _MeanwhileDatabase(world.engine.database, error)
    with pytest.raises(type(error)):
        await world.with_engine(database=database).deliver(message_id)
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["lease_owner"], row["interruptions"], row["attempts"]) == (None, 0, 0)
    assert provider.seen == []
    assert await world.deliver(message_id) == "sent"
    assert provider.seen == [message_id]


async def test_message_that_kills_its_workers(world: World) -> None:
    """After twenty interruptions the message is given up, and says that it may have gone out."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    killed = f"interruptions = 19, lease_owner = gen_random_uuid(), {END_THE_LEASE}"
    await world.change_delivery(message_id, killed)
    assert await world.deliver(message_id) == "undelivered"
    last = (await world.message_events(message_id))[-1]
    assert last["data"]["failure_reason"] == "interrupted"
    assert "may have received the message" in last["data"]["failure_details"]
    assert provider.seen == []
    assert await world.delivery(message_id) is None


async def test_claim_is_renewed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the provider talks the claim lives, whatever the database does meanwhile."""
    monkeypatch.setattr(deliveries, "_RENEW_SECONDS", 0.01)
    monkeypatch.setattr(deliveries, "_RENEW_AGAIN_SECONDS", 0.01)
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    database = InterruptedDatabase(world.engine.database, works=1, away=3)
    shaky = world.with_engine(database=database)
    first = asyncio.create_task(shaky.deliver(message_id))
    await provider.called.wait()
    await world.change_delivery(message_id, END_THE_LEASE)

    async def is_renewed() -> bool:
        found = await world.make.rows(
            "SELECT lease_until > now() AS alive FROM deliveries WHERE message_id = %s", message_id
        )
        return bool(found[0]["alive"])

    await until(is_renewed)
    assert database.away == 0
    assert await end_under_way(provider, first) == "sent"


async def test_outcome_of_a_lost_claim(world: World) -> None:
    """A failure that comes after another worker took over is logged, and changes nothing."""
    message_id, provider, first = await under_way(world, Refused("no", EXCHANGE))
    taken = "lease_owner = gen_random_uuid(), lease_until = now() + interval '1 minute'"
    await world.change_delivery(message_id, taken)
    before = await world.delivery(message_id)
    assert await end_under_way(provider, first) == "queued"
    assert await world.delivery(message_id) == before
    assert await world.message_story(message_id) == ["created", "queued"]
    assert len(await log_of(world, message_id)) == 1


async def test_accepted_send_of_a_lost_claim(world: World) -> None:
    """What a provider took was sent, whoever asked: it ends the delivery."""
    message_id, provider, first = await under_way(world)
    taken = "lease_owner = gen_random_uuid(), lease_until = now() + interval '1 minute'"
    await world.change_delivery(message_id, taken)
    assert await end_under_way(provider, first) == "sent"
    assert await world.delivery(message_id) is None
    assert await world.deliver(message_id) == "sent"


async def test_21_accepted_send_after_the_message_was_given_up(world: World) -> None:
    """A late acceptance turns `undelivered` of the same retry into `sent`."""
    message_id, provider, first = await under_way(world)
    await world.change_delivery(message_id, f"interruptions = 19, {END_THE_LEASE}")
    assert await world.deliver(message_id) == "undelivered"
    assert await end_under_way(provider, first) == "sent"
    assert (await world.message(message_id))["delivery_status"] == "sent"
    story = await world.message_story(message_id)
    assert story == ["created", "queued", "undelivered", "sent"]


@pytest.mark.parametrize("failure", [None, Refused("no", EXCHANGE), Retry("no", EXCHANGE)])
async def test_outcome_of_before_a_retry(world: World, failure: Exception | None) -> None:
    """Nothing that an attempt of before a manual retry brings lands on the retry."""
    message_id, provider, first = await under_way(world, *([failure] if failure else []))
    await world.change_delivery(message_id, f"interruptions = 19, {END_THE_LEASE}")
    assert await world.deliver(message_id) == "undelivered"
    await retry_message(world.engine, world.environment.scope, message_id)
    before = await world.delivery(message_id)
    ended = await end_under_way(provider, first)
    if isinstance(failure, Retry):  # which has looked too early to know of the other
        assert isinstance(ended, TryAgain)
        ended = await world.deliver(message_id)
    assert ended == "queued"
    assert await world.delivery(message_id) == before
    assert (await world.message_story(message_id))[2:] == ["undelivered", "queued"]


async def test_message_deleted_while_its_provider_talks(world: World) -> None:
    """Nothing about a deleted user is written afterwards, the provider's call least of all."""
    message_id, provider, first = await under_way(world, Refused("no", EXCHANGE))
    message = await world.message(message_id)
    ref = RecipientRef(message["collection"], message["recipient_id"])
    async with world.engine.database.transaction() as connection:
        await delete_recipients(connection, world.environment.id, [ref], limit=100)
    assert await end_under_way(provider, first) == "deleted"
    assert await log_of(world, message_id) == []
    events = "SELECT 1 FROM message_events WHERE message_id = %s"
    assert await world.make.rows(events, message_id) == []


class BrokenDatabase(Database):
    """Lends connections of another database whose writes fail once the provider was called."""

    def __init__(self, behind: Database, error: psycopg.Error, times: int) -> None:
        self._behind = behind
        self._error = error
        self.times = times
        self.is_broken = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection, or fail."""
        async with self._behind.connection() as connection:
            if self.is_broken and self.times > 0:
                self.times -= 1
                raise self._error
            yield connection


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction("standby"),
        psycopg.errors.DiskFull("disk full"),
        psycopg.errors.AdminShutdown("going down"),
        Unavailable("away"),
    ],
)
async def test_database_that_takes_no_outcome(
    world: World, error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the database refuses, the answer is kept until it can be stored: one send."""
    monkeypatch.setattr(delivery_outcomes, "_QUICK_WAITS", ())
    monkeypatch.setattr(delivery_outcomes, "_SLOW_WAIT", 0.001)
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    database = BrokenDatabase(world.engine.database, error, times=200)
    broken = world.with_engine(database=database)
    first = asyncio.create_task(broken.deliver(message_id))
    await provider.called.wait()
    database.is_broken = True
    assert await end_under_way(provider, first) == "sent"
    assert (database.times, provider.seen) == (0, [message_id])


@pytest.mark.parametrize(
    ("failure", "end"),
    [(None, "sent"), (Refused("no", EXCHANGE), "undelivered"), (Retry("no", EXCHANGE), "again")],
    ids=["taken", "refused", "put-off"],
)
async def test_an_outcome_whose_commit_went_unheard(
    world: World, failure: Exception | None, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored again, and one call is still one line of the log and one attempt."""
    monkeypatch.setattr(delivery_outcomes, "_QUICK_WAITS", (0.0,))
    message_id = await make_mail(world)
    provider = install_slow_mail(world, *([failure] if failure else []))
    provider.outcome = Outcome(DeliveryStatus.SENT, EXCHANGE)
    provider.answer.set()
    database = DeafDatabase(world.engine.database, works=1, unheard=1)
    try:
        status = await world.with_engine(database=database).deliver(message_id)
    except TryAgain:
        status = "again"
    assert (status, database.unheard) == (end, 0)
    assert [line["attempt"] for line in await log_of(world, message_id)] == [1]
    story = await world.message_story(message_id)
    assert len(story) == len(set(story)) + (end == "again")  # which is queued once more


async def test_read_only_database_sends_nothing(world: World) -> None:
    """A database that would not take the outcome does not take the claim either."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    error = psycopg.errors.ReadOnlySqlTransaction("standby")
    database = BrokenDatabase(world.engine.database, error, times=1)
    database.is_broken = True
    broken = world.with_parts(database=database)
    with pytest.raises((Unavailable, psycopg.Error)):
        await broken.deliver(message_id)
    assert provider.seen == []
