"""Dynamic audiences that were just published: who is in them at once, and who enters them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from domain.content.audience import AUDIENCE
from domain.content.rows import Selection
from domain.kit.json_types import JsonObject
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import TENANTS, RecipientRef
from services.audiences import refresh
from services.bulk.departures import merge_users
from services.content.commits import promote_all
from services.triggers.audience_entries import identify
from tests.support.account import Account
from tests.support.audiences import build
from tests.support.audiences import refresh as sweep
from tests.support.content import AUTHOR, note, save_content
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step

PRO = {"audience_key": "pro"}
IS_PRO: list[JsonObject] = [
    {"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}
]


async def _publish(world: World) -> None:
    """Commit an audience, and a workflow that it triggers."""
    await world.audience("pro", IS_PRO)
    await world.publish("welcome", channel_step("feed"), audience_trigger=PRO)


async def _entered(world: World) -> list[str]:
    return sorted(run["recipient_id"] for run in await world.runs_of("welcome"))


async def _passes(world: World) -> list[int]:
    rows = await world.make.rows(
        "SELECT passes FROM audience_builds WHERE environment_id = %s", world.environment.id
    )
    return [row["passes"] for row in rows]


@pytest.fixture
def _many_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be too many users for who publishes an audience to compare them."""
    monkeypatch.setattr(refresh, "_PAGES_AT_ONCE", 0)


many_users = pytest.mark.usefixtures("_many_users")


async def test_a_commit_finds_its_members(world: World) -> None:
    """Who fulfils the conditions is a member with the commit, other conditions change that."""
    await world.identify("ellie", plan="pro")
    await world.identify("alan", plan="max")
    await _publish(world)
    assert await world.members("pro") == [("ellie", "")]
    await world.audience("pro", [{**IS_PRO[0], "argument": "max"}])
    assert await world.members("pro") == [("alan", "")]
    assert await _entered(world) == []


async def test_a_change_right_after_the_commit(world: World) -> None:
    """A user who changes before any sweep enters and triggers; so does one who is new."""
    await world.identify("ellie", plan="free")
    await _publish(world)
    await world.identify("ellie", plan="pro")
    await world.identify("alan", plan="pro")
    assert await _entered(world) == ["alan", "ellie"]


async def test_a_promotion_finds_its_members(account: Account) -> None:
    """What was promoted to another environment has the members that are there."""
    there = await account.world("production")
    await there.identify("ellie", plan="pro")
    document = {"name": "Pro", "type": "dynamic", "segments": [{"conditions": IS_PRO}]}
    await account.save("pro", document, commit=note(), kind=AUDIENCE)
    await promote_all(account.engine, "production", Selection(), AUTHOR)
    assert await there.members("pro") == [("ellie", "")]


async def test_a_commit_compares_some_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many users it compares as many as are soon done; the sweep goes on behind them."""
    monkeypatch.setattr(refresh, "_PAGE_SIZE", 2)
    monkeypatch.setattr(refresh, "_PAGES_AT_ONCE", 2)
    monkeypatch.setattr(refresh, "_SECONDS_AT_ONCE", 60.0)
    for number in range(5):
        await world.identify(f"user-{number}", plan="pro")
    await _publish(world)
    assert (len(await world.members("pro")), await _passes(world)) == (4, [0])
    await sweep(world)
    assert (len(await world.members("pro")), await _passes(world)) == (5, [1])


async def test_a_promotion_of_many_has_an_end(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its time is over a promotion is answered, and the sweep compares the rest."""
    there = await account.world("production")
    await there.identify("ellie", plan="pro")
    for key in ("one", "two", "three"):
        document = {"name": key, "type": "dynamic", "segments": [{"conditions": IS_PRO}]}
        await account.save(key, document, commit=note(), kind=AUDIENCE)
    monkeypatch.setattr(refresh, "_SECONDS_AT_ONCE", 0.0)
    await promote_all(account.engine, "production", Selection(), AUTHOR)
    members = [await there.members(key) for key in ("one", "two", "three")]
    assert sorted(members) == [[], [], [("ellie", "")]]
    await sweep(there)
    assert [await there.members(key) for key in ("one", "two", "three")] == [[("ellie", "")]] * 3


async def test_a_commit_stands_that_compares_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the comparison fails the audience is published all the same, and the sweep's."""
    await world.identify("ellie", plan="pro")

    async def failing(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(refresh, "settle", failing)
    await _publish(world)
    assert await world.members("pro") == []
    monkeypatch.undo()
    await sweep(world)
    assert await world.members("pro") == [("ellie", "")]


@many_users
async def test_before_all_were_compared(world: World) -> None:
    """Who did not fulfil the conditions before a change, or was not there, enters by it."""
    await world.identify("ellie", plan="pro")
    await world.identify("alan", plan="free")
    await world.publish("plain", channel_step("feed"))
    await _publish(world)
    await world.identify("ellie", name="Ellie")
    await world.identify("alan", plan="pro")
    await world.trigger("plain", {"id": "ian", "plan": "pro"}, tenant="acme")
    assert await world.members("pro") == [("alan", ""), ("ellie", ""), ("ian", "")]
    assert await _entered(world) == ["alan", "ian"]
    await world.identify("ellie", plan="free")
    await world.identify("ellie", plan="pro")
    await build(world)
    assert await _entered(world) == ["alan", "ellie", "ian"]


@many_users
async def test_a_merge_before_all_were_compared(world: World) -> None:
    """A user who fulfils the conditions by a merge enters by that."""
    await world.identify("old", plan="pro")
    await world.identify("ellie", name="Ellie")
    await _publish(world)
    await merge_users(world.engine, world.environment.scope, "ellie", "old")
    assert await _entered(world) == ["ellie"]


@many_users
async def test_changes_at_once_before_all_were_compared(world: World) -> None:
    """Of several changes of a user at once exactly one is the entry."""
    await world.identify("ellie", plan="free")
    await _publish(world)
    changes = [world.identify("ellie", plan="pro", n=n) for n in range(8)]
    news = [world.identify("alan", plan="pro", n=n) for n in range(8)]
    await asyncio.gather(*changes, *news)
    assert await _entered(world) == ["alan", "ellie"]


@many_users
async def test_changes_of_many_before_all_were_compared(world: World) -> None:
    """Changes of several users and tenants at once must not raise: there is no deadlock."""
    await _publish(world)
    refs = [RecipientRef.user(f"user-{n}") for n in range(8)]
    refs += [RecipientRef(TENANTS, f"tenant-{n}") for n in range(4)]
    numbers = iter(range(1_000))

    async def change() -> None:
        some = random.sample(refs, 6)
        plan = random.choice(("free", "pro"))
        people = [InlineRecipient(ref, {"plan": plan, "n": next(numbers)}) for ref in some]
        async with world.engine.unit() as unit:
            await identify(unit, world.environment.scope, people, holds=random.random() < 0.5)

    for _round in range(8):
        await asyncio.gather(*(change() for _ in range(6)))


@many_users
@pytest.mark.parametrize(
    ("stored", "meanwhile", "entered"), [("pro", "free", ["ellie"]), ("free", "pro", [])]
)
async def test_what_a_user_was_is_what_others_have_left(
    world: World, stored: str, meanwhile: str, entered: list[str]
) -> None:
    """Whom somebody is changing was before what that change has made of the user."""
    await world.identify("ellie", plan=stored)
    await _publish(world)
    async with world.make.database.transaction() as other:
        await other.execute(
            "UPDATE recipients SET properties = jsonb_build_object('plan', %s::text)"
            " WHERE environment_id = %s AND id = 'ellie'",
            (meanwhile, world.environment.id),
        )
        changing = asyncio.create_task(world.identify("ellie", plan="pro", n=1))
        await until_blocked(world.make)
    await changing
    assert await _entered(world) == entered


@pytest.mark.parametrize("rename", [True, False])
async def test_the_same_conditions_need_no_comparison(
    world: World, monkeypatch: pytest.MonkeyPatch, rename: bool
) -> None:
    """A version that says the same of users, or an empty commit, goes on from the one before."""
    await world.identify("ellie", plan="pro")
    await _publish(world)
    await build(world)

    async def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("somebody was compared")

    monkeypatch.setattr(refresh, "hold_users_after", nobody)
    document = {
        "name": "Renamed" if rename else "pro",
        "type": "dynamic",
        "segments": [{"conditions": IS_PRO}],
    }
    slug = world.environment.scope.slug
    empty = note(allow_empty=True)
    before = await _versions(world)
    await save_content(world.engine, slug, AUDIENCE, "pro", document, commit=empty, force=True)
    await build(world)
    assert await _passes(world) == [2]
    assert len(before | await _versions(world)) == 2


async def _versions(world: World) -> set[Any]:
    rows = await world.make.rows(
        "SELECT version_id FROM audience_builds WHERE environment_id = %s", world.environment.id
    )
    return {row["version_id"] for row in rows}


async def _publish_unseen(
    world: World, monkeypatch: pytest.MonkeyPatch, *keys: str, plan: str = "pro"
) -> None:
    """Publish new versions by a process that dies before it begins their builds."""

    async def nobody(*_: Any) -> None:
        """Be that process."""

    slug, begin = world.environment.scope.slug, refresh.statements.begin_build
    monkeypatch.setattr(refresh.statements, "begin_build", nobody)
    for key in keys:
        conditions = [{**IS_PRO[0], "argument": plan}]
        document = {"name": "New", "type": "dynamic", "segments": [{"conditions": conditions}]}
        await save_content(world.engine, slug, AUDIENCE, key, document, commit=note(), force=True)
    monkeypatch.setattr(refresh.statements, "begin_build", begin)


async def _make_due(world: World) -> None:
    await world.make.rows(
        "UPDATE audience_builds SET due_at = '2000-01-01' WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )


async def test_a_version_that_overtakes_a_build(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds that a newer version was published goes on with that one, and forgets none."""
    await world.audience("pro", IS_PRO)
    await build(world)
    await _make_due(world)

    async def look_too_soon(*_: Any) -> None:
        """Be the sweep, which looks for new versions just before one is published."""
        await _publish_unseen(world, monkeypatch, "pro")

    before = await _versions(world)
    monkeypatch.setattr(refresh.statements, "begin_builds", look_too_soon)
    await sweep(world)
    assert await _passes(world) == [3]
    assert await _versions(world) != before


async def test_a_version_that_overtakes_a_build_beside_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on with a newer version waits for no other build, so two never for each other.

    Somebody holds that of an audience which has a newer version, too.
    """
    await world.identify("ellie", plan="max")
    for key in ("held", "pro"):
        await world.audience(key, IS_PRO)
    await build(world)
    await _make_due(world)
    await _publish_unseen(world, monkeypatch, "held", "pro", plan="max")

    async def look_too_soon(*_: Any) -> None:
        """Be the sweep, which looked for new versions before these were published."""

    monkeypatch.setattr(refresh.statements, "begin_builds", look_too_soon)
    async with world.make.database.transaction() as other:
        await other.execute(
            "SELECT FROM audience_builds WHERE environment_id = %s AND audience_key = 'held'"
            " FOR UPDATE",
            (world.environment.id,),
        )
        await sweep(world)
        assert (await world.members("held"), await world.members("pro")) == ([], [("ellie", "")])


async def test_a_failure_is_not_that_of_a_newer_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that fails while a newer version is published leaves that to be compared at once."""
    await world.identify("ellie", plan="max")
    await world.audience("pro", IS_PRO)
    await build(world)
    await _make_due(world)
    settle = refresh.settle

    async def failing(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    async def overtaken(engine: Any, failed: Any) -> None:
        """Publish just before the failed build is put off."""
        monkeypatch.setattr(refresh, "_PAGES_AT_ONCE", 0)
        await world.audience("pro", [{**IS_PRO[0], "argument": "max"}])
        monkeypatch.setattr(refresh, "settle", settle)
        await put_off(engine, failed)

    put_off = refresh._put_off
    monkeypatch.setattr(refresh, "settle", failing)
    monkeypatch.setattr(refresh, "_put_off", overtaken)
    with pytest.raises(RuntimeError, match="on purpose"):
        await sweep(world)
    assert (await world.members("pro"), await _passes(world)) == ([("ellie", "")], [1])


async def test_a_failure_forgets_nothing_that_others_have_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that fails, and that somebody else has gone on with since, is as they left it."""
    await world.audience("pro", IS_PRO)
    await build(world)
    await _make_due(world)
    [before] = await _passes(world)
    settle = refresh.settle

    async def failing(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    async def overtaken(engine: Any, failed: Any) -> None:
        """Let another process compare everybody just before the failed build is put off."""
        monkeypatch.setattr(refresh, "settle", settle)
        await refresh.refresh_audiences(engine)
        await put_off(engine, failed)

    put_off = refresh._put_off
    monkeypatch.setattr(refresh, "settle", failing)
    monkeypatch.setattr(refresh, "_put_off", overtaken)
    await world.identify("ellie", plan="max")
    with pytest.raises(RuntimeError, match="on purpose"):
        await sweep(world)
    assert await _passes(world) == [before + 1]
