"""Audiences that are tried: who would join and leave, and what else depends on that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.content.audience import AUDIENCE
from domain.content.guide import GUIDE
from domain.kit.json_types import JsonObject
from domain.what_if.audiences import AudienceFigures, AudienceFindings
from domain.what_if.differences import Kind
from domain.what_if.samples import Sample
from services.what_if import audiences
from services.what_if.trying import WhatIf
from tests.support.audiences import build
from tests.support.content import save_content
from tests.support.guides import CHANNEL_KEY, guide, guide_step, publish_guide
from tests.support.steps import feed_step
from tests.support.what_if import KEY, draft, tried
from tests.support.world import World, when

PROS = [{"property": "plan", "operator": "equal_to", "argument": "pro"}]
FREE = [{"property": "plan", "operator": "equal_to", "argument": "free"}]
IS_VIP = when("recipient", "is_audience_member", "vips")


@pytest.fixture
async def users(world: World) -> World:
    """Return a world with an audience of those two of four users who pay."""
    await world.audience("vips", PROS)
    for number, plan in enumerate(("pro", "free", "pro", "free")):
        await world.identify(f"user-{number}", name=f"N{number}", plan=plan)
    await build(world)
    return world


async def draft_audience(world: World, *segments: list[JsonObject], key: str = "vips") -> None:
    """Save an audience, uncommitted."""
    document = {
        "name": key, "type": "dynamic", "segments": [{"conditions": each} for each in segments],
    }  # fmt: skip
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, AUDIENCE, key, document, force=True)


def found_of(found: WhatIf) -> AudienceFindings:
    """Return what was found of audiences."""
    assert found.audiences is not None
    return found.audiences


def changes(found: WhatIf) -> list[tuple[str, str, str]]:
    """Return who joins and leaves what."""
    return [
        (each.kind.value, each.audience_key, each.user_id) for each in found_of(found).differences
    ]


async def test_who_joins_and_who_leaves(users: World) -> None:
    """All users are compared with the conditions as they are and as they would be."""
    await draft_audience(users, FREE)

    found = await tried(users)

    assert found_of(found).audiences == {"vips": AudienceFigures(2, 2, 2, 2, [])}
    assert changes(found) == [
        ("dropped", "vips", "user-0"),
        ("added", "vips", "user-1"),
        ("dropped", "vips", "user-2"),
        ("added", "vips", "user-3"),
    ]
    assert (found_of(found).users, found_of(found).has_more_users) == (4, False)
    assert [each.resource_type for each in found.content] == ["audience"]
    assert not found.left_out
    members = await users.make.rows(
        "SELECT user_id FROM audience_members WHERE environment_id = %s ORDER BY 1",
        users.environment.id,
    )
    assert [row["user_id"] for row in members] == ["user-0", "user-2"]


async def test_a_new_audience(users: World) -> None:
    """Nobody is in it without the content; and it tells which workflows will listen to it."""
    await draft_audience(users, FREE, key="frugal")
    await draft(users, feed_step(), audience_trigger={"audience_key": "frugal"})

    found = await tried(users)

    assert found_of(found).audiences == {"frugal": AudienceFigures(0, 2, 2, 0, [KEY])}
    # Whom it applies to from the start triggers nothing, so nothing is walked for them.
    assert found.findings.runs == 0


async def test_the_workflows_that_entries_trigger(users: World) -> None:
    """One that is published listens, unless its draft does not any more."""
    for key in ("first", "second"):
        await users.publish(key, feed_step(), audience_trigger={"audience_key": "vips"})
    await draft_audience(users, FREE)
    await draft(users, feed_step(), key="second")

    assert found_of(await tried(users)).audiences["vips"].workflows == ["first"]


async def test_conditions_ask_the_conditions_that_are_tried(users: World) -> None:
    """A step for members is sent to those who join, and to those who leave no more."""
    await users.publish(KEY, feed_step(conditions={"all": [IS_VIP]}))
    for run in await users.runs(await users.trigger(KEY, "user-0", "user-1")):
        await users.walk(run["id"])
    await draft_audience(users, FREE)

    found = await tried(users)

    assert {each.run.recipient.id: each.kind for each in found.findings.differences} == {
        "user-0": Kind.DROPPED,
        "user-1": Kind.ADDED,
    }


async def test_conditions_that_stay_as_they_are_change_nothing(users: World) -> None:
    """Also where somebody is in the audience, or is not, by what has not been compared yet."""
    await users.publish(KEY, feed_step(conditions={"all": [IS_VIP]}))
    for run in await users.runs(await users.trigger(KEY, "user-0", "user-1")):
        await users.walk(run["id"])
    await users.make.rows(
        "DELETE FROM audience_members WHERE environment_id = %s RETURNING 1", users.environment.id
    )
    await draft_audience(users, PROS, [])

    found = await tried(users)
    await draft_audience(users, PROS, PROS)

    assert found.findings.kinds == {Kind.ADDED: 1}  # an empty segment lets everybody in
    assert (await tried(users)).findings.kinds == {}


async def test_guides_for_members(users: World) -> None:
    """Who joins sees them, and who leaves does not."""
    await users.channel("in_app_guide", CHANNEL_KEY)
    await publish_guide(users, "tour", guide_step(), target_audience_key="vips")
    await draft_audience(users, FREE)

    found = await tried(users)

    assert found.guides is not None
    assert sorted((each.kind.value, each.viewer_id) for each in found.guides.differences) == [
        ("added", "user-1"),
        ("added", "user-3"),
        ("dropped", "user-0"),
        ("dropped", "user-2"),
    ]


async def test_with_a_guide_that_is_tried_too(users: World) -> None:
    """A guide and its audience may be new both."""
    await users.channel("in_app_guide", CHANNEL_KEY)
    await draft_audience(users, FREE, key="frugal")
    document = guide(guide_step(), target_audience_key="frugal")
    slug = users.environment.scope.slug
    await save_content(users.engine, slug, GUIDE, "tour", document, force=True)

    found = await tried(users)

    assert found.guides is not None
    assert {each.viewer_id for each in found.guides.differences} == {"user-1", "user-3"}


async def test_audiences_by_the_clock(users: World) -> None:
    """They are compared with the instant of the try."""
    await users.identify(
        "user-1", trial_ends=(users.engine.clock() + timedelta(days=1)).isoformat()
    )
    over = {"property": "trial_ends", "operator": "is_timestamp_before_now"}
    await draft_audience(users, [over])
    assert found_of(await tried(users)).audiences["vips"].after == 0
    later = users.at(users.engine.clock() + timedelta(days=2))
    assert found_of(await tried(later)).audiences["vips"].after == 1


async def test_nobody_asks_for_audiences(users: World) -> None:
    """The runs of one workflow are asked for alone; without an audience there are no figures."""
    assert (await tried(users)).audiences is None
    await draft_audience(users, FREE)
    await users.publish(KEY, feed_step())
    assert (await tried(users, workflow=KEY)).audiences is None


async def test_users_come_in_pages(users: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, as long as there is time; else it is told that there are more."""
    await draft_audience(users, FREE)
    monkeypatch.setattr(audiences, "_PAGE", 1)
    assert found_of(await tried(users)).users == 4
    monkeypatch.setattr(audiences, "monotonic", lambda: float("inf"))
    found = found_of(await tried(users))
    assert (found.users, found.has_more_users) == (1, True)


def test_a_sample_of_those_who_differ() -> None:
    """Of each audience some who join and some who leave are named; all are counted."""
    findings = AudienceFindings(Sample(3, 0))
    findings.audiences = {"a": AudienceFigures(), "b": AudienceFigures()}
    for number in range(10):
        findings.add(f"user-{number}", frozenset(), frozenset({"a"}))
    findings.add("one", frozenset({"a"}), frozenset())
    findings.add("two", frozenset({"a", "b"}), frozenset({"a"}))
    assert findings.total == 12
    assert [(each.audience_key, each.kind, each.user_id) for each in findings.differences] == [
        ("a", Kind.ADDED, "user-0"),
        ("a", Kind.DROPPED, "one"),
        ("b", Kind.DROPPED, "two"),
    ]
    assert findings.audiences["a"] == AudienceFigures(2, 11, 10, 1, [])


async def test_nobody_has_to_be_named(users: World) -> None:
    """Those who join and leave are counted all the same."""
    await draft_audience(users, FREE)
    found = found_of(await tried(users, differences=0))
    figures = found.audiences["vips"]
    assert (figures.joined, figures.left, found.differences) == (2, 2, [])
