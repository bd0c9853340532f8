"""The whole engine at work: real database, real Temporal, the product's own workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError
from temporalio.worker import Replayer

from commands.worker import workflow_runner
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER, connect
from services.channels.sealing import seal_provider_settings
from services.deliveries import outcomes
from services.deliveries.retries import retry_message
from services.deliveries.waits import move_delivery
from temporal_workflows import WORKFLOWS
from temporal_workflows.search_attributes import RECIPIENT_ID, TENANT, WORKFLOW_KEY
from tests.support.deliveries import log_of
from tests.support.scenarios import (
    FLOW,
    MANY,
    SCENARIOS,
    Handle,
    run_handle,
    start,
    sweep,
    until_event,
)
from tests.support.send_windows import closed_for_now
from tests.support.steps import (
    branch,
    branch_step,
    cohort,
    cohort_step,
    trigger_step,
    update_step,
    when,
)
from tests.support.waiting import until
from tests.support.world import World, channel_step, delay_step


async def _only(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the only run of the environment, and its messages."""
    (run,) = await world.runs()
    return run, await world.messages(run["id"])


async def _feed_then_mail(world: World, handle: Handle) -> None:
    run, messages = await _only(world)
    assert [row["delivery_status"] for row in messages] == ["delivered", "sent"]
    assert await world.story(run["id"]) == [
        "run_started",
        "message_enqueued",
        "delay_started",
        "delay_completed",
        "message_enqueued",
        "run_completed",
    ]


async def _delivered(world: World, handle: Handle) -> None:
    _, (message,) = await _only(world)
    assert message["delivery_status"] in ("delivered", "sent")


async def _many_messages(world: World, handle: Handle) -> None:
    """A long run was walked in pieces, and has one story."""
    run, messages = await _only(world)
    assert len(messages) == 60
    story = await world.story(run["id"])
    assert (story[0], story[-1], len(story)) == ("run_started", "run_completed", 62)


async def _exhausted(world: World, handle: Handle) -> None:
    """Eight attempts were made by one activity of the run, each of them logged."""
    _, (message,) = await _only(world)
    assert message["delivery_status"] == "undelivered"
    events = await world.message_events(message["id"])
    attempts = [row["data"]["attempt"] for row in events if "attempt" in (row["data"] or {})]
    assert attempts == list(range(1, 9))


async def _halted(world: World, handle: Handle) -> None:
    """The run itself waited between the attempts of its step."""
    run, messages = await _only(world)
    assert messages == []
    assert (await world.story(run["id"]))[1:] == [
        "step_retrying",
        "step_retrying",
        "step_failed",
        "run_halted",
    ]


async def _fetched(world: World, handle: Handle) -> None:
    run, messages = await _only(world)
    assert len(messages) == 1
    assert (await world.story(run["id"]))[1:3] == ["fetch_requested", "fetch_responded"]


async def _fetched_again(world: World, handle: Handle) -> None:
    """The run itself waited between the attempts at its request."""
    run, messages = await _only(world)
    assert len(messages) == 1
    assert (await world.story(run["id"]))[1:5] == [
        "fetch_requested",
        "fetch_responded",
        "fetch_retry_scheduled",
        "fetch_responded",
    ]


async def _fetched_early(world: World, handle: Handle) -> None:
    """The second attempt was made when an operator wanted it."""
    run, messages = await _only(world)
    assert len(messages) == 1
    assert (await world.story(run["id"]))[3:6] == [
        "fetch_retry_scheduled",
        "wait_moved",
        "fetch_responded",
    ]


async def _cancelled(world: World, handle: Handle) -> None:
    run, messages = await _only(world)
    assert (run["status"], messages) == ("cancelled", [])
    assert (await world.story(run["id"]))[-1] == "run_cancelled"


async def _refused_again(world: World, handle: Handle) -> None:
    _, (message,) = await _only(world)
    assert (message["delivery_status"], message["retry_count"]) == ("undelivered", 1)


async def _all_asleep(world: World, handle: Handle) -> None:
    """Every one of many runs was started."""
    assert await handle.result() == MANY
    await until(lambda: _statuses_are(world, "paused"))


async def _all_ended(world: World, handle: Handle) -> None:
    """One cancel woke and ended every run."""
    assert await handle.result() == MANY
    assert await _statuses_are(world, "cancelled")
    runs = await world.runs()
    ends = await asyncio.gather(*(run_handle(world, run["id"]).result() for run in runs))
    assert ends == ["cancelled"] * MANY


async def _statuses_are(world: World, status: str) -> bool:
    return {run["status"] for run in await world.runs()} == {status}


async def _gathered(world: World, handle: Handle) -> None:
    """One of three runs has made a message, which tells of all three."""
    runs = await world.runs()
    messages = [row for run in runs for row in await world.messages(run["id"])]
    assert [run["status"] for run in runs] == ["completed"] * len(runs)
    assert len(messages) == 1
    batches = await world.make.rows(
        "SELECT total_activities FROM batches WHERE environment_id = %s", world.environment.id
    )
    assert [row["total_activities"] for row in batches] == [len(runs)]


async def _batched(world: World, handle: Handle) -> None:
    """The run ended as its item joined; the one that carries the batch waits."""
    assert {run["end_reason"] for run in await world.runs()} == {None, "batched"}


async def _told(world: World, handle: Handle) -> None:
    """The second request was taken."""
    rows = await world.make.rows(
        "SELECT attempts, state FROM webhook_deliveries WHERE environment_id = %s",
        world.environment.id,
    )
    assert rows == [{"attempts": 2, "state": "delivered"}]


async def _have_occurred(world: World, handle: Handle) -> None:
    """Every schedule has made one run; one clock has ended, others may still be at it."""

    async def look() -> bool:
        return len(await world.runs()) == 48

    await until(look)
    sources = await world.make.rows(
        "SELECT DISTINCT source ->> 'schedule_id' FROM workflow_runs WHERE environment_id = %s",
        world.environment.id,
    )
    assert len(sources) == 48


async def _all_identified(world: World, handle: Handle) -> None:
    """Everybody of a bulk operation was stored, and counted."""
    (row,) = await world.make.rows(
        "SELECT status, success_count, (SELECT count(*) FROM recipients r"
        " WHERE r.environment_id = b.environment_id) AS stored"
        " FROM bulk_operations b WHERE environment_id = %s",
        world.environment.id,
    )
    assert row == {"status": "completed", "success_count": MANY, "stored": MANY}


async def _event_came(world: World, handle: Handle) -> None:
    """The run went on with the event that it waited for."""
    await _waited_until(world, handle, "wait_matched")


async def _no_event_came(world: World, handle: Handle) -> None:
    """The run went on when its wait was over."""
    await _waited_until(world, handle, "wait_timed_out")


async def _waited_until(world: World, handle: Handle, end: str) -> None:
    assert await handle.result() == "completed"
    (run,) = await world.runs()
    assert len(await world.messages(run["id"])) == 2
    story = [each["event"] for each in await world.events(run["id"])]
    assert story.index("wait_registered") < story.index(end)


async def _acted_upon(world: World, handle: Handle) -> None:
    """The user that the event names was identified, which was noted once."""
    actions = await world.make.rows(
        "SELECT a.action_type, a.status, r.id FROM source_event_actions a"
        " JOIN recipients r USING (environment_id) WHERE environment_id = %s",
        world.environment.id,
    )
    assert actions == [{"action_type": "users_identify", "status": "ok", "id": "ada"}]


async def _sent_to_all(world: World, handle: Handle) -> None:
    """Everybody in the audience got one message."""
    members = await world.make.rows(
        "SELECT user_id FROM audience_members WHERE environment_id = %s", world.environment.id
    )
    await until(lambda: _statuses_are(world, "completed"))
    runs = await world.runs()
    assert len(members) >= 2
    assert {run["recipient_id"] for run in runs} == {member["user_id"] for member in members}
    assert [len(await world.messages(run["id"])) for run in runs] == [1] * len(members)


async def _asked(world: World, handle: Handle) -> None:
    """One activity asked until its vendor knew."""
    _, (message,) = await _only(world)
    assert message["delivery_status"] == "delivered"
    assert await handle.result() == "delivered"
    log = await log_of(world, message["id"])
    assert [entry["request"]["method"] for entry in log] == ["POST", "GET", "GET"]


OUTCOMES: dict[str, Callable[[World, Handle], Awaitable[None]]] = {
    "in_app": _delivered,
    "email": _delivered,
    "in_app_delay_email": _feed_then_mail,
    "walk_on": _many_messages,
    "delay_cancelled_by_signal": _cancelled,
    "cancelled_from_temporal": _cancelled,
    "template_retry": _halted,
    "fetch": _fetched,
    "fetch_again": _fetched_again,
    "fetch_hurried": _fetched_early,
    "delivery_with_retries": _exhausted,
    "message_delivery": _refused_again,
    "trigger_fanout": _all_asleep,
    "trigger_fanout_expands": _all_asleep,
    "cancel_fanout": _all_ended,
    "sweep": _delivered,
    "bulk": _all_identified,
    "batch": _gathered,
    "batch_joined": _batched,
    "batch_window": _gathered,
    "batch_window_full": _gathered,
    "delay_skipped": _delivered,
    "status_check": _asked,
    "webhook_delivery": _told,
    "schedule_clock": _have_occurred,
    "source_event": _acted_upon,
    "wait_for_event": _event_came,
    "wait_timed_out": _no_event_came,
    "goes_on": _event_came,
    "broadcast": _sent_to_all,
    "broadcast_fanout": _sent_to_all,
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(product: World, name: str) -> None:
    """Each shape of a run does what it should, within its budget of events, and replays."""
    scenario = SCENARIOS[name]
    with scenario.counted():
        handle = await scenario.play(product)
    history = await handle.fetch_history()
    print(f"{name}: {len(history.events)} events, budget {scenario.budget}")
    assert len(history.events) <= scenario.budget
    await OUTCOMES[name](product, handle)
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(Settings(worker_sandbox=True)),
        data_converter=DATA_CONVERTER,
    )
    with scenario.counted():
        await replayer.replay_workflow(history)


async def test_slow_steps_make_progress(product: World) -> None:
    """A workflow whose steps together take longer than any walk may ends all the same."""
    loop = "{% for i in (1..5000) %}{% assign x = i | plus: 1 %}{% assign y = x | times: 2 %}"
    template = {"markdown_body": f"{loop}{{% endfor %}}done"}
    steps = [channel_step(f"feed_{number}", template=template) for number in range(20)]
    handle = await start(product, *steps)
    assert await handle.result() == "completed"
    _, messages = await _only(product)
    assert len(messages) == 20
    history = await handle.fetch_history()
    scheduled = [
        event
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert scheduled == []


async def _mend(world: World, message: dict[str, Any]) -> None:
    """Let the channel of a message accept what it is given."""
    owner = (message["channel_id"], world.environment.id)
    await world.make.rows(
        "UPDATE channel_environments SET provider_settings = %s"
        " WHERE environment_id = %s AND channel_id = %s RETURNING 1",
        *(seal_provider_settings(world.engine.vault, {}, *owner), owner[1], owner[0]),
    )


async def test_manual_retry_goes_out(product: World) -> None:
    """A message that was refused is delivered when its channel has been mended."""
    handle = await start(product, channel_step("mail", "email", channel_key="refuse"))
    await handle.result()
    _, (message,) = await _only(product)
    assert message["delivery_status"] == "undelivered"
    await _mend(product, message)
    await retry_message(product.engine, product.environment.scope, message["id"])

    async def is_sent() -> bool:
        return (await product.message(message["id"]))["delivery_status"] == "sent"

    await until(is_sent)


async def test_a_message_is_sent_when_an_operator_wants_it(
    product: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that its run would send again much later goes out at once, once."""
    monkeypatch.setattr(outcomes, "_FIRST_WAIT_SECONDS", 40)
    monkeypatch.setattr(outcomes, "_LONGEST_WAIT_SECONDS", 40)
    handle = await start(product, channel_step("mail", "email", channel_key="retry"))

    async def is_put_off() -> UUID | None:
        messages = [
            each for run in await product.runs() for each in await product.messages(run["id"])
        ]
        for message in messages:
            delivery = await product.delivery(message["id"])
            if delivery and delivery["attempts"] == 1 and delivery["lease_until"] is None:
                return UUID(str(message["id"]))
        return None

    async def is_sent() -> bool:
        _, (message,) = await _only(product)
        return bool(message["delivery_status"] == "sent")

    try:
        message_id = await until(is_put_off)
        _, (message,) = await _only(product)
        await _mend(product, message)
        await move_delivery(product.engine, product.environment.scope, message_id, None)
        async with asyncio.timeout(35):
            await until(is_sent)
        # The run looks at it when it had planned to, and has nothing left to do.
        await handle.result()
    finally:
        await _end(handle)
    assert await is_sent()
    assert len(await log_of(product, message_id)) == 2


async def test_an_item_is_shown_when_an_operator_wants_it(product: World) -> None:
    """The window of a feed's item is opened early; its run, which would sleep on, need not live."""
    step = channel_step("feed", send_windows=closed_for_now(product))
    handle = await start(product, step)
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    _, (message,) = await _only(product)
    assert message["delivery_status"] == "queued"
    await handle.terminate()
    await move_delivery(product.engine, product.environment.scope, message["id"], None)

    async def is_shown() -> bool:
        return bool((await product.message(message["id"]))["delivery_status"] == "delivered")

    await until(is_shown)


async def test_an_item_is_shown_when_its_window_opens(product: World) -> None:
    """By its run, which sleeps until then."""
    opens = datetime.now(UTC) + timedelta(seconds=3)
    day, before = opens.strftime("%A").lower(), opens - timedelta(days=1)
    windows = [
        {"day": before.strftime("%A").lower(), "type": "do_not_send"},
        {"day": day, "type": "send", "from": opens.strftime("%H:%M:%S")},
    ]
    handle = await start(product, channel_step("feed", send_windows=windows))
    assert await handle.result() == "completed"
    _, (message,) = await _only(product)
    assert message["delivery_status"] == "delivered"
    # On a machine that needed so long to come to the step, it was shown as it was made.
    opening = message["scheduled_at"] or opens.replace(microsecond=0)
    assert opening == opens.replace(microsecond=0)


async def _end(handle: Handle) -> None:
    """End a run that may have ended by itself."""
    with suppress(RPCError):
        await handle.terminate()


async def test_through_branches_into_another_workflow(product: World) -> None:
    """A run waits within a branch, triggers a workflow for each cohort, and both come to an end."""
    await product.publish("child", channel_step("feed", template={"markdown_body": "{{ n }}"}))
    fork = branch_step(
        "fork",
        branch(
            "Waits",
            delay_step(seconds=1),
            update_step('{"n": "{{ data.n | plus: 1 }}"}'),
            cohort_step(
                "test", cohort("All", 100, trigger_step("child"), ends=True), cohort("None", 0)
            ),
            conditions=when("data.n", "equal_to", "1"),
        ),
        branch("Default"),
    )
    await product.publish(FLOW, fork, channel_step("unreached"))
    run_id = await product.begin(FLOW, data={"n": 1})
    assert await run_handle(product, run_id).result() == "completed"
    assert await product.messages(run_id) == []
    assert await product.story(run_id) == [
        "run_started",
        "branch_selected",
        "delay_started",
        "delay_completed",
        "data_updated",
        "cohort_selected",
        "workflow_triggered",
        "run_completed",
    ]
    told = next(e for e in await product.events(run_id) if e["event"] == "workflow_triggered")
    (child,) = await product.runs(UUID(told["data"]["workflow_run_id"]))
    assert await run_handle(product, child["id"], "child").result() == "completed"
    (message,) = await product.messages(child["id"])
    assert message["content"]["blocks"][0]["rendered"] == "<p>2</p>\n"


async def test_temporal_away_then_swept(product: World, temporal_address: str) -> None:
    """Triggers and cancels are accepted while Temporal is away, and carried out by the sweep."""
    nowhere = Settings(temporal_address="127.0.0.1:1", temporal_namespace="product")
    client = await connect(nowhere, lazy=True, identity="tests")
    away = product.with_parts(temporal=client)
    asleep = await start(product, delay_step(), cancellation_key="old")
    await until_event(asleep, EventType.EVENT_TYPE_TIMER_STARTED)
    await away.cancel(FLOW, "old")
    await away.publish("feed", channel_step("feed"))
    run_id = await away.begin("feed")
    assert (await product.run(run_id))["status"] == "queued"
    await product.grow_old()
    assert (await (await sweep(product)).result())["release"] == 2
    assert await asleep.result() == "cancelled"
    assert await run_handle(product, run_id, "feed").result() == "completed"
    assert len(await product.messages(run_id)) == 1
    assert (await (await sweep(product)).result())["release"] == 0


async def test_operator_can_tell_what_a_run_is(product: World) -> None:
    """The Temporal UI shows the workflow and can find the run, and an address only as a hash."""
    await product.publish(FLOW, delay_step(seconds=3600))
    run_id = await product.begin(FLOW, {"id": "ada@example.com"}, tenant="acme")
    description = await run_handle(product, run_id).describe()
    attributes = description.typed_search_attributes
    assert await description.static_summary() == f"{FLOW} in {product.environment.scope.slug}"
    assert attributes[WORKFLOW_KEY] == FLOW
    assert attributes[TENANT] == "acme"
    assert attributes[RECIPIENT_ID].startswith("sha256:")
    await product.engine.temporal.get_workflow_handle(description.id).cancel()
