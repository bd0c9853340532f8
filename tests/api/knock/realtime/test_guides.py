"""Guides on the socket: a page is told of what is published, switched, ordered and archived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from domain.content.guide import GUIDE
from domain.guides.requests import GuideGroupIn
from domain.kit.errors import NotFound
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import read_shape
from models.queries.realtime.news import GuidesState
from runtime.database import Connection
from services.content.archiving import archive
from services.guides.ordering import put_order
from services.realtime import guides
from tests.support.guides import CHANNEL_KEY, ELLIE, activate, guide_step, publish_guide
from tests.support.guides import archive as dismiss
from tests.support.sockets import Page, open_page
from tests.support.user_tokens import let_sign, signed
from tests.support.world import World


@pytest.fixture
async def channel(world: World) -> UUID:
    """Configure the channel of guides."""
    return await world.channel("in_app_guide", CHANNEL_KEY)


async def told(page: Page) -> tuple[str, dict[str, Any]]:
    """Return the next event and what it says, once its frame was looked at."""
    join_ref, ref, topic, event, payload = await page.event()
    assert join_ref is not None
    assert ref is None
    assert payload["topic"] == topic
    assert payload["event"] == event
    return event, payload["data"]


async def test_a_page_follows_a_guide(world: World, address: str, channel: UUID) -> None:
    """From when it is there until it is archived; rendered for its user."""
    async with open_page(address, world.environment.public_key) as page:
        payload = {"user_id": "ellie", "data": {"plan": "pro"}, "tenant": "acme"}
        await page.join(f"guides:{channel}", payload)

        title = "For {{ recipient.id }}, {{ data.plan }}, {{ tenant.id }}"
        await publish_guide(world, "tour", guide_step(title=title))
        heard = dict([await told(page), await told(page)])
        assert set(heard) == {"guide.added", "guide_group.updated"}
        added = heard["guide.added"]
        assert added["eligible"] is True
        assert added["guide"]["steps"][0]["content"] == {"title": "For ellie, pro, acme"}
        assert added["guide"]["__typename"] == "Guide"
        assert heard["guide_group.updated"]["guide_group"]["display_sequence"] == ["tour"]

        await publish_guide(world, "tour", guide_step(title="New"))
        event, data = await told(page)
        assert (event, data["eligible"]) == ("guide.updated", True)
        assert data["guide"]["steps"][0]["content"] == {"title": "New"}

        await activate(world, "tour", active=False)
        event, data = await told(page)
        assert (event, data["eligible"]) == ("guide.updated", False)
        assert data["guide"]["key"] == "tour"

        await archive(world.engine, world.environment.scope, GUIDE.name, "tour")
        heard = dict([await told(page), await told(page)])
        assert heard["guide.removed"]["guide"]["key"] == "tour"
        assert heard["guide_group.updated"]["guide_group"]["display_sequence"] == []


async def test_a_page_is_told_what_counts_for_its_tenant(
    world: World, address: str, channel: UUID
) -> None:
    """A guide that its user has dismissed for one tenant may be seen for another one."""
    await world.make.user(world.environment, ELLIE)
    guide_id = await publish_guide(world, "tour", scope="per_tenant")
    await dismiss(world, channel, guide_id, tenant="acme")
    for tenant, is_eligible in (("acme", False), ("ingen", True)):
        async with open_page(address, world.environment.public_key) as page:
            await page.join(f"guides:{channel}", {"user_id": ELLIE, "tenant": tenant})
            title = f"New for {tenant}"
            await publish_guide(world, "tour", guide_step(title=title), scope="per_tenant")
            event, data = await told(page)
            assert (event, data["eligible"]) == ("guide.updated", is_eligible)


async def test_the_order_is_told(world: World, address: str, channel: UUID) -> None:
    """It is no content, and takes effect at once."""
    await publish_guide(world, "first")
    await publish_guide(world, "second")
    async with open_page(address, world.environment.public_key) as page:
        await page.join(f"guides:{channel}", {"user_id": "ellie"})
        given = read_shape(GuideGroupIn, {"display_sequence": ["second"], "display_interval": 60})
        await put_order(world.engine, world.environment.scope, given)
        event, data = await told(page)
        assert event == "guide_group.updated"
        group = data["guide_group"]
        assert (group["display_sequence"], group["display_interval"]) == (["second", "first"], 60)


async def test_a_guide_is_told_to_those_whom_a_step_lets_in(
    world: World, address: str, channel: UUID
) -> None:
    """A guide for an audience is nothing to others until a workflow names it for them."""
    await world.audience("insiders")
    await publish_guide(world, "tour", target_audience_key="insiders")
    step = {
        "type": "channel",
        "ref": "guide_1",
        "channel_type": "in_app_guide",
        "channel_key": CHANNEL_KEY,
        "guide_key": "tour",
    }
    key = world.environment.public_key
    async with open_page(address, key) as ellies, open_page(address, key) as graces:
        await ellies.join(f"guides:{channel}", {"user_id": "ellie"})
        await graces.join(f"guides:{channel}", {"user_id": "grace"})
        await world.send(step)
        event, data = await told(ellies)
        assert (event, data["eligible"], data["guide"]["key"]) == ("guide.added", True, "tour")
        assert await graces.has_nothing()


async def test_one_channel_keeps_no_other_from_being_compared(
    app: FastAPI, world: World, address: str, channel: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one whose environment is gone, nor one that cannot be read."""
    broken, gone = await world.make.environment(), await world.make.environment()
    states, of = guides.guides_states, guides.guides_of

    async def without_one(connection: Connection, ids: list[UUID]) -> list[GuidesState]:
        return [each for each in await states(connection, ids) if each.id != gone.id]

    async def broken_in_one(*given: Any) -> Any:
        if broken.scope.id in (getattr(each, "id", None) for each in given):
            raise ValueError("broken")
        return await of(*given)

    def listener(environment: EnvironmentScope) -> guides.GuideListener:
        user: dict[str, Any] = {"user_id": "grace", "tenant_id": None, "data": {}}
        return guides.GuideListener(environment, channel, **user, tell=lambda _: None)

    async with open_page(address, world.environment.public_key) as page:
        for environment in (broken, gone):
            await replace(world, environment=environment).channel("in_app_guide", CHANNEL_KEY)
            await app.state.hub.guides.add(listener(environment.scope))
        await page.join(f"guides:{channel}", {"user_id": "ellie"})
        monkeypatch.setattr(guides, "guides_states", without_one)
        monkeypatch.setattr(guides, "guides_of", broken_in_one)
        await publish_guide(world, "tour")
        assert {(await told(page))[0] for _ in range(2)} == {"guide.added", "guide_group.updated"}
        app.state.hub.guides.close()
        with pytest.raises(NotFound):
            await app.state.hub.guides.add(listener(gone.scope))


async def test_a_join_is_judged_as_the_list_of_guides(
    world: World, address: str, channel: UUID
) -> None:
    """Another user's guides and another channel are answered with the reason."""
    await let_sign(world.make, world.environment)
    token = signed("ellie")
    async with open_page(address, world.environment.public_key, token) as page:
        for topic, payload, reason in (
            (f"guides:{channel}", {"user_id": "grace"}, "another user"),
            (f"guides:{channel}", {}, "does not exist"),
            (f"guides:{channel}", [], "must be a JSON object"),
            (f"guides:{channel}", {"user_id": "ellie", "data": "no"}, "must be a JSON object"),
            (f"guides:{new_id()}", {"user_id": "ellie"}, "no guide channel"),
            ("guides:", {"user_id": "ellie"}, "no guide channel"),
        ):
            reply = await page.say(topic, "phx_join", payload)
            assert reply["status"] == "error"
            assert reason in reply["response"]["reason"]
        await page.join(f"guides:{channel}", {"user_id": "ellie"})
