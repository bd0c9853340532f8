"""Channel steps that name a guide: who sees it then, and who does not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from services.guides.showing import show_guides
from tests.support.guides import CHANNEL_KEY, publish_guide
from tests.support.steps import feed_step
from tests.support.world import World, when

TOUR = "tour"


@pytest.fixture
async def channel(world: World) -> UUID:
    """Make a channel of guides, and a guide for an audience that nobody is in."""
    channel_id = await world.channel("in_app_guide", CHANNEL_KEY)
    await world.audience("invited")
    await publish_guide(world, TOUR, target_audience_key="invited")
    return channel_id


def guide_step(guide_key: str = TOUR, **changes: Any) -> JsonObject:
    """Write a step that names a guide."""
    return {
        "type": "channel",
        "ref": "guide_1",
        "channel_type": "in_app_guide",
        "channel_key": CHANNEL_KEY,
        "guide_key": guide_key,
        **changes,
    }


async def sees(world: World, channel: UUID, user: str = "ellie", tenant: str | None = None) -> bool:
    """Tell whether a user sees the guide."""
    scope = world.environment.scope
    view = await show_guides(world.engine, scope, user, channel, tenant_id=tenant)
    return TOUR in [shown.found.guide.key for shown in view.entries]


async def test_the_recipient_sees_the_guide(world: World, channel: UUID) -> None:
    """Who came to the step sees it, nobody else does, and no message is made."""
    assert not await sees(world, channel)
    run_id, advanced = await world.send(guide_step(), feed_step())
    assert advanced.status == "completed"
    assert await sees(world, channel)
    assert not await sees(world, channel, "somebody-else")
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["feed_1"]
    told = next(each for each in await world.events(run_id) if each["event"] == "guide_enabled")
    assert told["data"] == {"guide_key": TOUR, "changed": True}


async def test_twice_is_once(world: World, channel: UUID) -> None:
    """A repeated walk, and another run, change nothing more."""
    run_id, _ = await world.send(guide_step())
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before
    again, _ = await world.send(guide_step())
    told = next(each for each in await world.events(again) if each["event"] == "guide_enabled")
    assert told["data"]["changed"] is False
    assert await sees(world, channel)


@pytest.mark.parametrize(
    ("is_strict", "tenant", "seen_for"),
    [
        (False, "acme", {None, "acme", "other"}),
        (False, None, {None, "acme", "other"}),
        (True, "acme", {"acme"}),
        (True, None, {None}),
    ],
)
async def test_the_tenant_of_the_run_counts(
    world: World, channel: UUID, *, is_strict: bool, tenant: str | None, seen_for: set[str | None]
) -> None:
    """Where a guide tells tenants apart, its recipient sees it for that of the run alone."""
    await publish_guide(world, TOUR, target_audience_key="invited", strict_tenancy=is_strict)
    await world.send(guide_step(), **({} if tenant is None else {"tenant": tenant}))
    seen = {one for one in (None, "acme", "other") if await sees(world, channel, tenant=one)}
    assert seen == seen_for


async def test_each_tenant_is_let_in(world: World, channel: UUID) -> None:
    """A second run on behalf of another tenant changes something, once."""
    changed = []
    for tenant in ("acme", "other", "acme"):
        run_id, _ = await world.send(guide_step(), tenant=tenant)
        told = next(each for each in await world.events(run_id) if each["event"] == "guide_enabled")
        changed.append(told["data"]["changed"])
    assert changed == [True, True, False]


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"conditions": when("data.plan", "equal_to", "pro")}, {}),
        ({}, {"settings": {"sandbox_mode": True}}),
    ],
)
async def test_who_does_not_see_it(
    world: World, channel: UUID, changes: JsonObject, body: JsonObject
) -> None:
    """Conditions that do not hold, and sandbox mode, skip the step; the run goes on."""
    run_id, advanced = await world.send(guide_step(**changes), feed_step(), **body)
    assert advanced.status == "completed"
    assert "step_skipped" in await world.story(run_id)
    assert not await sees(world, channel)


async def test_who_prefers_not_to(world: World, channel: UUID) -> None:
    """Preferences against the channel skip the step."""
    against = {"default": {"channels": {str(channel): False}}}
    somebody = {"id": "ellie", "preferences": against}
    run_id, _ = await world.send(guide_step(), recipients=[somebody])
    assert "step_skipped" in await world.story(run_id)
    assert not await sees(world, channel)


async def test_an_object_sees_no_guide(world: World, channel: UUID) -> None:
    """A run for an object passes the step over."""
    run_id, advanced = await world.send(
        guide_step(), recipients=[{"collection": "teams", "id": "t", "name": "T"}]
    )
    assert advanced.status == "completed"
    assert "step_skipped" in await world.story(run_id)


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (guide_step(guide_key=None), "guide_key"),
        (guide_step(channel_key="nowhere"), "channel_key"),
    ],
)
async def test_what_is_refused(world: World, channel: UUID, step: JsonObject, place: str) -> None:
    """A step has to name a guide, which may follow, and a channel that is there."""
    with pytest.raises(InvalidParams) as refused:
        await world.publish("flow", step)
    assert [error.field for error in refused.value.errors] == [f"steps[0].{place}"]
