"""Attempts to deliver a message: what is told, logged and final, and what happens in between."""

from __future__ import annotations

from typing import cast
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from domain.deliveries.delivery import Exchange, Outcome
from domain.kit.errors import NotFound, Unavailable, Unprocessable
from domain.messages.statuses import DeliveryStatus
from models.queries.deliveries.deliveries import overdue_deliveries
from runtime.vault import Vault
from services import effects
from services.attempts import TryAgain
from services.deliveries.retries import deliver_again, retry_message
from tests.support.deliveries import log_of, make_mail
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.slow_mail import install_slow_mail
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step


async def test_accepted_message(world: World) -> None:
    """An accepted message is sent: its story, its provider's id and the exchange are kept."""
    message_id = await make_mail(world)
    assert await world.deliver(message_id) == "sent"
    message = await world.message(message_id)
    assert message["delivery_status"] == "sent"
    assert message["provider_metadata"] == {"external_id": f"sandbox-{message_id}"}
    assert await world.message_story(message_id) == ["created", "queued", "sent"]
    (line,) = await log_of(world, message_id)
    assert (line["attempt"], line["response"]["status"]) == (1, 200)
    assert line["request"]["headers"]["idempotency-key"] == str(message_id)


async def test_only_messages_on_their_way_have_a_delivery(world: World) -> None:
    """A walk writes a delivery for each message that needs a provider; a final status ends it."""
    sandboxed = {"email": {"is_sandbox": True}}
    await world.channel("email", "boxed", **sandboxed["email"])
    steps = (
        channel_step("feed"),
        channel_step("mail", "email"),
        channel_step("boxed", "email", channel_key="boxed"),
    )
    run_id, _ = await world.send(*steps)
    messages = {row["step_ref"]: row for row in await world.messages(run_id)}
    rows = {ref: await world.delivery(row["id"]) for ref, row in messages.items()}
    assert (rows["feed"], rows["boxed"]) == (None, None)
    assert rows["mail"] is not None
    assert rows["mail"]["channel_id"] == messages["mail"]["channel_id"]
    assert (rows["mail"]["retry"], rows["mail"]["attempts"]) == (0, 0)
    await world.deliver(messages["mail"]["id"])
    assert await world.delivery(messages["mail"]["id"]) is None


async def test_retryable_failures_up_to_the_last(world: World) -> None:
    """Each attempt is told with its number; after the eighth the message is undelivered.

    In between it is queued for the next one (Knock docs: "Message statuses").
    """
    message_id = await make_mail(world, "retry")
    waits = []
    for _ in range(7):
        with pytest.raises(TryAgain) as again:
            await world.deliver(message_id)
        waits.append(again.value.after)
        assert (await world.message(message_id))["delivery_status"] == "queued"
        await world.change_delivery(message_id, "due_at = now()")
    assert await world.deliver(message_id) == "undelivered"
    events = await world.message_events(message_id)
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
    assert [line["attempt"] for line in await log_of(world, message_id)] == list(range(1, 9))
    assert waits == sorted(waits)
    assert 20 * 60 < sum(waits) < 30 * 60


async def test_next_attempt_is_not_made_before_it_is_due(world: World) -> None:
    """Whoever asks too early is told for how long to wait, and calls nobody."""
    message_id = await make_mail(world, "retry")
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    provider = install_slow_mail(world)
    with pytest.raises(TryAgain) as again:
        await world.deliver(message_id)
    assert 0 < again.value.after <= 14
    assert provider.seen == []


@pytest.mark.parametrize(("fail", "status"), [("refuse", "undelivered"), ("bounce", "bounced")])
async def test_hopeless_failures(world: World, fail: str, status: str) -> None:
    """What the provider will never take is final at the first attempt, with the reason."""
    message_id = await make_mail(world, fail)
    assert await world.deliver(message_id) == status
    *_, attempted, last = await world.message_events(message_id)
    assert attempted["data"] == {"attempt": 1, "max_attempts": 8, "retryable": False}
    assert (last["event_type"], last["data"]["failure_reason"]) == (status, "fatal_error")
    assert last["data"]["failure_details"] == f"The sandbox is set to {fail}."


async def test_final_message_is_left_alone(world: World) -> None:
    """A second order for a delivered message calls nobody and tells nothing."""
    message_id = await make_mail(world)
    await world.deliver(message_id)
    before = await world.message_events(message_id)
    provider = install_slow_mail(world)
    assert await world.deliver(message_id) == "sent"
    assert provider.seen == []
    assert await world.message_events(message_id) == before


async def test_deleted_message(world: World) -> None:
    """A message that is gone needs no delivery, and what was left of it goes too."""
    message_id = await make_mail(world)
    await world.make.rows("DELETE FROM messages WHERE id = %s RETURNING 1", message_id)
    assert await world.deliver(message_id) == "deleted"
    await world.change_delivery(message_id, "lease_until = NULL")
    assert await world.deliver(str(uuid4())) == "deleted"


@pytest.mark.parametrize("what", ["settings", "channel", "credential", "provider"])
async def test_channel_that_cannot_send(world: World, what: str) -> None:
    """A channel that was taken away or has to be set again is final, and says what to mend."""
    channel_id = await world.channel("email", f"broken-{what}")
    step = channel_step("mail", "email", channel_key=f"broken-{what}")
    run_id, _ = await world.send(step)
    (message,) = await world.messages(run_id)
    statements = {
        "settings": "DELETE FROM channel_environments WHERE channel_id = %s RETURNING 1",
        "channel": "UPDATE channels SET archived_at = now() WHERE id = %s RETURNING 1",
        "credential": "UPDATE channel_environments SET provider_settings = 'x'"
        " WHERE channel_id = %s RETURNING 1",
        "provider": "UPDATE channels SET provider = 'gone' WHERE id = %s RETURNING 1",
    }
    await world.make.rows(statements[what], channel_id)
    assert await world.deliver(message["id"]) == "undelivered"
    last = (await world.message_events(message["id"]))[-1]
    assert last["data"]["failure_reason"] == "fatal_error"
    expected = {"credential": "set again", "provider": "gone"}
    assert expected.get(what, "no longer configured") in last["data"]["failure_details"]


async def test_credentials_of_a_missing_key(world: World) -> None:
    """A missing secret key is ours to mend: the message waits, uses up nothing, and says why."""
    message_id = await make_mail(world)
    elsewhere = world.with_parts(vault=Vault(["another key of ours"]))
    with pytest.raises(TryAgain):
        await elsewhere.deliver(message_id)
    row = await world.delivery(message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"], row["lease_owner"]) == (0, 0, None)
    assert "CARILLON_SECRET_KEY" in row["held_for"]
    assert await world.message_story(message_id) == ["created", "queued"]
    await world.change_delivery(message_id, "due_at = now()")
    assert await world.deliver(message_id) == "sent"


async def test_database_away_before_the_provider(world: World) -> None:
    """Without a database nothing is sent."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    away = world.with_parts(database=InterruptedDatabase(world.engine.database, away=1))
    with pytest.raises(Unavailable):
        await away.deliver(message_id)
    assert provider.seen == []


async def test_what_cannot_be_stored_of_an_answer(world: World) -> None:
    """An answer that PostgreSQL refuses costs its line in the log, and nothing is sent again."""
    message_id = await make_mail(world)
    provider = install_slow_mail(world)
    odd = Exchange("Odd", {"method": "POST"}, {})
    # Past the check that an exchange makes of itself: what if it missed something?
    object.__setattr__(odd, "response", {"status": 200, "body": {"x": float("inf")}})

    async def answer(_: object) -> Outcome:
        provider.seen.append(message_id)
        return Outcome(DeliveryStatus.DELIVERED, odd, external_id="nul \x00")

    provider.send = answer  # type: ignore[method-assign]
    assert await world.deliver(message_id) == "delivered"
    assert provider.seen == [message_id]
    assert await log_of(world, message_id) == []


async def test_fault_of_a_provider_is_an_attempt(world: World) -> None:
    """A provider that breaks is tried eight times, and its words go nowhere."""
    message_id = await make_mail(world)
    install_slow_mail(world, KeyError("ada@example.com")).answer.set()
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    row = await world.delivery(message_id)
    assert row is not None
    assert row["attempts"] == 1
    assert "ada@" not in str(await world.message_events(message_id))


async def test_manual_retry(world: World, temporal: TemporalRecorder) -> None:
    """An undelivered message is queued again and delivered apart from its run."""
    message_id = await make_mail(world, "refuse")
    await world.deliver(message_id)
    await retry_message(world.engine, world.environment.scope, message_id)
    message = await world.message(message_id)
    assert (message["delivery_status"], message["retry_count"]) == ("queued", 1)
    last = (await world.message_events(message_id))[-1]
    assert (last["event_type"], last["data"]) == ("queued", {"retry": 1})
    workflow_id, order, _ = temporal.starts[-1]
    assert workflow_id == f"message/{world.environment.scope.slug}/{message_id}/retry/1"
    assert (order.delivery.retry, order.queue) == (1, "deliver-email")
    install_slow_mail(world).answer.set()
    assert await world.deliver(message_id, retry=1) == "sent"


async def test_retry_owns_its_message(world: World) -> None:
    """An order of before the retry, still on its way, sends nothing."""
    message_id = await make_mail(world, "refuse")
    await world.deliver(message_id)
    await retry_message(world.engine, world.environment.scope, message_id)
    provider = install_slow_mail(world)
    assert await world.deliver(message_id, retry=0) == "queued"
    assert provider.seen == []


async def test_only_failed_messages_are_retried(world: World) -> None:
    """A message that was delivered, or is on its way, refuses; one that is unknown is not found."""
    message_id = await make_mail(world)
    scope = world.environment.scope
    for _ in range(2):
        with pytest.raises(Unprocessable) as refused:
            await retry_message(world.engine, scope, message_id)
        assert refused.value.code == "message_not_retriable"
        await world.deliver(message_id)
    with pytest.raises(NotFound):
        await retry_message(world.engine, scope, UUID(int=0))


async def test_retry_without_temporal(world: World) -> None:
    """A retry is accepted while Temporal is away, and the sweep starts it."""
    message_id = await make_mail(world, "bounce")
    await world.deliver(message_id)
    failing = FailingTemporal()
    away = world.with_parts(temporal=cast(Client, failing))
    await retry_message(away.engine, world.environment.scope, message_id)
    assert (await world.message(message_id))["delivery_status"] == "queued"
    failing.failing = False
    await world.make.rows(
        "UPDATE owed_effects SET due_at = now() - interval '1 s' WHERE environment_id = %s"
        " RETURNING 1",
        world.environment.id,
    )
    await effects.do_left_over_effects(away.engine)
    # Other tests of this process have left effects too.
    started = [start[0] for start in failing.starts if str(message_id) in start[0]]
    assert [each.rpartition("/retry/")[2] for each in started] == ["1"]


async def test_lost_deliveries_are_found(world: World, temporal: TemporalRecorder) -> None:
    """Long overdue, nobody at it, and no run to take it up: such a delivery is made again."""
    ids = [await make_mail(world, fail) for fail in (None, "retry", "bounce")]
    for message_id in ids:
        await world.change_delivery(message_id, "due_at = now() - interval '1 hour'")
    claimed = "lease_until = now() + interval '1 min', lease_owner = gen_random_uuid()"
    await world.change_delivery(ids[1], claimed)
    await world.make.rows(
        "UPDATE recipient_runs SET status = 'paused' WHERE id = %s RETURNING 1",
        (await world.message(ids[2]))["recipient_run_id"],
    )
    async with world.engine.database.connection() as connection:
        overdue = await overdue_deliveries(connection, grace_seconds=1800, limit=10_000)
    mine = [one for one in overdue if one.environment_id == world.environment.id]
    assert [one.message_id for one in mine] == ids[:1]
    await deliver_again(world.engine, mine[0])
    workflow_id, order, _ = temporal.starts[-1]
    assert workflow_id == f"message/{world.environment.scope.slug}/{ids[0]}/retry/0"
    assert (order.delivery.message_id, order.queue) == (str(ids[0]), "deliver-email")
