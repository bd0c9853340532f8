"""Links to a user's preferences, in templates and as they are opened."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.errors import NotFound
from domain.kit.shapes import read_shape
from domain.preferences.center import CenterIn
from domain.recipients.refs import RecipientRef
from runtime.vault import UnknownKey, Vault
from services.preferences.centers import put_center
from services.preferences.hosted import (
    LinkExpired,
    UserGone,
    open_page,
    preferences_url,
    save_page,
)
from services.preferences.links import Link, seal_link
from tests.support.steps import feed_step
from tests.support.world import World

ELLIE = RecipientRef.user("ellie")
LINK = "{{ vars.manage_preferences_url }}"


async def shown_to(world: World, recipient: Any) -> str:
    """Return what a message says that shows the link."""
    key = f"flow-{uuid4().hex[:8]}"
    await world.publish(key, feed_step(LINK))
    run_id = await world.begin(key, recipient)
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    rendered: str = message["content"]["blocks"][0]["rendered"]
    return rendered


async def test_templates_of_a_user_have_the_link(world: World) -> None:
    """In every workflow, commercial or not; it leads to the page of that user."""
    rendered = await shown_to(world, {"id": "ellie", "name": "Ellie"})
    tokens = re.findall(r"/p/([\w-]+)", rendered)
    page = await open_page(world.engine, tokens[0])
    assert page.user.ref == ELLIE
    assert [choice.row.type for choice in page.choices] == ["commercial_subscribed"]


async def test_an_object_has_none(world: World) -> None:
    """The page is for users only."""
    rendered = await shown_to(world, {"id": "one", "collection": "projects", "name": "One"})
    assert "/p/" not in rendered


async def test_a_setting_says_how_long_a_link_works(world: World) -> None:
    """By default for a year; 0 is for ever."""
    await world.identify("ellie")
    now = world.engine.clock()

    def made(days: int, ago: timedelta) -> str:
        settings = world.engine.settings.model_copy(update={"preference_link_days": days})
        engine = world.with_parts(settings=settings).engine
        return preferences_url(engine, world.environment.id, ELLIE, now - ago).token

    for token in (made(0, timedelta(days=9_999)), made(2, timedelta(days=1))):
        assert (await open_page(world.engine, token)).user.id == "ellie"
    for token in (made(2, timedelta(days=2)), made(2, timedelta(days=9_999))):
        with pytest.raises(LinkExpired):
            await open_page(world.engine, token)


async def test_a_link_is_not_for_who_comes_later(world: World) -> None:
    """Whoever was made under the same id after the link was sealed is somebody else."""
    await world.identify("ellie")
    made_at = world.engine.clock() - timedelta(hours=1)
    link = Link(world.environment.id, ELLIE, made_at=made_at)
    token = seal_link(world.engine, "preference_center", link)
    with pytest.raises(UserGone):
        await open_page(world.engine, token)
    with pytest.raises(UserGone):
        await save_page(world.engine, token, shown=[], on=[])


async def test_a_link_of_a_missing_key_has_to_wait(world: World) -> None:
    """It may come back; what was made up is refused for ever."""
    token = preferences_url(world.engine, world.environment.id, ELLIE, world.engine.clock()).token
    other = world.with_parts(vault=Vault(["another key " * 2])).engine
    with pytest.raises(UnknownKey):
        await open_page(other, token)
    for wrong in ("", "x", "ä", "a" * 5_000):
        with pytest.raises(NotFound):
            await save_page(world.engine, wrong, shown=(), on=())


async def test_each_environment_has_its_own_page_and_preferences(world: World) -> None:
    """The same user of another environment keeps what it prefers."""
    other = World(world.engine, world.make, await world.make.environment())
    row = {"type": "category", "name": "News", "identifier": "news"}
    config = {"config": {"title": "Mine", "rows": [row]}, "enabled": True}
    for one in (world, other):
        await one.identify("ellie")
        await put_center(one.engine, one.environment.scope, read_shape(CenterIn, config))
    here = preferences_url(world.engine, world.environment.id, ELLIE, world.engine.clock()).token
    there = preferences_url(world.engine, other.environment.id, ELLIE, world.engine.clock()).token
    names = {choice.name for choice in (await open_page(world.engine, here)).choices}
    after = await save_page(world.engine, here, shown=names, on=())
    assert [choice.is_on for choice in after.choices] == [False, False]
    unchanged = await open_page(world.engine, there)
    assert [choice.is_on for choice in unchanged.choices] == [True, True]
