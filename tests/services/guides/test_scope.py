"""A guide is new to a user once, or once for each tenant, as its scope says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.guides.requests import GuideInteractedIn, GuideKeyIn, GuideSeenIn
from domain.guides.rows import Ineligibility
from domain.kit.shapes import read_shape
from domain.messages.engagement import Engagement
from domain.recipients.refs import RecipientRef
from services.bulk.departures import delete_recipient, merge_users
from services.guides import engaging
from tests.support.broadcasts import join
from tests.support.builders import T0
from tests.support.guides import (
    CHANNEL_KEY,
    ELLIE,
    act,
    archive,
    guide_step,
    keys,
    publish_guide,
    show,
)
from tests.support.world import World

TENANTS = ("acme", "ingen", None)


@pytest.fixture
async def channel(world: World) -> UUID:
    """Make a channel of guides, and a user."""
    await world.make.user(world.environment, ELLIE)
    return await world.channel("in_app_guide", CHANNEL_KEY)


async def _publish(world: World, scope: str | None = "per_tenant", **more: Any) -> UUID:
    return await publish_guide(world, "tour", scope=scope, **more)


async def _shown(world: World, channel: UUID, user: str = ELLIE) -> list[str | None]:
    """Return for which tenants a user sees the guide."""
    return [
        tenant
        for tenant in TENANTS
        if keys(await show(world, channel, user, tenant_id=tenant)) == ["tour"]
    ]


async def _messages(world: World) -> list[tuple[str, str | None]]:
    """Return whose messages of guides there are, and for which tenants."""
    rows = await world.make.rows(
        "SELECT recipient_id, tenant_id FROM messages WHERE environment_id = %s ORDER BY 1, 2",
        world.environment.id,
    )
    return [(row["recipient_id"], row["tenant_id"]) for row in rows]


def _named(tenant: str | None) -> GuideKeyIn:
    return read_shape(GuideKeyIn, {"guide_key": "tour", "tenant": tenant})


async def _unarchive(world: World, tenant: str | None) -> None:
    await engaging.unarchive(world.engine, world.environment.scope, ELLIE, _named(tenant))


async def _reset(world: World, tenant: str | None) -> None:
    await engaging.reset(world.engine, world.environment.scope, ELLIE, _named(tenant))


@pytest.mark.parametrize("scope", [None, "global"])
async def test_for_all_tenants(world: World, channel: UUID, scope: str | None) -> None:
    """By default who has dismissed it for one tenant has for all; and so it is taken back."""
    guide_id = await _publish(world, scope)
    await archive(world, channel, guide_id, tenant="acme")
    assert await _shown(world, channel) == []
    await archive(world, channel, guide_id, tenant="ingen")
    assert await _messages(world) == [(ELLIE, "acme")]
    await _unarchive(world, "ingen")
    assert await _shown(world, channel) == list(TENANTS)
    await archive(world, channel, guide_id, tenant="acme")
    await _reset(world, None)
    assert await _shown(world, channel) == list(TENANTS)


async def test_for_each_tenant(world: World, channel: UUID) -> None:
    """Who has dismissed it for one tenant, or for none, sees it for the others."""
    guide_id = await _publish(world)
    await archive(world, channel, guide_id, tenant="acme")
    assert await _shown(world, channel) == ["ingen", None]
    view = await show(world, channel, tenant_id="acme")
    assert view.ineligible == {"tour": Ineligibility.ARCHIVED}
    await archive(world, channel, guide_id)
    assert await _shown(world, channel) == ["ingen"]
    assert await _messages(world) == [(ELLIE, "acme"), (ELLIE, None)]


async def test_each_has_its_message(world: World, channel: UUID) -> None:
    """What is seen and interacted with for a tenant is told of its step there alone, once."""
    guide_id = await _publish(world)
    seen = {"content": {"title": "Hello"}, "tenant": "acme"}
    await asyncio.gather(
        *(act(world, channel, GuideSeenIn, Engagement.SEEN, guide_id, **seen) for _ in range(4))
    )
    await act(world, channel, GuideInteractedIn, Engagement.INTERACTED, guide_id, tenant="ingen")
    assert await _messages(world) == [(ELLIE, "acme"), (ELLIE, "ingen")]
    did = []
    for tenant in TENANTS:
        (shown,) = (await show(world, channel, tenant_id=tenant)).entries
        engaged = shown.steps[0].engaged
        did.append(engaged and (engaged.seen_at is not None, engaged.interacted_at is not None))
    assert did == [(True, False), (True, True), None]


async def test_taken_back_for_a_tenant(world: World, channel: UUID) -> None:
    """Unarchiving and resetting are of the tenant that is named."""
    guide_id = await _publish(world)
    for tenant in TENANTS:
        await archive(world, channel, guide_id, tenant=tenant, is_final=True)
    await _unarchive(world, "acme")
    assert await _shown(world, channel) == ["acme"]
    await _reset(world, None)
    assert await _shown(world, channel) == ["acme", None]
    await archive(world, channel, guide_id)
    assert await _messages(world) == [
        (ELLIE, "acme"),
        (ELLIE, "ingen"),
        (ELLIE, None),
        (ELLIE, None),
    ]


async def test_one_wait_for_all_tenants(world: World, channel: UUID) -> None:
    """The wait after a dismissal is for the user's sake, wherever the user is."""
    guide_id = await _publish(world)
    await archive(world.at(T0), channel, guide_id, tenant="acme")
    assert (await show(world, channel, tenant_id="ingen")).dismissed_at == T0
    later = T0 + timedelta(hours=1)
    await archive(world.at(later), channel, guide_id, tenant="ingen")
    assert (await show(world, channel, tenant_id="acme")).dismissed_at == later


@pytest.mark.parametrize(
    ("is_strict", "member_of", "shown"),
    [
        (False, "acme", list(TENANTS)),
        (False, "", list(TENANTS)),
        (True, "acme", ["acme"]),
        (True, "", [None]),
    ],
)
async def test_with_strict_tenancy(
    world: World, channel: UUID, is_strict: bool, member_of: str, shown: list[str | None]
) -> None:
    """Strictness says for which tenants it may be shown at all (Knock docs: "Create guides")."""
    await join(world, "vips", (ELLIE, member_of) if member_of else ELLIE)
    await _publish(world, target_audience_key="vips", strict_tenancy=is_strict)
    assert await _shown(world, channel) == shown


async def test_a_guide_that_becomes_one_for_each_tenant(world: World, channel: UUID) -> None:
    """What was done before counts for the tenant that it was done for, and goes on there."""
    guide_id = await _publish(world, "global")
    await act(world, channel, GuideInteractedIn, Engagement.INTERACTED, guide_id, tenant="acme")
    await _publish(world)
    await archive(world, channel, guide_id, tenant="acme")
    assert await _messages(world) == [(ELLIE, "acme")]
    assert await _shown(world, channel) == ["ingen", None]
    await _unarchive(world, "acme")
    assert await _shown(world, channel) == list(TENANTS)
    await archive(world, channel, guide_id, tenant="acme")
    await _reset(world, "ingen")
    assert await _shown(world, channel) == ["ingen", None]
    await _reset(world, "acme")
    (shown,) = (await show(world, channel, tenant_id="acme")).entries
    assert shown.steps[0].engaged is None


async def test_a_guide_that_becomes_one_for_all(world: World, channel: UUID) -> None:
    """Who has dismissed it for some tenant has dismissed it."""
    guide_id = await _publish(world)
    await archive(world, channel, guide_id, tenant="acme")
    seen = {"content": {}, "tenant": "ingen"}
    await act(world, channel, GuideSeenIn, Engagement.SEEN, guide_id, **seen)
    await _publish(world, "global")
    assert await _shown(world, channel) == []
    await _unarchive(world, None)
    assert await _shown(world, channel) == list(TENANTS)


async def test_what_is_final_stays_so(world: World, channel: UUID) -> None:
    """A user who is done with the whole guide is, whatever its scope was before and becomes."""
    steps = (guide_step("step_1"), guide_step("step_2"))
    guide_id = await publish_guide(world, "tour", *steps, scope="global")
    await archive(world, channel, guide_id)
    await publish_guide(world, "tour", *steps, scope="per_tenant")
    await archive(world, channel, guide_id, tenant="acme", is_final=True)
    assert await _shown(world, channel) == ["ingen", None]
    await publish_guide(world, "tour", *steps, scope="global")
    assert await _shown(world, channel) == []


async def test_who_is_deleted_or_merged(world: World, channel: UUID) -> None:
    """Of a merged user all goes on; of a deleted one nothing is left."""
    guide_id = await _publish(world)
    await archive(world, channel, guide_id, tenant="acme")
    await world.make.user(world.environment, "alan")
    await merge_users(world.engine, world.environment.scope, "alan", ELLIE)
    assert await _shown(world, channel, "alan") == ["ingen", None]
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("alan"))
    assert await _shown(world, channel, "alan") == list(TENANTS)


@pytest.mark.parametrize("scope", [{}, {"scope": "global"}], ids=["per tenant", "for all"])
async def test_what_was_dismissed_long_ago_stays_so(
    world: World, channel: UUID, scope: dict[str, str]
) -> None:
    """A merge takes the old messages of guides along, which tell what was done with them."""
    guide_id = await _publish(world, **scope)
    await archive(world, channel, guide_id, tenant="acme")
    await world.make.rows(
        "UPDATE messages SET inserted_at = inserted_at - interval '40 days'"
        " WHERE environment_id = %s RETURNING 1",
        world.environment.id,
    )
    await world.make.user(world.environment, "alan")
    before = await _shown(world, channel, ELLIE)
    await merge_users(world.engine, world.environment.scope, "alan", ELLIE)
    assert await _shown(world, channel, "alan") == before
    assert before != list(TENANTS)
