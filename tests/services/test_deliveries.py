"""Attempts to deliver a message: what is told, logged and final, and what happens in between."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from domain.delivery import Exchange, Outcome
from domain.errors import NotFound, Unavailable, Unprocessable
from domain.statuses import DeliveryStatus
from models.queries.deliveries import overdue_deliveries
from runtime.crypto import Vault
from services import effects
from services.delivery_outcomes import TryAgain
from services.message_retries import deliver_again, retry_message
from tests.support.engine import Engine, channel_step
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.slow_mail import install_slow_mail
from tests.support.temporal_recorder import TemporalRecorder


async def make_mail(engine: Engine, fail: str | None = None, **settings: Any) -> UUID:
    """Make a queued e-mail whose provider rehearses a failure."""
    key = f"mail-{fail}"
    secrets = {"fail": fail} if fail else {}
    await engine.channel("email", key, secrets=secrets, **settings)
    run_id, _ = await engine.send(channel_step("mail", "email", channel_key=key))
    return UUID(str((await engine.messages(run_id))[0]["id"]))


async def log_of(engine: Engine, message_id: UUID) -> list[dict[str, Any]]:
    """Return the delivery log of a message."""
    return await engine.make.rows(
        "SELECT * FROM delivery_attempts WHERE message_id = %s ORDER BY id", message_id
    )


async def test_accepted_message(engine: Engine) -> None:
    """An accepted message is sent: its story, its provider's id and the exchange are kept."""
    message_id = await make_mail(engine)
    assert await engine.deliver(message_id) == "sent"
    message = await engine.message(message_id)
    assert message["delivery_status"] == "sent"
    assert message["provider_metadata"] == {"external_id": f"sandbox-{message_id}"}
    assert await engine.message_story(message_id) == ["created", "queued", "sent"]
    (line,) = await log_of(engine, message_id)
    assert (line["attempt"], line["response"]["status"]) == (1, 200)
    assert line["request"]["headers"]["idempotency-key"] == str(message_id)


async def test_only_messages_on_their_way_have_a_delivery(engine: Engine) -> None:
    """A walk writes a delivery for each message that needs a provider; a final status ends it."""
    sandboxed = {"email": {"is_sandbox": True}}
    await engine.channel("email", "boxed", **sandboxed["email"])
    steps = (
        channel_step("feed"),
        channel_step("mail", "email"),
        channel_step("boxed", "email", channel_key="boxed"),
    )
    run_id, _ = await engine.send(*steps)
    messages = {row["step_ref"]: row for row in await engine.messages(run_id)}
    rows = {ref: await engine.delivery(row["id"]) for ref, row in messages.items()}
    assert (rows["feed"], rows["boxed"]) == (None, None)
    assert rows["mail"] is not None
    assert rows["mail"]["channel_id"] == messages["mail"]["channel_id"]
    assert (rows["mail"]["retry"], rows["mail"]["attempts"]) == (0, 0)
    await engine.deliver(messages["mail"]["id"])
    assert await engine.delivery(messages["mail"]["id"]) is None


async def test_retryable_failures_up_to_the_last(engine: Engine) -> None:
    """Each attempt is told with its number; after the eighth the message is undelivered."""
    message_id = await make_mail(engine, "retry")
    waits = []
    for _ in range(7):
        with pytest.raises(TryAgain) as again:
            await engine.deliver(message_id)
        waits.append(again.value.after)
        assert (await engine.message(message_id))["delivery_status"] == "delivery_attempted"
        await engine.change_delivery(message_id, "due_at = now()")
    assert await engine.deliver(message_id) == "undelivered"
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
    assert [line["attempt"] for line in await log_of(engine, message_id)] == list(range(1, 9))
    assert waits == sorted(waits)
    assert 20 * 60 < sum(waits) < 30 * 60


async def test_next_attempt_is_not_made_before_it_is_due(engine: Engine) -> None:
    """Whoever asks too early is told for how long to wait, and calls nobody."""
    message_id = await make_mail(engine, "retry")
    with pytest.raises(TryAgain):
        await engine.deliver(message_id)
    provider = install_slow_mail(engine)
    with pytest.raises(TryAgain) as again:
        await engine.deliver(message_id)
    assert 0 < again.value.after <= 14
    assert provider.seen == []


@pytest.mark.parametrize(("fail", "status"), [("refuse", "undelivered"), ("bounce", "bounced")])
async def test_hopeless_failures(engine: Engine, fail: str, status: str) -> None:
    """What the provider will never take is final at the first attempt, with the reason."""
    message_id = await make_mail(engine, fail)
    assert await engine.deliver(message_id) == status
    *_, attempted, last = await engine.message_events(message_id)
    assert attempted["data"] == {"attempt": 1, "max_attempts": 8, "retryable": False}
    assert (last["event_type"], last["data"]["failure_reason"]) == (status, "fatal_error")
    assert last["data"]["failure_details"] == f"The sandbox was told to {fail}."


async def test_final_message_is_left_alone(engine: Engine) -> None:
    """A second order for a delivered message calls nobody and tells nothing."""
    message_id = await make_mail(engine)
    await engine.deliver(message_id)
    before = await engine.message_events(message_id)
    provider = install_slow_mail(engine)
    assert await engine.deliver(message_id) == "sent"
    assert provider.seen == []
    assert await engine.message_events(message_id) == before


async def test_deleted_message(engine: Engine) -> None:
    """A message that is gone needs no delivery, and what was left of it goes too."""
    message_id = await make_mail(engine)
    await engine.make.rows("DELETE FROM messages WHERE id = %s RETURNING 1", message_id)
    assert await engine.deliver(message_id) == "deleted"
    await engine.change_delivery(message_id, "lease_until = NULL")
    assert await engine.deliver(str(uuid4())) == "deleted"


@pytest.mark.parametrize("what", ["settings", "channel", "credential", "provider"])
async def test_channel_that_cannot_send(engine: Engine, what: str) -> None:
    """A channel that was taken away or has to be set again is final, and says what to mend."""
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


async def test_credentials_of_a_missing_key(engine: Engine) -> None:
    """A missing secret key is ours to mend: the message waits, uses up nothing, and says why."""
    message_id = await make_mail(engine)
    elsewhere = engine.with_platform(vault=Vault(["another key of ours"]))
    with pytest.raises(TryAgain):
        await elsewhere.deliver(message_id)
    row = await engine.delivery(message_id)
    assert row is not None
    assert (row["attempts"], row["interruptions"], row["lease_owner"]) == (0, 0, None)
    assert "CARILLON_SECRET_KEY" in row["held_for"]
    assert await engine.message_story(message_id) == ["created", "queued"]
    await engine.change_delivery(message_id, "due_at = now()")
    assert await engine.deliver(message_id) == "sent"


async def test_database_away_before_the_provider(engine: Engine) -> None:
    """Without a database nothing is sent."""
    message_id = await make_mail(engine)
    provider = install_slow_mail(engine)
    away = engine.with_platform(database=InterruptedDatabase(engine.platform.database, away=1))
    with pytest.raises(Unavailable):
        await away.deliver(message_id)
    assert provider.seen == []


async def test_what_cannot_be_stored_of_an_answer(engine: Engine) -> None:
    """An answer that PostgreSQL refuses costs its line in the log, and nothing is sent again."""
    message_id = await make_mail(engine)
    provider = install_slow_mail(engine)
    odd = Exchange("Odd", {"method": "POST"}, {})
    # Past the check that an exchange makes of itself: what if it missed something?
    object.__setattr__(odd, "response", {"status": 200, "body": {"x": float("inf")}})

    async def answer(_: object) -> Outcome:
        provider.seen.append(message_id)
        return Outcome(DeliveryStatus.DELIVERED, odd, external_id="nul \x00")

    provider.send = answer  # type: ignore[method-assign]
    assert await engine.deliver(message_id) == "delivered"
    assert provider.seen == [message_id]
    assert await log_of(engine, message_id) == []


async def test_fault_of_a_provider_is_an_attempt(engine: Engine) -> None:
    """A provider that breaks is tried eight times, and its words go nowhere."""
    message_id = await make_mail(engine)
    install_slow_mail(engine, KeyError("ada@example.com")).answer.set()
    with pytest.raises(TryAgain):
        await engine.deliver(message_id)
    row = await engine.delivery(message_id)
    assert row is not None
    assert row["attempts"] == 1
    assert "ada@" not in str(await engine.message_events(message_id))


async def test_manual_retry(engine: Engine, temporal: TemporalRecorder) -> None:
    """An undelivered message is queued again and delivered apart from its run."""
    message_id = await make_mail(engine, "refuse")
    await engine.deliver(message_id)
    await retry_message(engine.platform, engine.environment.scope, message_id)
    message = await engine.message(message_id)
    assert (message["delivery_status"], message["retry_count"]) == ("queued", 1)
    last = (await engine.message_events(message_id))[-1]
    assert (last["event_type"], last["data"]) == ("queued", {"retry": 1})
    workflow_id, order, _ = temporal.starts[-1]
    assert workflow_id == f"message/{engine.environment.scope.slug}/{message_id}/retry/1"
    assert (order.delivery.retry, order.queue) == (1, "deliver-email")
    install_slow_mail(engine).answer.set()
    assert await engine.deliver(message_id, retry=1) == "sent"


async def test_retry_owns_its_message(engine: Engine) -> None:
    """An order of before the retry, still on its way, sends nothing."""
    message_id = await make_mail(engine, "refuse")
    await engine.deliver(message_id)
    await retry_message(engine.platform, engine.environment.scope, message_id)
    provider = install_slow_mail(engine)
    assert await engine.deliver(message_id, retry=0) == "queued"
    assert provider.seen == []


async def test_only_failed_messages_are_retried(engine: Engine) -> None:
    """A message that was delivered, or is on its way, refuses; one that is unknown is not found."""
    message_id = await make_mail(engine)
    scope = engine.environment.scope
    for _ in range(2):
        with pytest.raises(Unprocessable) as refused:
            await retry_message(engine.platform, scope, message_id)
        assert refused.value.code == "message_not_retriable"
        await engine.deliver(message_id)
    with pytest.raises(NotFound):
        await retry_message(engine.platform, scope, UUID(int=0))


async def test_retry_without_temporal(engine: Engine) -> None:
    """A retry is accepted while Temporal is away, and the sweep starts it."""
    message_id = await make_mail(engine, "bounce")
    await engine.deliver(message_id)
    failing = FailingTemporal()
    away = engine.with_platform(temporal=cast(Client, failing))
    await retry_message(away.platform, engine.environment.scope, message_id)
    assert (await engine.message(message_id))["delivery_status"] == "queued"
    failing.failing = False
    await engine.make.rows(
        "UPDATE owed_effects SET due_at = now() - interval '1 s' WHERE environment_id = %s"
        " RETURNING 1",
        engine.environment.id,
    )
    await effects.do_left_over_effects(away.platform)
    assert [start[0].rpartition("/retry/")[2] for start in failing.starts] == ["1"]


async def test_lost_deliveries_are_found(engine: Engine, temporal: TemporalRecorder) -> None:
    """Long overdue, nobody at it, and no run to take it up: such a delivery is made again."""
    ids = [await make_mail(engine, fail) for fail in (None, "retry", "bounce")]
    for message_id in ids:
        await engine.change_delivery(message_id, "due_at = now() - interval '1 hour'")
    claimed = "lease_until = now() + interval '1 min', lease_owner = gen_random_uuid()"
    await engine.change_delivery(ids[1], claimed)
    await engine.make.rows(
        "UPDATE recipient_runs SET status = 'paused' WHERE id = %s RETURNING 1",
        (await engine.message(ids[2]))["recipient_run_id"],
    )
    async with engine.platform.database.connection() as connection:
        rows = await overdue_deliveries(connection, grace_seconds=1800, limit=10_000)
    mine = [row for row in rows if row["environment_id"] == engine.environment.id]
    assert [row["message_id"] for row in mine] == ids[:1]
    await deliver_again(engine.platform, mine[0])
    workflow_id, order, _ = temporal.starts[-1]
    assert workflow_id == f"message/{engine.environment.scope.slug}/{ids[0]}/retry/0"
    assert (order.delivery.message_id, order.queue) == (str(ids[0]), "deliver-email")
