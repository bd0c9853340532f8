"""A broadcast is sent once, to everybody who was in its audience at that moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from domain.content.partial import PARTIAL
from domain.contract.fan_outs import TriggerFanoutInput
from domain.contract.timers import BroadcastInput
from domain.kit.errors import InvalidParams, NotFound, Unavailable, Unprocessable
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from services.audiences.archiving import archive_audience
from services.broadcasts import sending
from services.broadcasts.broadcasts import get_broadcast, upsert_broadcast
from services.broadcasts.sending import (
    cancel_broadcast,
    send_broadcast,
    send_left_over,
    send_scheduled,
)
from services.bulk.departures import delete_recipient
from services.effects import settle
from services.triggers import expansions
from services.triggers.expansions import expand
from services.triggers.fan_outs import CHUNK_SIZE, PACED_CHUNKS, plan_trigger
from tests.support.audiences import refresh
from tests.support.broadcasts import SALE, draft, join, leave, make_runs, send, trigger_of
from tests.support.builders import T0
from tests.support.content import note, save_content
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.steps import delay_step, email_step, feed_step, with_template
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step

LATER = timedelta(hours=1)
IS_PRO: list[JsonObject] = [{"property": "plan", "operator": "equal_to", "argument": "pro"}]
MAIL = with_template(email_step(), settings={"layout_key": "unknown"})
FOOTED = feed_step("{% render 'footer' %}")


async def status(world: World) -> str:
    """Return how far the broadcast has come."""
    return (await get_broadcast(world.engine, world.environment.scope, SALE)).status.value


async def cancel(world: World) -> None:
    """Cancel or stop the broadcast."""
    await cancel_broadcast(world.engine, world.environment.scope, SALE)


async def pairs(world: World) -> list[tuple[str, str | None]]:
    """Return who has a run, and for which tenant."""
    return sorted(
        ((run["recipient_id"], run["tenant_id"]) for run in await make_runs(world)), key=str
    )


async def test_every_pair_of_its_audience_once(world: World) -> None:
    """A user has a run for each tenant as a member of which they are, and one for none."""
    await join(world, "vips", "a", ("a", "acme"), ("b", "acme"))
    await join(world, "others", "c")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    sent = await send(world)
    assert (sent.status, sent.sent_at is not None) == ("sent", True)
    assert await pairs(world) == [("a", "acme"), ("a", None), ("b", "acme")]


async def test_every_user_without_an_audience(world: World) -> None:
    """Without a target it reaches all users of its environment, and no objects."""
    for user in ("a", "b"):
        await world.make.user(world.environment, user)
    await draft(world, channel_step("feed"))
    await send(world)
    assert await pairs(world) == [("a", None), ("b", None)]


async def test_its_audience_is_that_of_the_moment(world: World) -> None:
    """Who joins after it was sent receives nothing, and who leaves does; nobody who is deleted."""
    await join(world, "vips", "leaves", "deleted", "stays")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world)
    await join(world, "vips", "late")
    scope = world.environment.scope
    await leave(world, "vips", "leaves")
    await delete_recipient(world.engine, scope, RecipientRef.user("deleted"))
    assert await pairs(world) == [("leaves", None), ("stays", None)]


async def test_what_its_runs_and_messages_say(world: World) -> None:
    """Runs and messages name the broadcast as their source."""
    await join(world, "vips", ("a", "acme"))
    await draft(world, channel_step("feed"), target_audience_key="vips", categories=["news"])
    await send(world)
    (run,) = await make_runs(world)
    assert (run["workflow_key"], run["status"]) == (SALE, "queued")
    await world.walk(run["id"])
    (message,) = await world.messages(str(run["id"]))
    named = ("source_type", "workflow_key", "step_ref", "tenant_id", "categories")
    assert [message[name] for name in named] == ["broadcast", SALE, "feed", "acme", ["news"]]
    (with_source,) = await world.runs_of(SALE)
    assert with_source["source"]["type"] == "broadcast"


async def test_who_has_unsubscribed(world: World) -> None:
    """It is commercial by default, so who has unsubscribed from commercial messages gets none."""
    await join(world, "vips", "a")
    await world.make.insert(
        "preference_sets",
        environment_id=world.environment.id,
        collection="$users",
        recipient_id="a",
        id="default",
        content=Jsonb({"commercial_subscribed": False}),
        updated_at=T0,
    )
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world)
    (run,) = await make_runs(world)
    await world.walk(run["id"])
    assert await world.messages(str(run["id"])) == []
    assert await world.reason(str(run["id"])) == "the recipient's preferences do not allow it"


async def test_it_is_sent_once(world: World) -> None:
    """Of several who send it at once, one does."""
    await join(world, "vips", "a")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    outcomes = await asyncio.gather(*(send(world) for _ in range(4)), return_exceptions=True)
    refusals = [one for one in outcomes if isinstance(one, Unprocessable)]
    assert [one.code for one in refusals] == ["broadcast_not_draft"] * 3
    assert len(await make_runs(world)) == 1
    assert len(await world.runs_of(SALE)) == 1


async def test_what_it_says_is_frozen(world: World) -> None:
    """Once scheduled it cannot be written, and its runs walk through what it said then."""
    await join(world, "vips", "a")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world.at(T0), send_at=T0 + LATER)
    with pytest.raises(Unprocessable, match="scheduled"):
        await draft(world, channel_step("other"))
    assert await status(world) == "scheduled"


async def test_a_scheduled_one_waits(world: World, temporal: TemporalRecorder) -> None:
    """A Temporal workflow waits for its time; before that nobody has a run."""
    await join(world, "vips", "a")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    then = world.at(T0)
    view = await send(then, send_at=T0 + LATER)
    assert (view.status, view.scheduled_at) == ("scheduled", T0 + LATER)
    slug = world.environment.scope.slug
    assert [start[0] for start in temporal.starts] == [f"broadcast/{slug}/{SALE}/1"]
    assert await world.runs_of(SALE) == []

    order = BroadcastInput(str(world.environment.id), SALE, 1, (T0 + LATER).timestamp())
    assert await send_scheduled(then.engine, order) == "sent"
    assert await send_scheduled(then.engine, order) == "sent"
    assert await pairs(world) == [("a", None)]


async def test_what_is_past_is_now(world: World) -> None:
    """A time that is over sends it at once."""
    await draft(world, channel_step("feed"))
    assert (await send(world.at(T0), send_at=T0 - LATER)).status == "sent"


async def test_a_cancelled_one_is_a_draft_again(world: World, temporal: TemporalRecorder) -> None:
    """It can be written and sent anew, and the wait that was ended sends nothing any more."""
    await draft(world, channel_step("feed"))
    then = world.at(T0)
    await send(then, send_at=T0 + LATER)
    await cancel(then)
    assert await status(world) == "draft"
    assert [signal[1] for signal in temporal.signals] == ["cancel_requested"]
    first = BroadcastInput(str(world.environment.id), SALE, 1, 0.0)
    assert await send_scheduled(then.engine, first) == "draft"
    await send(then, send_at=T0 + LATER)
    assert await send_scheduled(then.engine, first) == "gone"
    assert await status(world) == "scheduled"


async def test_nobody_waits(world: World) -> None:
    """What Temporal has lost is sent by the sweep, once."""
    await join(world, "vips", "a")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world.at(T0), send_at=T0 + LATER)
    await send_left_over(world.at(T0 + LATER).engine)
    assert await status(world) == "scheduled"
    late = world.at(T0 + LATER + timedelta(minutes=1))
    assert await send_left_over(late.engine) >= 1
    assert await send_left_over(late.engine) == 0
    assert await pairs(world) == [("a", None)]


async def test_temporal_is_away(world: World) -> None:
    """It is scheduled all the same; the sweep has somebody wait for it once Temporal is back."""
    temporal = FailingTemporal()
    away = world.with_parts(temporal=temporal)
    await draft(away, channel_step("feed"))
    await send(away.at(T0), send_at=T0 + LATER)
    assert await status(world) == "scheduled"
    temporal.failing = False
    rows = await world.make.rows(
        "SELECT id FROM owed_effects WHERE environment_id = %s", world.environment.id
    )
    assert await settle(away.engine, [row["id"] for row in rows]) == 1
    assert [start[0].split("/")[0] for start in temporal.starts] == ["broadcast"]


async def test_an_audience_that_was_just_committed(world: World) -> None:
    """Whoever fulfils its conditions receives what is sent right after the commit, and after it."""
    await world.identify("a", plan="pro")
    await world.audience("pros", IS_PRO)
    await draft(world, channel_step("feed"), target_audience_key="pros")
    assert (await send(world)).status == "sent"
    assert await pairs(world) == [("a", None)]


async def test_an_audience_that_is_not_known_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all users were compared with it a broadcast is scheduled; then the sweep sends it."""
    monkeypatch.setattr("services.audiences.refresh._PAGES_AT_ONCE", 0)
    await world.identify("a", plan="pro")
    await world.audience("pros", IS_PRO)
    await draft(world, channel_step("feed"), target_audience_key="pros")
    then = world.at(world.engine.clock())
    view = await send(then)
    assert (view.status, view.scheduled_at) == ("scheduled", then.engine.clock())
    await cancel(then)
    assert await status(world) == "draft"
    await send(then)
    late = world.at(then.engine.clock() + timedelta(minutes=1))
    await send_left_over(late.engine)
    assert (await status(world), await world.runs_of(SALE)) == ("scheduled", [])
    await refresh(world)
    await send_left_over(late.engine)
    assert await status(world) == "sent"
    assert await pairs(world) == [("a", None)]


async def test_an_audience_that_is_archived_meanwhile(world: World) -> None:
    """A scheduled broadcast is a draft again when its time comes, and not sent to nobody."""
    await join(world, "vips", "ellie")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world, send_at=world.engine.clock() + LATER)
    await archive_audience(world.engine, world.environment.scope, "vips")
    late = world.at(world.engine.clock() + 2 * LATER)
    for _ in range(2):
        await send_left_over(late.engine)
        assert (await status(world), await world.runs_of(SALE)) == ("draft", [])
    with pytest.raises(InvalidParams):
        await send(world)


async def test_an_audience_with_other_conditions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one go to those who were in its audience by the conditions of before."""
    await world.identify("a", plan="pro")
    await world.audience("pros", IS_PRO)
    monkeypatch.setattr("services.audiences.refresh._PAGES_AT_ONCE", 0)
    await world.audience("pros", [{**IS_PRO[0], "argument": "max"}])
    await draft(world, channel_step("feed"), target_audience_key="pros")
    assert (await send(world)).status == "scheduled"


async def test_stopped_at_once(world: World, temporal: TemporalRecorder) -> None:
    """Who has no run yet gets none, runs that have not ended are cancelled, messages stay."""
    expected = [f"u{n:02}" for n in range(4)]
    await join(world, "vips", *expected)
    steps = channel_step("feed"), delay_step(seconds=3600), channel_step("again")
    await draft(world, *steps, target_audience_key="vips")
    await send(world)
    trigger = await trigger_of(world)
    await _one_page(world, trigger, 2)
    first, second = await world.runs(trigger)
    await world.walk(first["id"])
    await cancel(world)
    assert await status(world) == "sent"
    assert await expand(world.engine, world.environment.id, trigger)
    assert {run["status"] for run in await world.runs(trigger)} == {"cancelled"}
    assert len(await world.runs(trigger)) == 2
    assert len(await world.messages(str(first["id"]))) == 1
    assert await world.messages(str(second["id"])) == []
    with pytest.raises(Unprocessable, match="neither scheduled nor"):
        await cancel(world)


async def _one_page(world: World, trigger: UUID, size: int) -> None:
    """Make one page of the runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expansions, "PAGE", size)
        assert await expansions._make_page(world.engine, world.environment.id, trigger)


async def test_a_page_ends_between_two_of_a_user(world: World) -> None:
    """The next page goes on behind the pair that the last one has ended with."""
    await join(world, "vips", "a", ("a", "acme"), ("a", "beta"), ("b", "acme"), "c")
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world)
    trigger = await trigger_of(world)
    for made in (2, 4):
        await _one_page(world, trigger, 2)
        assert len(await world.runs(trigger)) == made
    assert await pairs(world) == [
        ("a", "acme"),
        ("a", "beta"),
        ("a", None),
        ("b", "acme"),
        ("c", None),
    ]


async def test_nothing_to_stop(world: World) -> None:
    """A draft, and one that everybody has received, cannot be cancelled."""
    await draft(world, channel_step("feed"))
    with pytest.raises(Unprocessable, match="neither scheduled nor"):
        await cancel(world)
    await send(world)
    await make_runs(world)
    with pytest.raises(Unprocessable, match="neither scheduled nor"):
        await cancel(world)
    with pytest.raises(NotFound):
        await cancel_broadcast(world.engine, world.environment.scope, "nothing")


async def test_a_process_dies_between_pages(world: World) -> None:
    """What was made stays, and the next one makes the rest: everybody has one run."""
    expected = [f"u{n:02}" for n in range(7)]
    await join(world, "vips", *expected)
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world)
    trigger = await trigger_of(world)
    await _one_page(world, trigger, 3)
    broken = world.with_parts(database=InterruptedDatabase(world.engine.database, away=1))
    with pytest.raises(Unavailable):
        await expand(broken.engine, world.environment.id, trigger)
    assert [user for user, _ in await pairs(world)] == expected


async def test_however_many_nobody_has_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep comes to all of them: one that cannot be sent stands in nobody's way."""
    monkeypatch.setattr(sending, "_PAGE_SIZE", 1)
    scope = world.environment.scope
    keys = ["first", "second", "third"]
    for key in keys:
        await upsert_broadcast(
            world.engine, scope, key, {"name": key, "steps": [channel_step("feed")]}
        )
        await send_broadcast(world.at(T0).engine, scope, key, T0 + LATER)
    await world.make.rows(
        "UPDATE broadcasts SET version_id = NULL WHERE environment_id = %s AND key = 'first'"
        " RETURNING 1",
        world.environment.id,
    )
    await send_left_over(world.at(T0 + LATER + timedelta(minutes=1)).engine)
    rows = await world.make.rows(
        "SELECT key, status FROM broadcasts WHERE environment_id = %s ORDER BY key",
        world.environment.id,
    )
    assert [row["status"] for row in rows] == ["scheduled", "sent", "sent"]


async def test_large_ones_are_paced(world: World) -> None:
    """Its fan-out starts some hundred, and pauses before the next ones."""
    expected = [f"u{n:04}" for n in range(PACED_CHUNKS * CHUNK_SIZE + 1)]
    await join(world, "vips", *expected)
    await draft(world, channel_step("feed"), target_audience_key="vips")
    await send(world)
    order = TriggerFanoutInput(str(await trigger_of(world)), str(world.environment.id))
    plan = await plan_trigger(world.engine, order)
    assert (len(plan.chunks), plan.more) == (PACED_CHUNKS, True)
    rate = world.engine.settings.broadcast_rate
    assert plan.pause == PACED_CHUNKS * CHUNK_SIZE / rate
    last = await plan_trigger(world.engine, replace(order, after=plan.chunks[-1].last))
    assert (len(last.chunks), last.more, last.pause) == (1, False, 0.0)


@pytest.mark.parametrize(
    ("steps", "more", "place"),
    [
        ((), {}, "steps"),
        ((channel_step("feed"),), {"target_audience_key": "nobody"}, "target_audience_key"),
        ((MAIL,), {}, "steps[0].template.settings.layout_key"),
        ((FOOTED,), {}, "steps[0].template.markdown_body"),
    ],
)
async def test_what_cannot_be_sent(
    world: World, steps: Any, more: dict[str, Any], place: str
) -> None:
    """What refers to nothing, or says nothing, is saved as a draft and refused when it is sent."""
    view = await draft(world, *steps, **more)
    assert view.valid is (place == "steps")
    with pytest.raises(InvalidParams) as refusal:
        await send(world)
    assert [error.field for error in refusal.value.errors] == [place]
    assert await status(world) == "draft"


async def test_a_partial_has_to_be_committed(world: World) -> None:
    """What a broadcast renders by name may be a draft as it is, and not when it is sent."""
    slug = world.environment.scope.slug
    footer = {"name": "Footer", "type": "text", "content": "Bye"}
    await save_content(world.engine, slug, PARTIAL, "footer", footer, force=True)
    assert (await draft(world, FOOTED)).valid
    with pytest.raises(InvalidParams):
        await send(world)
    assert await status(world) == "draft"
    await save_content(world.engine, slug, PARTIAL, "footer", footer, commit=note(), force=True)
    assert (await send(world)).status == "sent"
