"""Guides that are tried: who would see them, and who would not any more."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.guide import GUIDE
from domain.content.partial import PARTIAL
from domain.kit.json_types import JsonObject
from domain.what_if.differences import Kind
from domain.what_if.guides import GuideFindings, Look
from domain.what_if.samples import Sample
from services.what_if import trying
from services.what_if.trying import WhatIf
from tests.support.content import note, save_content
from tests.support.guides import CHANNEL_KEY, guide, guide_step, publish_guide
from tests.support.steps import feed_step
from tests.support.what_if import draft, tried
from tests.support.world import World, when


@pytest.fixture
async def users(world: World) -> World:
    """Return a world with a channel of guides and four users, two of whom pay."""
    await world.channel("in_app_guide", CHANNEL_KEY)
    for number, plan in enumerate(("pro", "free", "pro", "free")):
        await world.identify(f"user-{number}", name=f"N{number}", plan=plan)
    return world


async def draft_guide(world: World, key: str, *steps: JsonObject, **changes: Any) -> None:
    """Save a guide, uncommitted."""
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, GUIDE, key, guide(*steps, **changes), force=True)


def guides(found: WhatIf) -> GuideFindings:
    """Return what was found of guides."""
    assert found.guides is not None
    return found.guides


def seen(found: WhatIf) -> list[tuple[str, str, str]]:
    """Return how guides differ for whom."""
    return sorted((e.kind.value, e.guide_key, e.viewer_id) for e in guides(found).differences)


PRO = when("recipient.plan", "equal_to", "pro")


async def test_a_new_guide(users: World) -> None:
    """It is judged as if it were switched on, for the newest users, and told that it is not."""
    await draft_guide(
        users, "tour", guide_step(title="Hi {{ recipient.name }}"), target_property_conditions=PRO
    )

    found = await tried(users)

    assert seen(found) == [("added", "tour", "user-0"), ("added", "tour", "user-2")]
    (first, *_) = guides(found).differences
    assert first.reason == "The guide is not published."
    assert first.after is not None
    assert first.after["steps"][0]["content"] == {"title": "Hi N2"}
    figures = guides(found).guides["tour"]
    assert (figures.is_active, figures.before, figures.after) == (False, 0, 2)
    assert guides(found).viewers == 4
    assert not found.left_out


async def test_a_guide_for_fewer_people(users: World) -> None:
    """Whoever would not see it any more is told with the reason; nothing differs for the others."""
    await publish_guide(users, "tour")
    await draft_guide(users, "tour", target_property_conditions=PRO)

    found = await tried(users)

    assert seen(found) == [("dropped", "tour", "user-1"), ("dropped", "tour", "user-3")]
    assert guides(found).differences[0].reason == "The user does not meet the target conditions."
    assert (guides(found).viewers_changed, guides(found).guides["tour"].is_active) == (2, True)


async def test_a_guide_that_says_something_else(users: World) -> None:
    """What differs is told by its place, and other guides are not looked at."""
    await publish_guide(users, "tour", guide_step(title="Old {{ recipient.name }}"))
    await publish_guide(users, "other")
    await draft_guide(users, "tour", guide_step(title="New {{ recipient.name }}"))

    found = await tried(users, differences=1)

    (difference,) = guides(found).differences
    assert [(one.place, one.before, one.after) for one in difference.changes] == [
        ("steps[0].content.title", "Old N3", "New N3")
    ]
    assert (guides(found).total, list(guides(found).guides)) == (4, ["tour"])


async def test_an_audience_and_what_users_have_done(users: World) -> None:
    """Members alone see a guide that has an audience; those whom a script lets join do too."""
    await users.audience("vips")
    await users.enter("vips", "user-1")
    await draft_guide(users, "tour", target_audience_key="vips")
    script = [
        {"audience": "vips", "members": [{"user": {"id": "user-3"}}], "at": "2026-03-01T10:00:00Z"},
        {"viewers": ["user-0", "user-1", "user-3"], "at": "2026-03-01T11:00:00Z"},
    ]

    found = await tried(users, triggers=script)

    assert seen(found) == [("added", "tour", "user-1"), ("added", "tour", "user-3")]


async def test_a_visit_has_data_and_a_tenant(users: World) -> None:
    """Conditions see what the application says, and on whose behalf."""
    here = {
        "all": [
            {"variable": "data.page", "operator": "equal_to", "argument": "home"},
            {"variable": "tenant.id", "operator": "equal_to", "argument": "acme"},
        ]
    }
    await draft_guide(users, "tour", target_property_conditions=here)
    script = [
        {"viewers": ["user-0"], "tenant": "acme", "data": {"page": "home"}},
        {"viewers": ["user-1"], "tenant": "acme"},
        {"viewers": ["nobody"], "tenant": "acme", "data": {"page": "home"}},
    ]

    assert seen(await tried(users, triggers=script)) == [
        ("added", "tour", "nobody"),
        ("added", "tour", "user-0"),
    ]


async def test_a_partial_that_guides_use(users: World) -> None:
    """A guide says something else where a partial of its does."""
    slug = users.environment.scope.slug
    partial = {"name": "Sign", "type": "text", "content": "Old"}
    await save_content(users.engine, slug, PARTIAL, "sign", partial, commit=note(), force=True)
    await publish_guide(users, "tour", guide_step(title="{% render 'sign' %}"))
    partial = {**partial, "content": "New"}
    await save_content(users.engine, slug, PARTIAL, "sign", partial, force=True)

    assert guides(await tried(users)).guides["tour"].kinds == {Kind.CHANGED: 4}


async def test_workflows_alone_ask_for_no_guides(users: World) -> None:
    """Where neither content nor script has anything of guides, nobody looks for them."""
    await publish_guide(users, "tour")
    await draft(users, feed_step())

    assert (await tried(users)).guides is None
    assert (
        await tried(users, triggers=[{"workflow": "order", "recipients": ["user-0"]}])
    ).guides is None


async def test_a_guide_that_cannot_be_rendered(users: World) -> None:
    """It is seen by nobody, which is told."""
    await publish_guide(users, "tour")
    await draft_guide(users, "tour", guide_step(title="{% for i in (1..20000) %}{% endfor %}"))

    found = await tried(users)

    assert {each.reason for each in guides(found).differences} == {"It cannot be rendered."}


async def test_only_so_many_users_look(users: World) -> None:
    """As many of the newest as runs are asked for; that there are more is told."""
    await draft_guide(users, "tour")

    found = await tried(users, runs=2)

    assert seen(found) == [("added", "tour", "user-2"), ("added", "tour", "user-3")]
    assert guides(found).has_more_viewers


def test_what_guides_say_has_an_end() -> None:
    """What has no room is left out of a difference, and told; the figures are of all."""
    findings = GuideFindings(Sample(10, 50))
    for number in range(3):
        look = {"tour": Look({"title": "x" * 30})}
        findings.add(f"user-{number}", None, {}, look)

    assert [each.is_cut for each in findings.differences] == [False, True, True]
    assert findings.guides["tour"].after == 3


async def test_runs_leave_time_for_guides(users: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long walks would take, a fifth of the time is for guides, if any are tried."""
    deadlines: list[float] = []
    walk_all = trying._Comparison.walk_all

    async def noted(self: Any, runs: Any) -> None:
        deadlines.append(self.deadline)
        await walk_all(self, runs)

    async def looked(*_: Any, deadline: float, **__: Any) -> None:
        deadlines.append(deadline)

    monkeypatch.setattr(trying._Comparison, "walk_all", noted)
    monkeypatch.setattr(trying, "look_at_guides", looked)
    await draft(users, feed_step())
    await tried(users, seconds=10)
    await draft_guide(users, "tour", guide_step())
    await tried(users, seconds=10)
    script = [{"viewers": ["user-0"]}]
    await tried(users, seconds=10, triggers=script)

    left = [after - before for before, after in zip(deadlines[::2], deadlines[1::2], strict=True)]
    assert left == pytest.approx([0, 2, 2])
