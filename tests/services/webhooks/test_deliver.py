"""An event reaches its endpoint signed, within eight attempts, or is kept as failed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import webhook_delivery_workflow_id
from domain.webhooks.deliveries import (
    DeliveryState,
    RedeliveryRequest,
    WebhookDelivery,
    wait_after,
)
from services.webhooks import endpoints, fan_out, log
from tests.support.interruptions import DeafDatabase
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.webhooks import PATH, Hook, hooked, is_signed
from tests.support.world import World, channel_step

DELIVERED = "message.delivered"
ODD = {"text": "é 😀 \u2028", "whole": 1.0, "large": 12345678901234567890}


async def _event(hook: Hook, **body: Any) -> WebhookDelivery:
    """Let a message be delivered, and take that to the endpoint."""
    await hook.world.send(channel_step("feed"), **body)
    return (await hook.take())[-1]


async def _now(hook: Hook, delivery: WebhookDelivery) -> WebhookDelivery:
    return next(each for each in await hook.deliveries() if each.id == delivery.id)


async def test_the_signature_is_over_the_sent_bytes(world: World) -> None:
    """Whatever the body holds, the signature verifies; each attempt has its own time."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [500, 500, 200]
        delivery = await _event(hook, data=ODD)
        ends = [await hook.attempt(delivery) for _ in range(3)]

    assert ends == ["again", "again", "delivered"]
    assert all(is_signed(call, hook.key) for call in hook.calls)
    assert len({call.body for call in hook.calls}) == 1
    assert len({call.headers["x-knock-signature"] for call in hook.calls}) == 3
    assert len({call.headers["idempotency-key"] for call in hook.calls}) == 1


@pytest.mark.parametrize("code", [200, 201, 204, 299])
async def test_any_2xx_is_a_success(world: World, code: int) -> None:
    """The event is delivered, and never sent again."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [code]
        delivery = await _event(hook)
        assert await hook.attempt(delivery) == "delivered"
        assert await hook.attempt(delivery) == "settled"
        assert len(hook.calls) == 1


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 404, 410, 429, 500, 503])
async def test_anything_else_is_tried_again(world: World, code: int) -> None:
    """A redirect is followed nowhere; what is refused counts as what is broken."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [code]
        delivery = await _event(hook)
        assert await hook.attempt(delivery) == "again"
        after = await _now(hook, delivery)

    assert (after.state, after.attempts, after.status_code) == ("sending", 1, code)


@pytest.mark.parametrize(("code", "end"), [(200, "delivered"), (500, "again")])
async def test_an_answer_whose_commit_went_unheard(world: World, code: int, end: str) -> None:
    """It is stored again, and one request is still one line of the log and one attempt."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [code]
        delivery = await _event(hook)
        database = DeafDatabase(hook.world.engine.database, works=1, unheard=1)
        deaf = replace(hook, world=hook.world.with_engine(database=database))
        assert await deaf.attempt(delivery) == end
        assert (database.unheard, len(hook.calls)) == (0, 1)
        logged = await world.make.rows(
            "SELECT attempt FROM webhook_attempts WHERE delivery_id = %s", delivery.id
        )
        after = await _now(hook, delivery)

    assert ([line["attempt"] for line in logged], after.attempts) == ([1], 1)


async def test_the_eighth_failure_is_the_last(world: World) -> None:
    """After eight attempts the event is given up, and stays in the log with every request."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [500] * 9
        delivery = await _event(hook)
        ends = [await hook.attempt(delivery) for _ in range(9)]
        logged = await log.get_delivery(
            hook.world.engine, world.environment.scope, hook.id, delivery.id
        )

    assert ends == [*["again"] * 7, "failed", "settled"]
    assert len(hook.calls) == 8
    assert [attempt.attempt for attempt in logged.attempts] == [*range(8, 0, -1)]
    assert logged.delivery.state == DeliveryState.FAILED
    assert logged.body.encode() == hook.calls[0].body


async def test_no_secret_is_logged(world: World) -> None:
    """The log of a request has neither the key nor the signature."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.bodies[PATH] = hook.key.encode()
        delivery = await _event(hook)
        await hook.attempt(delivery)
        logged = await log.get_delivery(
            hook.world.engine, world.environment.scope, hook.id, delivery.id
        )

    text = str(logged.attempts)
    assert hook.key not in text
    assert hook.calls[0].headers["x-knock-signature"].split("s=")[1] not in text


def test_waits_between_attempts() -> None:
    """Each wait is three times the one before, an hour at most, or what the endpoint asks for."""
    assert [wait_after(attempt) for attempt in range(1, 8)] == [5, 15, 45, 135, 405, 1215, 3600]
    assert wait_after(1, 60.0) == 60
    assert wait_after(3, 1.0) == 45
    assert wait_after(1, 1e9) == 3600


async def test_private_addresses_are_not_called(world: World) -> None:
    """Where private egress is not allowed, an endpoint on loopback gets nothing."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        far = Hook(world, hook.target, hook.id, hook.key)
        assert await far.attempt(delivery) == "again"
        after = await _now(hook, delivery)
        assert hook.calls == []
        await world.engine.providers.close()

    assert after.error is not None
    assert after.error.startswith("The request was not sent")


async def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled(world: World) -> None:
    """What was on its way waits; what happens meanwhile is not told; then what waited is sent."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        await hook.change(enabled=False)
        assert await hook.attempt(delivery) == "waiting"
        await world.send(channel_step("feed"))
        assert len(await hook.take()) == 1
        assert (await _now(hook, delivery)).state == DeliveryState.WAITING
        await hook.change(enabled=True)
        assert (await hook.take())[0].state == DeliveryState.SENDING
        assert await hook.attempt(delivery) == "delivered"


async def test_a_deleted_endpoint_gets_nothing(world: World) -> None:
    """An attempt under way finds it gone; its log goes with the next sweeps."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        scope = world.environment.scope
        await endpoints.delete_endpoint(world.engine, scope, hook.id)
        assert await hook.attempt(delivery) == "failed"
        assert await hook.attempt(delivery) == "settled"
        with pytest.raises(NotFound):
            await hook.deliveries()
        await log.forget_old_deliveries(world.engine)
        await log.forget_old_deliveries(world.engine)

    count = "SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = %s"
    assert (await world.make.rows(count, hook.id))[0]["count"] == 0
    assert hook.calls == []


async def test_a_new_key_signs_when_its_time_has_come(world: World) -> None:
    """Within the grace period the old key signs, after it the new one; without one, at once."""
    async with hooked(world, DELIVERED) as hook:
        scope, engine = world.environment.scope, hook.world.engine
        made = await endpoints.rotate_key(engine, scope, hook.id, timedelta(minutes=5))
        first = await _event(hook)
        await hook.attempt(first)
        later = Hook(
            hook.world.at(engine.clock() + timedelta(minutes=6)), hook.target, hook.id, hook.key
        )
        second = await _event(hook)
        await later.attempt(second)
        at_once = await endpoints.rotate_key(engine, scope, hook.id, timedelta(0))
        third = await _event(hook)
        await hook.attempt(third)
        keys = (hook.key, made.signing_key, at_once.signing_key)

        assert [is_signed(*pair) for pair in zip(hook.calls, keys, strict=True)] == [True] * 3


async def test_a_delivery_is_made_again_with_the_same_bytes(world: World) -> None:
    """It has eight new attempts; one that has not ended cannot be asked for again."""
    async with hooked(world, DELIVERED) as hook:
        scope, engine = world.environment.scope, hook.world.engine
        hook.target.scripts[PATH] = [500] * 8
        delivery = await _event(hook)
        with pytest.raises(Unprocessable):
            await log.deliver_again(engine, scope, hook.id, delivery.id)
        for _ in range(8):
            await hook.attempt(delivery)
        again = await log.deliver_again(engine, scope, hook.id, delivery.id)
        await hook.take()
        assert await hook.attempt(delivery) == "delivered"

    assert (again.state, again.attempts, again.redeliveries) == ("waiting", 0, 1)
    assert len({call.body for call in hook.calls}) == 1


async def test_all_that_failed_is_told_again(world: World) -> None:
    """The answer says how many, and what was delivered is not among them."""
    async with hooked(world, DELIVERED) as hook:
        scope, engine = world.environment.scope, hook.world.engine
        ids = [(await _event(hook)).id for _ in range(4)]
        states = "UPDATE webhook_deliveries SET state = %s, updated_at = now() - interval '1 hour'"
        await world.make.rows(f"{states} WHERE id = ANY(%s)", "failed", ids[:3])
        await world.make.rows(f"{states} WHERE id = ANY(%s)", "delivered", ids[3:])
        count = await log.deliver_many_again(engine, scope, hook.id, RedeliveryRequest())
        nothing = await log.deliver_many_again(engine, scope, hook.id, RedeliveryRequest())

    assert (count, nothing) == (3, 0)


async def test_a_test_event_is_sent_like_any_other(world: World) -> None:
    """It is told whatever the endpoint has subscribed to, and logged."""
    async with hooked(world, "message.bounced") as hook:
        engine, scope = hook.world.engine, world.environment.scope
        made = await log.send_test(engine, scope, hook.id)
        await hook.tell()
        await hook.change(enabled=False)
        with pytest.raises(Unprocessable):
            await log.send_test(engine, scope, hook.id)

    (call,) = hook.calls
    assert call.json["type"] == made.event_type == "webhook.test"
    assert is_signed(call, hook.key)


async def test_each_delivery_has_a_readable_id(world: World, temporal: TemporalRecorder) -> None:
    """A Temporal workflow is named by environment, endpoint and event, and holds ids only."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)

    slug = world.environment.scope.slug
    named = webhook_delivery_workflow_id(slug, str(hook.id), str(delivery.event_id))
    started = {name: order for name, order, _ in temporal.starts}
    assert started[named].delivery_id == str(delivery.id)


async def test_a_dead_endpoint_keeps_no_other_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has so many under way at most; the others have theirs, and what waits is not lost."""
    monkeypatch.setattr(fan_out, "_UNDER_WAY", 3)
    async with hooked(world, DELIVERED) as dead, hooked(world, DELIVERED) as well:
        for _ in range(5):
            await world.send(channel_step("feed"))
        await dead.take()
        stuck = [each.state for each in await dead.deliveries()]
        for delivery in await well.deliveries():
            await well.attempt(delivery)
        await well.take()
        for delivery in await well.deliveries():
            await well.attempt(delivery)
        served = [each.state for each in await well.deliveries()]
        still = [each.state for each in await dead.deliveries()]

    assert stuck == ["sending"] * 3 + ["waiting"] * 2
    assert served == ["delivered"] * 5
    assert still == stuck


async def test_a_server_that_gives_no_answer_is_left_alone(world: World) -> None:
    """After five calls without an answer deliveries are put off, and that uses up no attempt."""
    async with hooked(world, DELIVERED) as hook:
        for _ in range(7):
            await world.send(channel_step("feed"))
        deliveries = await hook.take()
        await hook.change(url="http://127.0.0.1:1/gone")
        for delivery in deliveries:
            assert await hook.attempt(delivery) == "again"
        attempts = [each.attempts for each in await hook.deliveries()]

    assert attempts == [1] * 5 + [0] * 2


async def test_a_delivery_that_nobody_works_on_is_started_again(
    world: World, temporal: TemporalRecorder
) -> None:
    """A Temporal workflow that was lost is found by its row, and started once per grace."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        await world.make.rows(
            "UPDATE webhook_deliveries SET due_at = now() - interval '1 hour' WHERE id = %s",
            delivery.id,
        )
        temporal.starts.clear()
        await fan_out.start_deliveries(hook.world.engine)
        await fan_out.start_deliveries(hook.world.engine)

    mine = [order for _, order, _ in temporal.starts if order.delivery_id == str(delivery.id)]
    assert len(mine) == 1


async def test_an_attempt_is_recorded_once(world: World) -> None:
    """Two processes at the same attempt count as one; both requests are in the log."""
    async with hooked(world, DELIVERED) as hook:
        hook.target.scripts[PATH] = [500, 500]
        delivery = await _event(hook)
        await asyncio.gather(hook.attempt(delivery), hook.attempt(delivery))
        after = await _now(hook, delivery)
        logged = await log.get_delivery(
            hook.world.engine, world.environment.scope, hook.id, delivery.id
        )

    assert after.attempts == 1
    assert len(logged.attempts) == 2


async def test_poisonous_events_end(world: World) -> None:
    """An event whose attempts never come back is given up after twenty of them."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        await world.make.rows(
            "UPDATE webhook_deliveries SET interruptions = 19, begun_at = now() WHERE id = %s",
            delivery.id,
        )
        await hook.attempt(delivery)
        after = await _now(hook, delivery)

    assert (after.state, hook.calls) == ("failed", [])


async def test_the_log_is_kept_for_thirty_days(world: World) -> None:
    """What is older goes, with its requests."""
    async with hooked(world, DELIVERED) as hook:
        delivery = await _event(hook)
        await hook.attempt(delivery)
        old = "UPDATE webhook_events SET inserted_at = now() - interval '31 days' WHERE id = %s"
        await world.make.rows(old, delivery.event_id)
        await log.forget_old_deliveries(world.engine)
        left = await hook.deliveries()

    count = "SELECT count(*) FROM webhook_attempts WHERE delivery_id = %s"
    assert left == []
    assert (await world.make.rows(count, delivery.id))[0]["count"] == 0
