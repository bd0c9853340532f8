"""What scripts make happen beside triggers: joins, broadcasts, schedules, events of sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.sources.requests import SourceIn
from domain.what_if.differences import Kind
from services.bulk import files
from services.sources.sources import put_source
from services.what_if import happenings
from services.what_if.trying import WhatIf
from tests.support import broadcasts
from tests.support.bulk import finish
from tests.support.schedules import FLOW, schedule
from tests.support.steps import feed_step
from tests.support.subscribers import follow, make_object, project
from tests.support.what_if import KEY, draft, only, tried
from tests.support.world import World, delay_step, when

JOINED = {"audience_trigger": {"audience_key": "vips"}}
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def later(**by: int) -> str:
    """Return an instant of a script."""
    return (AT + timedelta(**by)).isoformat()


def joins(*members: str | tuple[str, str], audience: str = "vips", **changes: Any) -> JsonObject:
    """Write that users join an audience, some for a tenant."""
    pairs = [(one, None) if isinstance(one, str) else one for one in members]
    written = [{"user": {"id": user}, "tenant": tenant} for user, tenant in pairs]
    return {"audience": audience, "members": written, **changes}


def who(found: WhatIf) -> list[tuple[str, str, str | None]]:
    """Return how messages differ, and whose they are."""
    told = [
        (each.kind.value, each.run.recipient.id, each.run.tenant_id)
        for each in found.findings.differences
    ]
    return sorted(told, key=lambda one: (*one[:2], one[2] or ""))


def notes(found: WhatIf) -> list[tuple[str, str]]:
    """Return what is left out of a script, and where it says so."""
    return [(each.place, each.message) for each in found.notes]


@pytest.fixture
async def audience(world: World) -> World:
    """Return a world with an audience and two users."""
    await world.audience("vips")
    await world.identify("ada", name="Ada")
    await world.identify("bob", name="Bob")
    return world


async def test_whoever_joins_triggers(audience: World) -> None:
    """A draft that waits for an audience is triggered by those who join it, for their tenant."""
    await draft(audience, feed_step("Hi {{ recipient.name }}"), **JOINED)

    found = await tried(audience, triggers=[joins("ada", ("bob", "acme"), at=later())])

    assert who(found) == [("added", "ada", None), ("added", "bob", "acme")]
    assert only(found, Kind.ADDED, times=2).reason == "joining vips does not trigger it"


async def test_a_draft_that_waits_no_more(audience: World) -> None:
    """Who joins gets nothing any more from a workflow whose draft has lost its audience."""
    await audience.publish(KEY, feed_step(), **JOINED)
    await draft(audience, feed_step())

    found = await tried(audience, triggers=[joins("ada")])

    assert only(found, Kind.DROPPED, times=1).reason == "joining vips does not trigger it"


async def test_a_workflow_that_is_not_tried_is_triggered_alike(audience: World) -> None:
    """What is published runs on both sides; and joining twice triggers once."""
    await audience.publish("other", feed_step(), **JOINED)
    await draft(audience, feed_step())

    found = await tried(
        audience, triggers=[joins("ada", at=later(hours=1)), joins("ada", "bob", at=later())]
    )

    assert (found.findings.before, found.findings.after, found.findings.total) == (2, 2, 0)


async def test_who_has_joined_is_in_the_audience(audience: World) -> None:
    """Conditions of later runs see it, for the tenant alone that it is for."""
    inside = when("recipient", "is_audience_member", "vips")
    await draft(audience, feed_step(conditions=inside))
    script = [
        {"workflow": KEY, "recipients": ["ada"], "at": later()},
        joins("ada", ("bob", "acme"), at=later(hours=1)),
        {"workflow": KEY, "recipients": ["ada", "bob"], "at": later(hours=2)},
        {"workflow": KEY, "recipients": ["bob"], "tenant": "acme", "at": later(hours=2)},
    ]

    found = await tried(audience, triggers=script)

    assert who(found) == [("added", "ada", None), ("added", "bob", "acme")]
    assert notes(found) == [("triggers[1]", "joining vips triggers no workflow")]


ONCE = {"trigger_frequency": "once_per_recipient"}
PER_TENANT = {"trigger_frequency": "once_per_recipient_per_tenant"}


async def test_a_recipient_enters_once(audience: World) -> None:
    """Of a script's own triggers the first of each recipient makes a run; the others are told."""
    await draft(audience, feed_step(), **ONCE)
    script = [
        {"workflow": KEY, "recipients": ["ada", "bob"], "at": later()},
        {"workflow": KEY, "recipients": ["ada"], "tenant": "acme", "at": later(hours=1)},
    ]

    found = await tried(audience, triggers=script)

    assert who(found) == [("added", "ada", None), ("added", "bob", None)]
    reason = "the recipient has entered the workflow before"
    assert found.findings.refused[KEY, reason] == [0, 1]

    await draft(audience, feed_step(), **PER_TENANT)
    assert only(await tried(audience, triggers=script), Kind.ADDED, times=3)


async def test_who_has_entered_in_reality_does_not_again(audience: World) -> None:
    """A run of before counts for the script, unless the script is of a time before it."""
    await audience.publish(KEY, feed_step(), **ONCE)
    await audience.begin(KEY, "ada")
    await draft(audience, feed_step("Other"), **ONCE)

    now = await tried(audience, triggers=[{"workflow": KEY, "recipients": ["ada", "bob"]}])
    then = await tried(audience, triggers=[{"workflow": KEY, "recipients": ["ada"], "at": later()}])

    assert who(now) == [("changed", "bob", None)]
    assert who(then) == [("changed", "ada", None)]


async def test_entries_in_sandbox_mode_count_apart(audience: World) -> None:
    """Who was tried out before enters for real, and the other way round, each once."""
    await audience.publish(KEY, feed_step(), **ONCE)
    sandbox = {"settings": {"sandbox_mode": True}}
    await audience.begin(KEY, "ada", **sandbox)
    await draft(audience, feed_step("Other"), **ONCE)
    script = [{"workflow": KEY, "recipients": ["ada", "bob"], **mode} for mode in (sandbox, {}, {})]

    found = await tried(audience, triggers=script)

    assert who(found) == [("changed", person, None) for person in ("ada", "bob", "bob")]


async def test_a_frequency_is_tried_on_past_runs(audience: World) -> None:
    """Runs that a draft would not let begin are dropped, all but the first of each recipient."""
    await audience.publish(KEY, feed_step())
    for recipient in ("ada", "bob", "ada", "ada"):
        await audience.begin(KEY, recipient)
    await draft(audience, feed_step(), **ONCE)

    dropped = only(await tried(audience), Kind.DROPPED, times=2)

    assert dropped.run.recipient.id == "ada"
    assert dropped.reason == "the recipient has entered the workflow before"


async def test_data_that_a_draft_refuses(audience: World) -> None:
    """Triggers of the past whose data breaks the schema of a draft make no messages any more."""
    await audience.publish(KEY, feed_step())
    for plan in ("pro", "free", "pro"):
        await audience.begin(KEY, "ada", data={"plan": plan})
    schema = {"type": "object", "properties": {"plan": {"enum": ["pro"]}}}
    await draft(audience, feed_step(), trigger_data_json_schema=schema)

    found = await tried(audience)

    reason = "the data does not match the workflow's schema at data.plan"
    assert only(found, Kind.DROPPED, times=1).reason == reason
    assert found.findings.refused == {(KEY, reason): [0, 1]}


async def test_a_broadcast_that_is_not_sent(audience: World) -> None:
    """Its messages come on top, to those who are in its audience now."""
    await audience.enter("vips", "ada")
    await broadcasts.draft(
        audience, feed_step("Sale, {{ recipient.name }}"), target_audience_key="vips"
    )

    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE, "at": later()}])

    assert who(found) == [("added", "ada", None)]
    assert only(found, Kind.ADDED, times=1).reason == "the broadcast has not been sent"
    assert list(found.findings.steps) == [(broadcasts.SALE, "feed_1")]


async def test_a_broadcast_that_is_scheduled(audience: World) -> None:
    """It is sent on both sides, and what its e-mails are laid out in makes the difference."""
    await audience.enter("vips", "ada", "bob")
    await broadcasts.draft(audience, feed_step("Sale"), target_audience_key="vips")
    await broadcasts.send(audience, send_at=audience.engine.clock() + timedelta(days=1))
    await draft(audience, feed_step("Other"))

    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])

    assert (found.findings.before, found.findings.after, found.findings.total) == (2, 2, 0)


async def test_a_broadcast_reaches_as_many_as_are_walked(
    audience: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no room is left out, and told."""
    monkeypatch.setattr("services.what_if.imagined.MOST_RUNS", 1)
    await broadcasts.draft(audience, feed_step("Sale"))

    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])

    assert found.findings.after == 1
    assert notes(found) == [("triggers[0]", "only the first 1 runs of it are walked")]


async def _with_file(world: World, text: str, *, reads: bool = True) -> None:
    """Let the users of a file receive the broadcast."""
    scope = world.environment.scope
    view = await files.set_recipients(
        world.engine, scope, broadcasts.SALE, files.SentFile(text.encode(), {})
    )
    if reads:
        await finish(world.engine, world.environment, view.operation.id)


async def test_a_broadcast_to_the_users_of_a_file(
    audience: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They alone have runs, each with data of its own, as far as there is room for that."""
    await broadcasts.draft(audience, feed_step("{{ recipient.id }} {{ data.coupon }}"))
    await _with_file(audience, "id,tenant_id,data.coupon\nada,,A-1\nada,acme,A-2\nzoe,,A-3\n")

    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])

    assert who(found) == [("added", "ada", None), ("added", "ada", "acme"), ("added", "zoe", None)]
    shown = str([each.after for each in found.findings.differences])
    assert [text in shown for text in ("ada A-1", "ada A-2", "zoe A-3")] == [True] * 3

    monkeypatch.setattr(happenings, "_MOST_DATA_BYTES", 40)
    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])
    assert who(found) == [("added", "ada", None), ("added", "ada", "acme")]
    told = "1 recipients are left out: there is no room for their data"
    assert notes(found) == [("triggers[0]", told)]


async def test_a_broadcast_whose_file_cannot_be_used(audience: World) -> None:
    """It is refused as sending it would be, and after it was sent; every user is never meant."""

    async def refusal() -> str:
        with pytest.raises(InvalidParams) as refused:
            await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])
        assert refused.value.errors[0].field == "triggers[0].broadcast"
        return refused.value.errors[0].message

    await broadcasts.draft(audience, feed_step("Sale"))
    await _with_file(audience, "id\nada\n", reads=False)
    assert await refusal() == "has a CSV file of recipients that has not been read completely"
    await _with_file(audience, "id\n/\n")
    found = await tried(audience, triggers=[{"broadcast": broadcasts.SALE}])
    assert found.findings.after == 0
    assert notes(found) == [("triggers[0]", "sale reaches nobody: its file names no user")]
    await broadcasts.draft(audience, feed_step("Sale"), target_audience_key="vips")
    assert "so it cannot be sent" in await refusal()
    await broadcasts.draft(audience, feed_step("Sale"))
    await broadcasts.send(audience)
    assert "which is no longer stored" in await refusal()


DAILY = {"frequency": "daily", "hours": 9}


@pytest.mark.parametrize(("own", "default"), [("Asia/Tokyo", "Etc/UTC"), (None, "Asia/Tokyo")])
async def test_schedules_occur_as_they_would(world: World, own: str | None, default: str) -> None:
    """Each occurrence within the time makes a run, in the recipient's zone, with the schedule."""
    settings = world.engine.settings.model_copy(update={"default_timezone": default})
    world = world.with_parts(settings=settings)
    await world.publish(FLOW, feed_step("-"))
    ellie = {"id": "ellie", "name": "Ellie", "timezone": own}
    first = datetime(2100, 1, 1, tzinfo=UTC)
    await schedule(world, ellie, repeats=[DAILY], scheduled_at=first.isoformat(), data={"n": 7})
    await draft(
        world,
        feed_step("{{ data.n }} {{ recipient.schedule.next_occurrence_at }}"),
        key=FLOW,
    )
    asked = {"schedules_of": FLOW, "at": (first + timedelta(hours=1)).isoformat()}

    until = (first + timedelta(days=3)).isoformat()
    found = await tried(world, triggers=[{**asked, "until": until}])

    changes = [each for each in found.findings.differences if each.after]
    assert [each.after.at.isoformat() for each in changes if each.after] == [
        "2100-01-02T00:00:00+00:00",
        "2100-01-03T00:00:00+00:00",
        "2100-01-04T00:00:00+00:00",
    ]
    texts = {change.place: change.after for change in changes[0].changes}
    assert texts["blocks[0].rendered"] == "<p>7 2100-01-03T00:00:00.000000Z</p>\n"


async def test_schedules_that_have_no_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so much of the data of schedules is read, and only so often do they occur."""
    await world.identify("ada", name="Ada")
    await world.publish(FLOW, feed_step("-"))
    first = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
    once = {"scheduled_at": first}
    await schedule(world, "ada", data={"n": "x" * 100}, **once)
    await schedule(world, "ada", data={"n": "x" * 100}, **once)
    monkeypatch.setattr("services.what_if.happenings._MOST_DATA_BYTES", 150)

    found = await tried(world, triggers=[{"schedules_of": FLOW, "until": first}])
    nothing = await tried(world, triggers=[{"schedules_of": FLOW, "until": "2099-01-01T00:00:00Z"}])

    assert found.findings.after == 1
    assert notes(found) == [
        ("triggers[0]", "1 schedules are left out: there is no room for their data")
    ]
    assert notes(nothing) == [("triggers[0]", f"no schedule of {FLOW} occurs in that time")]


def mapping(action: str, **parameters: Any) -> JsonObject:
    """Write what is done for an event."""
    return {"event_type": "paid", "action_type": action, "action_parameters": parameters}


async def listen(world: World, *mappings: JsonObject) -> None:
    """Set a source up."""
    here = {"mappings": list(mappings)}
    wanted = {"name": "Shop", "environment_settings": {world.environment.scope.slug: here}}
    await put_source(world.engine, "shop", read_shape(SourceIn, wanted))


async def test_an_event_of_a_source(audience: World) -> None:
    """It triggers what its mappings say, lets people join, and whatever else it does is told."""
    await draft(audience, feed_step("Paid {{ data.amount }}"))
    await draft(audience, feed_step("Welcome"), key="joined", **JOINED)
    amount = {"amount": "body.amount"}
    await listen(
        audience,
        mapping("users_identify", id="body.user", name="body.name"),
        mapping("audiences_add_member", key="vips", user="body.user"),
        mapping("workflows_trigger", key=KEY, recipients="body.user", data=amount),
        mapping("workflows_trigger", key="nowhere", recipients="body.user"),
        mapping("workflows_trigger", key=KEY, recipients="body.nobody"),
        {
            **mapping("workflows_trigger", key=KEY, recipients="body.user"),
            "conditions": when("event.body.amount", "greater_than", 100),
        },
    )
    event = {"source": "shop", "payload": {"event": "paid", "user": "ada", "amount": 5}}

    found = await tried(audience, triggers=[event])

    assert sorted(each.run.workflow_key for each in found.findings.differences) == ["joined", KEY]
    changed = next(e for e in found.findings.differences if e.run.workflow_key == KEY)
    assert changed.after is not None
    assert "Paid 5" in str(changed.after.shown)
    assert [message for _, message in notes(found)] == [
        "users_identify is not carried out, because a trial stores nothing",
        "workflows_trigger: nowhere is not published",
        "workflows_trigger would be refused: recipients must not be empty",
        "workflows_trigger: its conditions are not met",
    ]


async def test_an_event_that_nothing_follows_from(world: World) -> None:
    """It is told, and makes no run."""
    await listen(world)

    found = await tried(world, triggers=[{"source": "shop", "payload": {"event": "paid"}}])

    assert notes(found) == [("triggers[0]", "the source has no action for the event paid")]
    assert found.findings.runs == 0


async def test_who_is_not_stored(audience: World) -> None:
    """A trigger that would make no run says why, of whoever is not there."""
    await draft(audience, feed_step())
    script = [
        {"workflow": KEY, "recipients": ["ada"], "actor": "nobody"},
        {"workflow": KEY, "recipients": ["nobody"], "actor": "ada"},
    ]

    found = await tried(audience, triggers=script)

    assert found.findings.refused == {
        (KEY, "the actor is not stored"): [1, 1],
        (KEY, "the recipient is not stored"): [1, 1],
    }


async def test_every_fault_is_told_at_its_place(world: World) -> None:
    """Whatever an entry is about, what is wrong with it is refused where it stands."""
    await world.audience("vips")
    await listen(world)
    await broadcasts.draft(world, key="empty")
    faulty: list[JsonObject] = [
        joins("ada", audience="nowhere"),
        {"audience": "vips", "members": [{"user": {"id": "ada", "name": "Ada"}}]},
        {"broadcast": "nothing"},
        {"broadcast": "empty"},
        {"source": "nothing", "payload": {}},
        {"source": "shop", "payload": {}},
        {"schedules_of": FLOW, "at": later(), "until": later(days=-1)},
        {"schedules_of": FLOW, "until": "9998-01-01T00:00:00Z"},
    ]

    with pytest.raises(InvalidParams) as refused:
        await tried(world, triggers=faulty)

    assert sorted(error.field for error in refused.value.errors) == [
        "triggers[0].audience",
        "triggers[1].members[0].user",
        "triggers[2].broadcast",
        "triggers[3].broadcast",
        "triggers[4].source",
        "triggers[5].payload.event or payload.type",
        "triggers[6].until",
        "triggers[7].until",
    ]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"workflow": "a", "audience": "b"}, "triggers[0]"),
        ({"viewers": []}, "triggers[0].viewers"),
        ({"schedules_of": "a"}, "triggers[0].until"),
        ({}, "triggers[0].workflow"),
        ("x", "triggers[0]"),
    ],
)
async def test_an_entry_is_about_one_thing(world: World, entry: Any, field: str) -> None:
    """What names none, or several, is refused."""
    with pytest.raises(InvalidParams) as refused:
        await tried(world, triggers=[entry])

    assert field in {error.field for error in refused.value.errors}


async def test_a_script_comes_in_the_order_of_time(audience: World) -> None:
    """Whatever the order of its entries, a delay of one lets another come before it."""
    await draft(audience, delay_step(seconds=3600), feed_step("{{ data.n }}"))
    await draft(audience, feed_step("joined"), key="joined", **JOINED)
    script = [
        joins("bob", at=later(minutes=30)),
        {"workflow": KEY, "recipients": ["ada"], "data": {"n": 1}, "at": later()},
    ]

    found = await tried(audience, triggers=script)

    assert [each.run.recipient.id for each in found.findings.differences] == ["bob", "ada"]


async def test_those_who_follow_an_object(world: World) -> None:
    """They have runs too, each once, with how they were reached, but for the actor."""
    team: JsonObject = {"collection": "teams", "id": "t"}
    await make_object(world, project("p"))
    await make_object(world, team)
    await follow(world, project("p"), "ada", "bob", team, role="owner")
    await follow(world, team, "ada", "eve", "zoe", role="member")
    await draft(world, feed_step("Role: {{ recipient.subscription.role }}"))
    trigger = {"workflow": KEY, "recipients": [project("p"), "bob"], "actor": "eve"}

    found = await tried(world, triggers=[trigger])

    texts = {
        each.run.recipient.id: str(each.after.shown["blocks"][0]["rendered"]).strip()
        for each in found.findings.differences
        if each.after and each.after.shown
    }
    assert texts == {
        "p": "<p>Role:</p>",
        "bob": "<p>Role:</p>",
        "ada": "<p>Role: owner</p>",
        "t": "<p>Role: owner</p>",
        "zoe": "<p>Role: member</p>",
    }
