"""Guides as tests write and publish them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.content.guide import GUIDE
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject
from services.content.drafts import switch_content
from tests.support.content import note, save_content
from tests.support.world import World

CHANNEL_KEY = "guides"


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
