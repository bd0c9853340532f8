"""Dynamic audiences: who is in them when a user changes, when they are published, as time goes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.audiences.members import MembersIn
from domain.kit.errors import NotFound, Unavailable
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from services.audiences.archiving import archive_audience
from services.audiences.members import add_members, remove_members
from services.bulk.departures import delete_recipient
from services.triggers import segments
from tests.support.audiences import build, refresh
from tests.support.builders import T0
from tests.support.steps import trigger_step, update_recipient_step
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step

PRO = {"audience_key": "pro"}


def _is(name: str, value: str) -> JsonObject:
    return {"property": name, "operator": "equal_to", "argument": value}


IS_PRO = [_is("recipient.plan", "pro")]


async def _entered(world: World, workflow_key: str = "welcome") -> list[str]:
    return [run["recipient_id"] for run in await world.runs_of(workflow_key)]


@pytest.fixture
async def pro(world: World) -> None:
    """Make an audience that all users were compared with, and a workflow that it triggers."""
    await world.audience("pro", IS_PRO)
    await world.publish("welcome", channel_step("feed"), audience_trigger=PRO)
    await build(world)


@pytest.mark.usefixtures("pro")
async def test_who_changes_enters_and_leaves(world: World) -> None:
    """A user enters by the change that fulfils the conditions, triggers once, and leaves again."""
    await world.identify("ellie", plan="free")
    assert await world.members("pro") == []
    await world.identify("ellie", plan="pro")
    await world.identify("ellie", name="Ellie")
    assert await world.members("pro") == [("ellie", "")]
    assert await _entered(world) == ["ellie"]
    (run,) = await world.runs_of("welcome")
    assert run["source"] == {"type": "audience", "audience_key": "pro"}
    await world.identify("ellie", plan="free")
    assert await world.members("pro") == []
    await world.identify("ellie", plan="pro")
    assert await _entered(world) == ["ellie", "ellie"]


@pytest.mark.usefixtures("pro")
async def test_whatever_changes_a_user_counts(world: World) -> None:
    """Inline people of triggers, members of another audience and steps enter as well."""
    await world.publish("plain", channel_step("feed"))
    await world.trigger("plain", {"id": "alan", "plan": "pro"}, actor={"id": "ann", "plan": "pro"})
    await world.trigger("plain", {"id": "alan", "plan": "pro"})
    await world.send(update_recipient_step("user", '{"plan": "pro"}'))
    assert await world.members("pro") == [("alan", ""), ("ann", ""), ("ellie", "")]
    assert await _entered(world) == ["alan", "ann", "ellie"]
    chains = {
        run["recipient_id"]: run["source"].get("chain") for run in await world.runs_of("welcome")
    }
    assert chains == {"alan": None, "ann": None, "ellie": 1}


@pytest.mark.usefixtures("pro")
async def test_a_circle_by_triggers_ends(world: World) -> None:
    """A workflow that leads its recipient out of its audience and in again does so ten times."""
    await world.publish("other", channel_step("feed"))
    users = {
        plan: f'[{{"id": "{{{{ recipient.id }}}}", "plan": "{plan}"}}]' for plan in ("free", "pro")
    }
    await world.publish(
        "welcome",
        *(trigger_step("other", plan, recipients=users[plan]) for plan in ("free", "pro")),
        audience_trigger=PRO,
    )
    await world.identify("ellie", plan="pro")
    walked: set[str] = set()
    while fresh := {str(run["id"]) for run in await world.runs_of("welcome")} - walked:
        walked |= fresh
        for run_id in fresh:
            await world.walk(run_id)
    chains = [run["source"].get("chain", 0) for run in await world.runs_of("welcome")]
    assert sorted(chains) == list(range(11))


async def test_a_user_of_whom_nothing_is_said(world: World) -> None:
    """Somebody new who has no property at all fulfils what is about its absence."""
    await world.audience("blank", [{"property": "plan", "operator": "not_exists"}])
    await world.publish("plain", channel_step("feed"))
    await world.trigger("plain", {"id": "ellie"}, tenant="acme")
    assert await world.members("blank") == [("ellie", "")]


async def test_segments_are_joined_by_or(world: World) -> None:
    """One segment is enough, and all of its conditions have to hold."""
    await world.audience("some", [_is("a", "1"), _is("b", "1")], [_is("recipient.c", "1")])
    await world.identify("one", a=1)
    await world.identify("two", a=1, b=1)
    await world.identify("three", c=1)
    assert await world.members("some") == [("three", ""), ("two", "")]


async def test_28_two_identifies_at_once_enter_once(world: World) -> None:
    """Of concurrent identifies that fulfil the conditions exactly one is the entry."""
    await world.audience("pro", IS_PRO)
    await world.publish("welcome", channel_step("feed"), audience_trigger=PRO)
    await build(world)
    await world.identify("ellie", plan="free")
    await asyncio.gather(*(world.identify("ellie", plan="pro", n=n) for n in range(8)))
    assert await world.members("pro") == [("ellie", "")]
    assert await _entered(world) == ["ellie"]


async def test_who_fulfils_it_from_the_beginning(world: World) -> None:
    """A new audience finds its members, also among many, and triggers for none of them."""
    for user_id in ("ellie", "alan"):
        await world.identify(user_id, plan="pro")
    await world.audience("pro", IS_PRO)
    await world.publish("welcome", channel_step("feed"), audience_trigger=PRO)
    await world.identify("ellie", n=1)
    await build(world)
    assert await world.members("pro") == [("alan", ""), ("ellie", "")]
    assert await _entered(world) == []


async def test_all_pages_are_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users are compared in pages, each a transaction, until the last one."""
    monkeypatch.setattr("services.audiences.refresh._PAGE_SIZE", 2)
    monkeypatch.setattr("services.audiences.refresh._PAGES_AT_ONCE", 0)
    for number in range(5):
        await world.identify(f"user-{number}", plan="pro")
    await world.audience("pro", IS_PRO)
    await refresh(world)
    assert len(await world.members("pro")) == 5


@pytest.mark.usefixtures("pro")
async def test_other_conditions(world: World) -> None:
    """With a new version members change, triggering nobody; what was published is then compared."""
    await world.identify("ellie", plan="pro")
    await world.identify("alan", plan="max")
    await world.audience("pro", [_is("plan", "max")])
    await build(world)
    assert await world.members("pro") == [("alan", "")]
    assert await _entered(world) == ["ellie"]
    await world.identify("ian", plan="max")
    assert await _entered(world) == ["ellie", "ian"]


async def test_the_second_pass_finds_who_was_missed(world: World) -> None:
    """Somebody who was changed by a request that did not know of the audience is found later."""
    await world.audience("pro", IS_PRO)
    await world.make.user(world.environment, "ellie", plan="pro")
    await refresh(world)
    assert await world.members("pro") == []
    await refresh(world.at(world.engine.clock() + timedelta(minutes=2)))
    assert await world.members("pro") == [("ellie", "")]


async def test_time_goes_by(world: World) -> None:
    """Where conditions depend on the time, users enter and leave within an hour, and trigger."""
    past = [{"property": "trial_ends", "operator": "is_timestamp_before_now"}]
    new = [{"property": "since", "operator": "is_timestamp_on_or_after", "argument": "2_days_ago"}]
    start = world.at(T0)
    await start.audience("past", past)
    await start.audience("new", new)
    await world.publish("welcome", channel_step("feed"), audience_trigger={"audience_key": "past"})
    await start.identify(
        "ellie", trial_ends=(T0 + timedelta(hours=2)).isoformat(), since=T0.isoformat()
    )
    await build(start)
    assert (await world.members("past"), await world.members("new")) == ([], [("ellie", "")])
    await refresh(world.at(T0 + timedelta(hours=1)))
    assert await world.members("past") == []
    await refresh(world.at(T0 + timedelta(hours=3)))
    assert await world.members("past") == [("ellie", "")]
    assert await _entered(world) == ["ellie"]
    await refresh(world.at(T0 + timedelta(days=3)))
    assert await world.members("new") == []


@pytest.mark.usefixtures("pro")
async def test_an_audience_without_time_rests(world: World) -> None:
    """All users are compared twice, and then no more."""
    rows = await world.make.rows(
        "SELECT due_at = 'infinity' AS rests FROM audience_builds WHERE environment_id = %s",
        world.environment.id,
    )
    assert rows == [{"rests": True}]


@pytest.mark.usefixtures("pro")
async def test_an_archived_audience(world: World) -> None:
    """Nobody is compared with it any more."""
    await world.identify("ellie", plan="pro")
    await archive_audience(world.engine, world.environment.scope, "pro")
    await world.identify("alan", plan="pro")
    await build(world)
    assert await world.members("pro") == []


async def test_one_that_fails_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audience that cannot be compared waits, the others have their turn, and it is told."""
    monkeypatch.setattr("services.audiences.refresh._PAGES_AT_ONCE", 0)
    await world.audience("bad", IS_PRO)
    await world.audience("pro", IS_PRO)
    await world.make.user(world.environment, "ellie", plan="pro")
    settle = segments.settle

    async def failing(unit: Any, environment_id: UUID, audiences: Any, users: Any) -> Any:
        if audiences[0].key == "bad":
            raise RuntimeError("on purpose")
        return await settle(unit, environment_id, audiences, users)

    monkeypatch.setattr("services.audiences.refresh.settle", failing)
    with pytest.raises(RuntimeError, match="on purpose"):
        await refresh(world)
    assert await world.members("pro") == [("ellie", "")]
    monkeypatch.undo()
    await refresh(world.at(world.engine.clock() + timedelta(minutes=6)))
    assert await world.members("bad") == [("ellie", "")]


async def test_a_comparison_waits_for_who_is_being_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user whom somebody holds is compared as the change has left it."""
    monkeypatch.setattr("services.audiences.refresh._PAGES_AT_ONCE", 0)
    await world.identify("ellie", plan="pro")
    await world.audience("pro", IS_PRO)
    async with world.make.database.transaction() as other:
        await other.execute(
            'UPDATE recipients SET properties = \'{"plan": "free"}\''
            " WHERE environment_id = %s AND id = 'ellie'",
            (world.environment.id,),
        )
        comparing = asyncio.create_task(refresh(world))
        await until_blocked(world.make)
    await comparing
    assert await world.members("pro") == []


async def test_everybody_at_once(world: World) -> None:
    """Identifies, additions, removals, deletions and comparisons at once must not raise."""
    await world.audience("beta")
    await world.audience("pro", IS_PRO)
    await world.publish("welcome", channel_step("feed"), audience_trigger=PRO)
    await build(world)
    scope, users = world.environment.scope, ("ellie", "alan", "ian")
    given = [{"user": {"id": user_id, "plan": "pro"}} for user_id in users]

    async def identify(plan: str) -> None:
        for user_id in reversed(users):
            await world.identify(user_id, plan=plan)

    async def leave() -> None:
        shape = read_shape(MembersIn, {"members": [{"user": {"id": one}} for one in users]})
        await remove_members(world.engine, scope, "beta", shape)

    async def delete() -> None:
        with suppress(NotFound):
            await delete_recipient(world.engine, scope, RecipientRef.user("alan"))

    async def enter() -> None:
        with suppress(Unavailable):  # somebody who is added was deleted meanwhile
            shape = read_shape(MembersIn, {"members": given})
            await add_members(world.engine, scope, "beta", shape)

    for number in range(8):
        await world.audience("pro", IS_PRO, [_is("n", str(number))])
        work = [identify("pro"), identify("free"), leave(), enter(), enter(), delete()]
        await asyncio.gather(*work, refresh(world))


async def test_nothing_is_asked_without_audiences(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no audience is dynamic, nobody who changes is read again, or compared."""
    await world.audience("beta")

    async def refuse(*_: Any) -> Any:
        raise AssertionError("somebody was read")

    monkeypatch.setattr(segments, "recipients_by_ref", refuse)
    await world.identify("ellie", plan="pro")
    monkeypatch.undo()
    await world.audience("pro", IS_PRO)
    monkeypatch.setattr(segments, "recipients_by_ref", refuse)
    with pytest.raises(AssertionError):
        await world.identify("ellie", plan="max")
