"""Endpoints are told of what they asked for: each event once, as the API shows its subject."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.knock.messages.schemas import MessageOut
from domain.content.email_layout import EMAIL_LAYOUT
from domain.kit.errors import InvalidParams
from domain.kit.ids import first_event_id, webhook_event_id
from domain.kit.json_types import JsonObject
from domain.messages.engagement import Engagement, StatusChange
from domain.recipients.refs import RecipientRef
from domain.webhooks.events import EVENT_TYPES
from models.queries.runs.open_runs import end_runs, open_runs_by_id
from services.bulk import departure_kind
from services.bulk.departures import delete_recipient, merge_users
from services.messages import messages
from services.webhooks.fan_out import take_events
from tests.support.outbox import listening
from tests.support.webhooks import Hook, forget_endpoints, hooked
from tests.support.world import World, channel_step, delay_step

BROKEN = {"markdown_body": "{% for i in (1..20000) %}{% endfor %}"}
ODD = {"text": "é 😀 \u2028", "whole": 1.0, "large": 12345678901234567890, "nothing": None}


async def _message(world: World, **body: Any) -> UUID:
    run_id, _ = await world.send(channel_step("feed"), **body)
    (row,) = await world.messages(run_id)
    return UUID(str(row["id"]))


async def _told(world: World, hook: Hook) -> UUID:
    """Make a message that the endpoint is told of."""
    message_id = await _message(world)
    await hook.tell()
    return message_id


async def _engage(world: World, message_id: UUID, action: Engagement) -> None:
    change = StatusChange(action)
    await messages.engage_one(world.engine, world.environment.scope, message_id, change)


async def test_a_message_is_told_as_the_api_shows_it(world: World) -> None:
    """The body has the message as GET answers it, and the headers name event and environment."""
    async with hooked(world, "message.seen") as hook:
        message_id = await _message(world, data=ODD)
        await _engage(world, message_id, Engagement.SEEN)
        (call,) = await hook.tell()
        shown = await messages.get_message(world.engine, world.environment.scope, message_id)

    assert (call.method, call.headers["content-type"]) == ("POST", "application/json")
    assert call.headers["x-knock-event"] == "message.seen"
    assert call.headers["x-knock-environment-id"] == str(world.environment.id)
    assert call.json["__typename"] == "Event"
    assert call.json["type"] == "message.seen"
    assert call.json["event_data"] is None
    assert call.json["data"] == MessageOut.of(shown).model_dump(mode="json")
    assert call.json["data"]["data"] == ODD


async def test_only_what_was_asked_for_is_told(world: World) -> None:
    """An endpoint hears of no other event, and of none before it was there."""
    before = await _message(world)
    await _engage(world, before, Engagement.SEEN)
    async with hooked(world, "message.read") as hook:
        message_id = await _message(world)
        await _engage(world, message_id, Engagement.SEEN)
        await _engage(world, message_id, Engagement.READ)
        calls = await hook.tell()

    assert [call.json["type"] for call in calls] == ["message.read"]


async def test_an_event_is_told_once(world: World) -> None:
    """Whoever looks again finds nothing new, and the id of the event is derived from its source."""
    async with hooked(world, "message.delivered") as hook:
        message_id = await _message(world)
        (delivery,) = await hook.take()
        again = await hook.take()

    assert [each.id for each in again] == [delivery.id]
    source = first_event_id(message_id, 2)
    assert delivery.event_id == webhook_event_id(source, "message.delivered")


async def test_what_else_is_told_of_an_event(world: World) -> None:
    """`event_data` has the failure of a message, under its type name."""
    await world.channel("email", "refusing", secrets={"fail": "refuse"})
    async with hooked(world, "message.undelivered", "message.delivery_attempted") as hook:
        _, advanced = await world.send(channel_step("mail", "email", channel_key="refusing"))
        await world.deliver(advanced.deliveries[0].message_id)
        calls = await hook.tell()

    by_type = {call.json["type"]: call.json["event_data"] for call in calls}
    assert by_type["message.delivery_attempted"] == {
        "__typename": "EventData",
        "attempt": 1,
        "max_attempts": 8,
        "retryable": False,
    }
    assert by_type["message.undelivered"]["failure_reason"] == "fatal_error"


async def test_the_life_of_a_run_is_told(world: World) -> None:
    """A run is told as started and completed, and as failed when one of its events is an error."""
    types = [each for each in EVENT_TYPES if each.startswith("workflow_recipient_run.")]
    async with hooked(world, *types) as hook:
        await world.send(channel_step("feed"))
        well = [call.json["type"] for call in await hook.tell()]
        await world.publish("halts", channel_step("feed", template=BROKEN))
        hook.target.calls.clear()
        run_id = await world.begin("halts")
        cursor = ""
        for _ in range(3):
            cursor = (await world.walk(run_id, cursor)).cursor
        ill = [call.json for call in await hook.tell()]

    assert sorted(well) == ["workflow_recipient_run.completed", "workflow_recipient_run.started"]
    told = sorted({each["type"] for each in ill})
    assert told == sorted(types)
    assert {each["data"]["id"] for each in ill} == {run_id}
    assert all(each["data"]["__typename"] == "WorkflowRecipientRun" for each in ill)


async def test_a_run_that_was_lost_is_told_as_failed(world: World) -> None:
    """A cancel that is an error, which the run counts, is told; one that was asked for is not."""
    async with hooked(world, "workflow_recipient_run.error") as hook:
        asked_for, _ = await world.send(delay_step(), cancellation_key="ck")
        await world.cancel((await world.run(asked_for))["workflow_key"], "ck")
        lost, _ = await world.send(delay_step())
        async with world.engine.connection() as connection:
            (run,) = await open_runs_by_id(connection, [UUID(lost)])
            await end_runs(connection, [(run, {"reason": "ended_in_temporal"})])
        told = [call.json["data"] for call in await hook.tell()]

    assert [(each["id"], each["error_count"]) for each in told] == [(lost, 1)]


async def test_a_deleted_message_is_told_to_nobody(world: World) -> None:
    """What was deleted before it was told is passed over, and keeps nothing waiting."""
    async with hooked(world, "message.delivered") as hook:
        gone, kept = await _message(world), await _message(world)
        await world.make.rows("DELETE FROM messages WHERE id = %s", gone)
        calls = await hook.tell()

    assert [call.json["data"]["id"] for call in calls] == [str(kept)]


async def test_what_was_told_of_a_recipient_goes_with_them(world: World) -> None:
    """Deleting a recipient deletes the events about them, with their deliveries."""
    async with hooked(world, "message.delivered") as hook:
        await _message(world)
        await hook.tell()
        ellie = RecipientRef.user("ellie")
        await delete_recipient(world.engine, world.environment.scope, ellie)
        left = await hook.deliveries()

    assert left == []


async def test_much_that_was_told_goes_little_by_little(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much endpoints were told of a recipient, nothing of it stays behind."""
    monkeypatch.setattr(departure_kind, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(departure_kind, "_ALL_ROWS", 3)
    async with hooked(world, "message.delivered") as hook:
        for _ in range(7):
            await world.make.rows(
                "DELETE FROM messages WHERE id = %s RETURNING 1", await _told(world, hook)
            )
        ellie = RecipientRef.user("ellie")
        await delete_recipient(world.engine, world.environment.scope, ellie)
        left = await hook.deliveries()

    assert left == []


async def test_what_was_told_of_a_merged_user_goes_to_the_other(world: World) -> None:
    """An event of a user that is merged is still told, and goes with the user that stays."""
    scope = world.environment.scope
    async with hooked(world, "message.delivered") as hook:
        message_id = await _message(world, recipients=[{"id": "old", "name": "Old"}])
        await world.make.user(world.environment, "ellie")
        (delivery,) = await hook.take()
        await merge_users(world.engine, scope, "ellie", "old")
        await hook.attempt(delivery)
        told = [call.json["data"]["id"] for call in hook.calls]
        await delete_recipient(world.engine, scope, RecipientRef.user("ellie"))
        left = await hook.deliveries()

    assert told == [str(message_id)]
    assert left == []


async def test_what_is_told_after_a_merge_belongs_to_the_user_that_stays(world: World) -> None:
    """An event that is taken after the merge is about whoever has the message then."""
    scope = world.environment.scope
    async with hooked(world, "message.delivered") as hook:
        await _message(world, recipients=[{"id": "old", "name": "Old"}])
        await world.make.user(world.environment, "ellie")
        await merge_users(world.engine, scope, "ellie", "old")
        (call,) = await hook.tell()
        await delete_recipient(world.engine, scope, RecipientRef.user("ellie"))
        left = await hook.deliveries()

    assert call.json["data"]["recipient"] == "ellie"
    assert left == []


async def test_without_endpoints_nothing_is_written(world: World) -> None:
    """Where nobody has an endpoint, or all are disabled, events leave no row in the outbox."""
    count = "SELECT count(*) FROM outbox WHERE environment_id = %s"
    await _message(world)
    async with hooked(world, "message.delivered") as hook:
        await hook.change(enabled=False)
        await _message(world)
        rows = await world.make.rows(count, world.environment.id)

    assert rows[0]["count"] == 0


async def test_other_readers_are_not_mixed_up(world: World) -> None:
    """What another reader has subscribed to is not told to endpoints."""
    async with listening(world.engine, world.environment.id), hooked(world, "message.read") as hook:
        await _message(world)
        assert await hook.tell() == []


async def test_many_events_cost_few_statements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are taken in batches: how many there are changes nothing about the statements."""
    counted = []
    execute = psycopg.AsyncCursor.execute

    async def counting(cursor: Any, *args: Any, **options: Any) -> Any:
        counted.append(args)
        return await execute(cursor, *args, **options)

    await world.publish("many", channel_step("feed"))
    async with hooked(world, "message.delivered") as hook:
        while await take_events(hook.world.engine):
            pass  # what other tests have left
        people = [{"id": f"user-{number}"} for number in range(60)]
        for run in await world.runs(await world.trigger("many", *people)):
            await world.walk(run["id"])
        monkeypatch.setattr(psycopg.AsyncCursor, "execute", counting)
        while await take_events(hook.world.engine):
            pass
        monkeypatch.undo()
        deliveries = await hook.deliveries()

    # Events that other tests have left may come to light only now: theirs are not counted.
    mine = [args for args in counted if str(world.environment.id) in str(args)]
    assert len(deliveries) == 60
    assert 0 < len(mine) <= 12


@pytest.mark.parametrize("change", ["updated", "committed"])
async def test_content_is_told_as_the_management_api_shows_it(world: World, change: str) -> None:
    """Saving tells `updated`; a commit tells `committed` with its id."""
    async with hooked(world, f"workflow.{change}", f"email_layout.{change}") as hook:
        await world.publish("welcome", channel_step("feed"))
        await world.layout("plain", "<p>{{ content }}</p>")
        workflow, layout = (call.json for call in await hook.tell())

    shown: JsonObject = {name: workflow["data"][name] for name in ("key", "environment", "active")}
    slug = world.environment.scope.slug
    assert shown == {"key": "welcome", "environment": slug, "active": True}
    assert layout["data"]["key"] == "plain"
    assert layout["type"] == f"{EMAIL_LAYOUT.name}.{change}"
    if change == "committed":
        (commit, *_) = await world.make.rows(
            "SELECT id FROM commits WHERE environment_id = %s AND resource_key = 'welcome'",
            world.environment.id,
        )
        assert workflow["event_data"] == {
            "__typename": "EventData",
            "commit_id": str(commit["id"]),
        }
    else:
        assert workflow["event_data"] is None


async def test_an_undone_change_is_told_to_nobody(world: World) -> None:
    """A commit that is refused leaves no event behind."""
    async with hooked(world, "workflow.committed") as hook:
        with pytest.raises(InvalidParams):
            await world.publish("broken", channel_step("feed", channel_key="nowhere"))
        assert await hook.take() == []


async def test_the_reader_is_known_again_after_it_was_forgotten(world: World) -> None:
    """A reader that was too far behind listens anew, and hears of what happens then."""
    async with hooked(world, "message.delivered") as hook:
        await world.make.rows("DELETE FROM outbox_readers WHERE name = 'webhooks'")
        await hook.take()
        message_id = await _message(world.with_parts())
        calls = await hook.tell()

    assert [call.json["data"]["id"] for call in calls] == [str(message_id)]
    await forget_endpoints(world)
