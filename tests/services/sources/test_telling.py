"""Webhooks hear of the actions of sources, where somebody changes them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from domain.sources.requests import SourceIn
from domain.webhooks.events import SOURCE_ACTION_UPDATED
from services.sources.sources import put_source
from tests.support.webhooks import hooked
from tests.support.world import World

SIGNED_UP = {"event_type": "signed_up", "action_type": "users_identify"}
LEFT = {"event_type": "left", "action_type": "users_delete"}


async def _put(world: World, key: str, *mappings: Any) -> None:
    settings = {world.environment.scope.slug: {"mappings": list(mappings)}}
    source = {"name": "Shop", "environment_settings": settings}
    await put_source(world.engine, key, SourceIn.model_validate(source))


async def test_actions_that_are_new_or_different_are_told(world: World) -> None:
    """Once each: not those that stay as they are, nor those that go."""
    key = f"shop-{uuid4().hex[:6]}"
    async with hooked(world, SOURCE_ACTION_UPDATED) as hook:
        await _put(world, key, SIGNED_UP, LEFT)
        first = await hook.tell()
        await _put(world, key, SIGNED_UP, {**LEFT, "active": False})
        second = (await hook.tell())[len(first) :]
        await _put(world, key, SIGNED_UP)
        third = await hook.tell()
    told = [call.json for call in (*first, *second)]
    assert len(third) == len(told)
    assert {body["type"] for body in told} == {SOURCE_ACTION_UPDATED}
    shown = [(each["data"]["event_type"], each["data"]["active"]) for each in told]
    assert sorted(shown[:2]) == [("left", True), ("signed_up", True)]
    assert shown[2:] == [("left", False)]
    assert {body["data"]["source_key"] for body in told} == {key}
    assert {body["data"]["environment"] for body in told} == {world.environment.scope.slug}
    assert {body["event_data"] for body in told} == {None}
