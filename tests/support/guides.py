"""Guides as tests write and publish them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.content.guide import GUIDE
from domain.guides.requests import GuideArchivedIn
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape, read_shape
from domain.messages.engagement import Engagement, StatusChange
from services.content.drafts import switch_content
from services.guides import engaging
from services.guides.showing import GuidesView, show_guides
from tests.support.content import note, save_content
from tests.support.world import World

CHANNEL_KEY = "guides"
ELLIE = "ellie"


def guide_step(ref: str = "step_1", **values: Any) -> JsonObject:
    """Write a step of a guide."""
    return {
        "ref": ref,
        "schema_key": "banner",
        "schema_semver": "0.0.1",
        "schema_variant_key": "default",
        "values": values or {"title": "Hello"},
    }


def guide(*steps: JsonObject, **changes: Any) -> JsonObject:
    """Write a guide of a banner, unless steps are given."""
    return {
        "name": "Guide",
        "channel_key": CHANNEL_KEY,
        "steps": list(steps or [guide_step()]),
        **changes,
    }


async def publish_guide(
    world: World, key: str, *steps: JsonObject, active: bool = True, **changes: Any
) -> UUID:
    """Commit a guide and switch it on; returns its id."""
    slug = world.environment.scope.slug
    document = guide(*steps, **changes)
    await save_content(world.engine, slug, GUIDE, key, document, commit=note(), force=True)
    await activate(world, key, active=active)
    return derived_id(world.environment.id, "guide", key)


async def activate(
    world: World,
    key: str,
    *,
    active: bool = True,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Switch a guide on or off."""
    await switch_content(
        world.engine,
        world.environment.scope,
        GUIDE,
        key,
        active=active,
        active_from=since,
        active_until=until,
    )


async def show(world: World, channel: UUID, user: str = ELLIE, **more: Any) -> GuidesView:
    """Ask which guides a user sees."""
    return await show_guides(world.engine, world.environment.scope, user, channel, **more)


def keys(view: GuidesView) -> list[str]:
    """Return which guides are shown."""
    return [shown.found.guide.key for shown in view.entries]


async def act(
    world: World,
    channel: UUID,
    shape: type[Shape],
    action: Engagement,
    guide_id: UUID,
    *,
    is_anonymous: bool = False,
    **more: Any,
) -> None:
    """Do something with the first step of the guide `tour`."""
    body = {
        "channel_id": str(channel),
        "guide_id": str(guide_id),
        "guide_key": "tour",
        "guide_step_ref": "step_1",
        **more,
    }
    given: Any = read_shape(shape, body)
    change = StatusChange(action, body.get("metadata"))
    await engaging.engage(
        world.engine, world.environment.scope, ELLIE, given, change, is_anonymous=is_anonymous
    )


async def archive(world: World, channel: UUID, guide_id: UUID, **more: Any) -> None:
    """Dismiss the first step of the guide `tour`."""
    await act(world, channel, GuideArchivedIn, Engagement.ARCHIVED, guide_id, **more)
