"""Whole runs of the product on a real server: one for every shape that a history can have.

The recorder writes their histories to `tests/replay/histories`; the tests play them afresh.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.sweep import DUTIES
from domain.contract.jobs import SweepInput
from domain.contract.queues import RUNS
from domain.kit.clock import utc_now
from domain.kit.ids import (
    batch_window_workflow_id,
    broadcast_workflow_id,
    bulk_operation_workflow_id,
    cancel_fanout_workflow_id,
    message_delivery_workflow_id,
    recipient_run_workflow_id,
    schedule_clock_workflow_id,
    source_event_workflow_id,
    status_check_workflow_id,
    trigger_fanout_workflow_id,
    webhook_delivery_workflow_id,
)
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.messages.engagement import Engagement, StatusChange
from domain.sources.requests import SourceIn
from services.deliveries.retries import retry_message
from services.messages.messages import engage_many
from services.sources.receiving import receive
from services.sources.sources import put_source
from services.triggers import expansions, fan_outs
from services.triggers.moved_waits import move_wait
from services.walk.steps import http_fetch
from temporal_workflows import SweepWorkflow
from temporal_workflows.signals import EVENT_ARRIVED
from tests.providers.servers import HttpServer, reply, serving
from tests.support.broadcasts import SALE, draft, join, send, trigger_of
from tests.support.bulk import put_off
from tests.support.interruptions import FailingTemporal
from tests.support.long_histories import long_after
from tests.support.schedules import schedule
from tests.support.steps import fetch_step, message_event, wait_step
from tests.support.subscribers import follow, make_object, project
from tests.support.waiting import until
from tests.support.webhook_target import listening_target
from tests.support.webhooks import PATH, hooked
from tests.support.world import World, batch_step, channel_step, delay_step, when

Handle = WorkflowHandle[Any, Any]
FLOW = "flow"
MANY = 120
_BROKEN = {"markdown_body": "{% for i in (1..20000) %}{% endfor %}"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One shape of a history.

    Attributes:
        play: runs it and answers the Temporal workflow whose history it is about, ended.
        budget: most events that its history may have.
        long_after: from more events on its history counts as long; None means as the server says.
    """

    play: Callable[[World], Awaitable[Handle]]
    budget: int
    long_after: int | None = None

    def counted(self) -> contextlib.AbstractContextManager[None]:
        """Return within what it is played."""
        return contextlib.nullcontext() if self.long_after is None else long_after(self.long_after)


def run_handle(world: World, run_id: str, key: str = FLOW) -> Handle:
    """Return the Temporal workflow of a recipient run."""
    workflow_id = recipient_run_workflow_id(world.environment.scope.slug, key, run_id)
    return world.engine.temporal.get_workflow_handle(workflow_id)


async def prepare(world: World) -> None:
    """Configure a feed, and mailboxes that accept, or fail as their key says."""
    await world.channel("in_app_feed")
    await world.channel("email", channel_settings={"from_address": "hello@example.com"})
    for fail in ("retry", "refuse"):
        await world.channel("email", fail, secrets={"fail": fail})


async def start(world: World, *steps: JsonObject, **body: Any) -> Handle:
    """Publish steps, trigger them for one recipient, and return its run."""
    await world.publish(FLOW, *steps)
    return run_handle(world, await world.begin(FLOW, **body))


async def _ended(handle: Handle) -> Handle:
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    return handle


async def until_event(handle: Handle, event_type: EventType.ValueType) -> None:
    """Wait until a history has an event of a type."""

    async def look() -> bool:
        history = await handle.fetch_history()
        return any(event.event_type == event_type for event in history.events)

    await until(look)


async def _in_app(world: World) -> Handle:
    return await _ended(await start(world, channel_step("feed")))


async def _email(world: World) -> Handle:
    return await _ended(await start(world, channel_step("mail", "email")))


async def _in_app_delay_email(world: World) -> Handle:
    steps = channel_step("feed"), delay_step(seconds=1), channel_step("mail", "email")
    return await _ended(await start(world, *steps))


async def _walk_on(world: World) -> Handle:
    return await _ended(await start(world, *(channel_step(f"feed_{n}") for n in range(60))))


async def _asleep(world: World) -> Handle:
    handle = await start(
        world, delay_step(seconds=3600), channel_step("feed"), cancellation_key="ck"
    )
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    return handle


async def _delay_cancelled(world: World) -> Handle:
    handle = await _asleep(world)
    await world.cancel(FLOW, "ck")
    return await _ended(handle)


async def _cancelled_from_temporal(world: World) -> Handle:
    handle = await _asleep(world)
    await handle.cancel()
    return await _ended(handle)


async def _template_retry(world: World) -> Handle:
    return await _ended(await start(world, channel_step("bad", template=_BROKEN)))


async def _fetch(world: World) -> Handle:
    return await _fetched(world, 204)


async def _fetch_again(world: World) -> Handle:
    return await _fetched(world, 500, 204)


async def _fetch_hurried(world: World) -> Handle:
    """Skip the wait for the second attempt at a request, which would be long."""
    attempts = http_fetch._ATTEMPTS
    http_fetch._ATTEMPTS = replace(attempts, waits=(1e6, 1e6))
    try:
        async with listening_target() as target:
            target.scripts["/x"] = [500, 204]
            data = {"url": f"{target.url}/x"}
            handle = await start(world, fetch_step(), channel_step("feed"), data=data)
            await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
            (run,) = await world.runs()
            await move_wait(world.engine, world.environment.scope, run["id"], None)
            return await _ended(handle)
    finally:
        http_fetch._ATTEMPTS = attempts


async def _fetched(world: World, *codes: int) -> Handle:
    """Fetch from a server that answers with these codes, then make a message."""
    async with listening_target() as target:
        target.scripts["/x"] = list(codes)
        data = {"url": f"{target.url}/x"}
        return await _ended(await start(world, fetch_step(), channel_step("feed"), data=data))


async def _delivery_with_retries(world: World) -> Handle:
    return await _ended(await start(world, channel_step("mail", "email", channel_key="retry")))


async def _message_delivery(world: World) -> Handle:
    refused = channel_step("mail", "email", channel_key="refuse")
    await _ended(await start(world, refused))
    (run,) = await world.runs()
    (message,) = await world.messages(run["id"])
    await retry_message(world.engine, world.environment.scope, message["id"])
    workflow_id = message_delivery_workflow_id(world.environment.scope.slug, message["id"], 1)
    return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


async def _trigger_fanout(world: World) -> Handle:
    await world.publish(FLOW, delay_step(seconds=3600), channel_step("feed"))
    people = [{"id": f"u{number:03}"} for number in range(MANY)]
    trigger = await world.trigger(FLOW, *people, cancellation_key="ck")
    workflow_id = trigger_fanout_workflow_id(world.environment.scope.slug, str(trigger))
    return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


async def _trigger_fanout_expands(world: World) -> Handle:
    """Trigger for an object with followers, whose runs take longer to make than one activity may.

    Answers the fan-out.
    """
    await world.publish(FLOW, delay_step(seconds=3600), channel_step("feed"))
    topic = project("p")
    await make_object(world, topic)
    people = [f"u{number:03}" for number in range(MANY - 1)]
    for first in range(0, len(people), 100):
        await follow(world, topic, *people[first : first + 100])
    patience, expansions.SECONDS = expansions.SECONDS, 0.0
    try:
        trigger = await world.trigger(FLOW, topic)
        workflow_id = trigger_fanout_workflow_id(world.environment.scope.slug, str(trigger))
        return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))
    finally:
        expansions.SECONDS = patience


async def _cancel_fanout(world: World) -> Handle:
    await _trigger_fanout(world)
    await world.cancel(FLOW, "ck")
    (row,) = await world.make.rows(
        "SELECT id FROM cancellations WHERE environment_id = %s", world.environment.id
    )
    workflow_id = cancel_fanout_workflow_id(world.environment.scope.slug, str(row["id"]))
    return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


async def _sweep(world: World) -> Handle:
    """Accept a trigger without Temporal, and let the sweep start its run."""
    away = world.with_parts(temporal=FailingTemporal(status=RPCStatusCode.UNAVAILABLE))
    await away.publish(FLOW, channel_step("feed"))
    run_id = await away.begin(FLOW)
    await world.grow_old()
    handle = await sweep(world)
    await _ended(run_handle(world, run_id))
    return handle


async def sweep(world: World) -> Handle:
    """Run the sweep once."""
    client = world.engine.temporal
    return await _ended(
        await client.start_workflow(
            SweepWorkflow.run,
            SweepInput(list(DUTIES)),
            id=f"sweep/{uuid4()}",
            task_queue=RUNS,
        )
    )


async def _batch(world: World) -> Handle:
    """Gather three items until the window closes; answers the run that carries them."""
    window = batch_step(seconds=2)
    carrier = await start(world, window, channel_step("feed"), data={"n": 1})
    await until_event(carrier, EventType.EVENT_TYPE_MARKER_RECORDED)
    for number in (2, 3):
        await _ended(run_handle(world, await world.begin(FLOW, data={"n": number})))
    return await _ended(carrier)


async def _batch_joined(world: World) -> Handle:
    """Put an item into an open batch; answers its run."""
    carrier = await start(world, batch_step(), channel_step("feed"))
    await until_event(carrier, EventType.EVENT_TYPE_MARKER_RECORDED)
    return await _ended(run_handle(world, await world.begin(FLOW)))


async def _only_window(world: World) -> Handle:
    (row,) = await world.make.rows(
        "SELECT id FROM batches WHERE environment_id = %s", world.environment.id
    )
    slug = world.environment.scope.slug
    workflow_id = batch_window_workflow_id(slug, FLOW, str(row["id"]))
    return world.engine.temporal.get_workflow_handle(workflow_id)


async def _batch_window(world: World) -> Handle:
    """Let the window of a batch end; answers its watch."""
    await _batch(world)
    return await _ended(await _only_window(world))


async def _batch_window_full(world: World) -> Handle:
    """Fill a batch before its window ends; answers its watch."""
    window = batch_step(batch_items_max_limit=2)
    carrier = await start(world, window, channel_step("feed"))
    await until_event(carrier, EventType.EVENT_TYPE_MARKER_RECORDED)
    await world.begin(FLOW)
    await _ended(carrier)
    return await _ended(await _only_window(world))


async def _wait(world: World, *, seconds: float, **settings: Any) -> Handle:
    """Send a message, and wait until it is read; answers the run, which has begun to wait."""
    read = message_event("read", FLOW)
    by_step = when("event.step_ref", "equal_to", "feed")
    wait = wait_step(read, by_step, seconds=seconds, **settings)
    handle = await start(world, channel_step("feed"), wait, channel_step("last"))
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    return handle


async def _wait_for_event(world: World) -> Handle:
    """Read the message that a run has sent, and waits for."""
    handle = await _wait(world, seconds=3600)
    await _read(world)
    return await _ended(handle)


async def _read(world: World) -> None:
    """Read the only message."""
    (run,) = await world.runs()
    (message,) = await world.messages(run["id"])
    change, ids = StatusChange(Engagement.READ), [message["id"]]
    await engage_many(world.engine, world.environment.scope, ids, ids, change)


async def _wait_timed_out(world: World) -> Handle:
    """Let the time of a wait end."""
    return await _ended(await _wait(world, seconds=1, on_timeout="continue"))


async def _source_event(world: World) -> Handle:
    """Receive an event that identifies a user; answers what takes its actions."""
    slug = world.environment.scope.slug
    identify = {
        "event_type": "signed_up",
        "action_type": "users_identify",
        "action_parameters": {"id": "body.user"},
    }
    wanted = {"name": "Shop", "environment_settings": {slug: {"mappings": [identify]}}}
    view = await put_source(world.engine, f"shop-{uuid4().hex}", read_shape(SourceIn, wanted))
    address = next(each.endpoint_id for each in view.environments if each.environment == slug)
    body = {"event": "signed_up", "user": "ada"}
    received = await receive(world.engine, address, raw=b"", body=body, headers={})
    workflow_id = source_event_workflow_id(slug, str(received.event_id))
    return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


async def _delay_skipped(world: World) -> Handle:
    """Let a sleeping run go on at once."""
    handle = await _asleep(world)
    (run,) = await world.runs()
    await move_wait(world.engine, world.environment.scope, run["id"], None)
    return await _ended(handle)


async def _webhook_delivery(world: World) -> Handle:
    """Tell an endpoint of a message, at the second attempt."""
    async with hooked(world, "message.delivered") as hook:
        hook.target.scripts[PATH] = [500, 204]
        await _in_app(world)
        (delivery,) = await hook.take()
        workflow_id = webhook_delivery_workflow_id(
            world.environment.scope.slug, str(hook.id), str(delivery.event_id)
        )
        return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


class _Resend(HttpServer):
    """Takes an e-mail, and knows what became of it when it is asked for the second time."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        await super().handle(reader, writer)
        if self.seen[-1].method == "GET":
            self.replies["/emails/r-1"] = reply(200, b'{"last_event": "delivered"}')


async def _goes_on(world: World) -> Handle:
    """Wake a run that waits until its history is long; answers the first of its histories."""
    handle = await _wait(world, seconds=3600)
    history = world.engine.temporal.get_workflow_handle(
        handle.id, run_id=(await handle.describe()).run_id
    )
    await handle.signal(EVENT_ARRIVED, "wait_1")
    await until_event(history, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW)
    await _read(world)
    await _ended(handle)
    return history


async def _status_check(world: World) -> Handle:
    async with serving(_Resend({"/emails": reply(200, b'{"id": "r-1"}')})) as server:
        key = f"asked-{uuid4().hex[:8]}"
        secrets = {"api_key": "key", "base_url": server.url, "check_delivery_status": True}
        from_us = {"from_address": "hello@example.com"}
        await world.channel(
            "email", key, provider="resend", secrets=secrets, channel_settings=from_us
        )
        await _ended(await start(world, channel_step("mail", "email", channel_key=key)))
        (run,) = await world.runs()
        (message,) = await world.messages(run["id"])
        slug = world.environment.scope.slug
        workflow_id = status_check_workflow_id(slug, str(message["id"]), 0)
        return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


async def _schedule_clock(world: World) -> Handle:
    """Let schedules occur at two times, the later ones made first; answers one of their clocks."""
    await world.publish(FLOW, channel_step("feed"))
    # A clock looks after all environments, and may be at it since an earlier test.
    await world.make.rows(
        "UPDATE schedules SET due_at = NULL WHERE environment_id <> %s", world.environment.id
    )
    for number in range(world.engine.settings.schedule_clocks):
        clock = world.engine.temporal.get_workflow_handle(schedule_clock_workflow_id(number))
        with contextlib.suppress(RPCError):
            await clock.terminate("its schedules are gone")
    now = utc_now()
    for seconds in (4, 2):
        # Enough of them that each clock has some.
        people = [{"id": f"u{number:02}-{seconds}", "name": "N"} for number in range(24)]
        at = now + timedelta(seconds=seconds)
        await schedule(world, *people, scheduled_at=at.isoformat())
    handle = world.engine.temporal.get_workflow_handle(schedule_clock_workflow_id(0))
    return await _ended(handle)


async def _broadcast(world: World) -> Handle:
    """Send a broadcast two seconds from now, to two users."""
    await join(world, "vips", "ada", "grace")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    send_at = world.engine.clock() + timedelta(seconds=2)
    await send(world, send_at=send_at)
    slug = world.environment.scope.slug
    return await _ended(
        world.engine.temporal.get_workflow_handle(broadcast_workflow_id(slug, SALE, 1))
    )


async def _broadcast_fanout(world: World) -> Handle:
    """Send a broadcast to more users than one page has, so that its fan-out pauses."""
    sizes = fan_outs.CHUNK_SIZE, fan_outs.PACED_CHUNKS
    fan_outs.CHUNK_SIZE, fan_outs.PACED_CHUNKS = 2, 1
    try:
        await join(world, "vips", "ada", "grace", "edsger")
        await draft(world, channel_step("feed"), target_audience_key="vips")
        await send(world)
        slug = world.environment.scope.slug
        workflow_id = trigger_fanout_workflow_id(slug, str(await trigger_of(world)))
        return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))
    finally:
        fan_outs.CHUNK_SIZE, fan_outs.PACED_CHUNKS = sizes


async def _bulk(world: World) -> Handle:
    """Identify users in bulk."""
    users = [{"id": f"u{number:03}"} for number in range(MANY)]
    operation_id = await put_off(world.engine, world.environment, users)
    workflow_id = bulk_operation_workflow_id(world.environment.scope.slug, str(operation_id))
    return await _ended(world.engine.temporal.get_workflow_handle(workflow_id))


SCENARIOS: dict[str, Scenario] = {
    "in_app": Scenario(_in_app, 6),
    "email": Scenario(_email, 8),
    "in_app_delay_email": Scenario(_in_app_delay_email, 14),
    "walk_on": Scenario(_walk_on, 8),
    "delay_cancelled_by_signal": Scenario(_delay_cancelled, 13),
    "cancelled_from_temporal": Scenario(_cancelled_from_temporal, 13),
    "template_retry": Scenario(_template_retry, 18),
    "fetch": Scenario(_fetch, 13),
    "fetch_again": Scenario(_fetch_again, 26),
    "fetch_hurried": Scenario(_fetch_hurried, 27),
    "delivery_with_retries": Scenario(_delivery_with_retries, 13),
    "message_delivery": Scenario(_message_delivery, 11),
    "trigger_fanout": Scenario(_trigger_fanout, 23),
    "trigger_fanout_expands": Scenario(_trigger_fanout_expands, 29),
    "cancel_fanout": Scenario(_cancel_fanout, 23),
    # Three events for each duty, and three more where it ends by itself, as on a busy machine.
    "sweep": Scenario(_sweep, 5 + 6 * len(DUTIES)),
    "bulk": Scenario(_bulk, 11),
    "batch": Scenario(_batch, 11),
    "batch_joined": Scenario(_batch_joined, 6),
    "batch_window": Scenario(_batch_window, 14),
    "batch_window_full": Scenario(_batch_window_full, 14),
    "source_event": Scenario(_source_event, 11),
    "wait_for_event": Scenario(_wait_for_event, 13),
    "wait_timed_out": Scenario(_wait_timed_out, 12),
    "goes_on": Scenario(_goes_on, 16, long_after=8),
    "broadcast": Scenario(_broadcast, 16),
    "broadcast_fanout": Scenario(_broadcast_fanout, 50),
    "schedule_clock": Scenario(_schedule_clock, 46),
    "delay_skipped": Scenario(_delay_skipped, 13),
    "webhook_delivery": Scenario(_webhook_delivery, 11),
    "status_check": Scenario(_status_check, 11),
}
