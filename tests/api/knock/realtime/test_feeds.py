"""Feeds on the socket: a page is told of new items as soon as they are stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from domain.kit.clock import utc_now
from domain.kit.ids import new_id
from domain.realtime.news import FeedNews, FeedTopic, GuideNews
from services.realtime import guides
from tests.api.knock.realtime.conftest import api_process, channel_of, counts
from tests.support.guides import CHANNEL_KEY
from tests.support.send_windows import closed_for_now
from tests.support.sockets import open_page
from tests.support.steps import feed_step
from tests.support.user_tokens import granted, let_sign, signed
from tests.support.world import World

ELLIE = {"id": "ellie", "name": "Ellie"}


async def test_a_page_is_told_of_a_new_item(world: World, address: str, feed: str) -> None:
    """With the counts of each instance, by its own filters, and which of them shows the item."""
    async with open_page(address, world.environment.public_key) as page:
        instances = {
            "all": {"archived": "exclude", "mode": "compact", "unknown": [1]},
            "of acme": {"tenant": "acme", "has_tenant": True},
            "by data": {"trigger_data": {"n": 1}, "page_size": 10},
            "by text": {"trigger_data": '{"n": 2}', "workflow_categories": ["a"]},
        }
        join_ref = await page.join(feed, instances)
        await world.send(feed_step("Hi"), recipients=[ELLIE], data={"n": 1})
        assert await page.event() == [
            *(join_ref, None, feed, "new-message"),
            {
                "event": "new-message",
                "metadata": counts(1, 1, 1),
                "data": {
                    "all": {"metadata": counts(1, 1, 1)},
                    "of acme": {"metadata": counts(0, 0, 0)},
                    "by data": {"metadata": counts(1, 1, 1)},
                    "by text": {"metadata": counts(0, 0, 0)},
                },
                "attn": ["all", "by data"],
            },
        ]


async def test_every_process_tells_its_own_sockets(world: World, address: str, feed: str) -> None:
    """Whichever process stored the item; also several sockets of one user."""
    key = world.environment.public_key
    async with (
        api_process(world.engine) as other,
        open_page(address, key) as first,
        open_page(other, key) as second,
        open_page(other, key) as third,
    ):
        for page in (first, second, third):
            await page.join(feed, {"a": {}})
        await world.send(feed_step("Hi"), recipients=[ELLIE])
        for page in (first, second, third):
            assert (await page.event())[4]["data"] == {"a": {"metadata": counts(1, 1, 1)}}


async def test_nobody_hears_of_what_is_not_his(world: World, address: str, feed: str) -> None:
    """Neither of other users, nor of the same user elsewhere, nor after leaving."""
    key = world.environment.public_key
    elsewhere = await world.make.environment()
    channel = await channel_of(world)
    async with open_page(address, key) as page, open_page(address, elsewhere.public_key) as far:
        join_ref = await page.join(feed, {"a": {}})
        await far.join(feed, {"a": {}})
        await page.join(f"feeds:{channel}:grace: the second", {"b": {}})
        await world.send(feed_step("Hi"), recipients=[{"id": "grace: the second"}])
        told = await page.event()
        assert told[2] == f"feeds:{channel}:grace: the second"
        assert await page.has_nothing()
        assert (await page.say(feed, "phx_leave", {}, join_ref))["status"] == "ok"
        assert await page.event() == [join_ref, join_ref, feed, "phx_close", {}]
        await world.send(feed_step("Hi"), recipients=[ELLIE, {"id": "grace: the second"}])
        await world.send(feed_step("Hi"), recipients=[{"id": "grace: the second"}])
        assert (await page.event())[2] != feed
        assert await page.has_nothing()
        assert await far.has_nothing()


async def test_joining_again_takes_the_place_of_the_first_join(
    world: World, address: str, feed: str
) -> None:
    """The end of the old join is told by its name; a late leave of it changes nothing."""
    async with open_page(address, world.environment.public_key) as page:
        first = await page.join(feed, {"a": {}})
        second = await page.join(feed, {"a": {}, "b": {"status": "read"}})
        assert await page.event() == [first, first, feed, "phx_close", {}]
        assert (await page.say(feed, "phx_leave", {}, first))["status"] == "ok"
        await world.send(feed_step("Hi"), recipients=[ELLIE])
        told = await page.event()
        assert told[0] == second
        assert told[4]["data"]["b"] == {"metadata": counts(0, 1, 1)}
        assert told[4]["attn"] == ["a"]


async def test_a_join_is_judged_as_the_list_of_items(world: World, address: str, feed: str) -> None:
    """Another user's feed, another channel and wrong filters are answered with the reason."""
    await let_sign(world.make, world.environment)
    channel = await channel_of(world)
    key = world.environment.public_key
    kept = signed("ellie", grants=granted("objects/$tenants/acme", "user/feed_read"))
    blind = signed("ellie", explicit_grants=True)
    for token, topic, payload, reason in (
        (signed("grace"), feed, {"a": {}}, "another user"),
        (blind, feed, {"a": {}}, "does not grant"),
        (kept, feed, {"a": {"tenant": "other"}}, "does not grant"),
        (kept, feed, {"a": {}}, "does not grant"),
        (kept, feed, {}, "does not grant"),
        (signed("ellie"), f"feeds:{new_id()}:ellie", {"a": {}}, "no in-app feed channel"),
        (signed("ellie"), f"feeds:{channel}", {"a": {}}, "does not exist"),
        (signed("ellie"), feed, {"a": {"status": "odd"}}, "status: must be one of"),
        (signed("ellie"), feed, {"status": "odd"}, "status: must be one of"),
        (signed("ellie"), feed, {"a": {"trigger_data": {"n": [1]}}}, "must not be nested"),
        (signed("ellie"), feed, {"a": 7}, "a: must be a JSON object"),
        (signed("ellie"), feed, {str(n): {} for n in range(26)}, "at most 25 instances"),
    ):
        async with open_page(address, key, token) as page:
            reply = await page.say(topic, "phx_join", payload)
            assert reply["status"] == "error"
            assert reason in reply["response"]["reason"], payload
            assert await page.has_nothing()
    async with open_page(address, key, kept) as page:
        await page.join(feed, {"a": {"tenant": "acme"}})


async def test_a_storm_is_told_at_once(app: FastAPI, world: World, address: str, feed: str) -> None:
    """Of many items that come together a page is told once, with the counts of all."""
    channel = await channel_of(world)
    async with open_page(address, world.environment.public_key) as page:
        await page.join(feed, {"a": {}, "b": {"source": "other"}})
        made = [await world.make.message(world.environment, channel) for _ in range(30)]
        topic = FeedTopic(world.environment.id, channel, "ellie")
        for message_id in made + made:
            app.state.hub.feeds.hear(FeedNews(topic, UUID(message_id)))
        told = await page.event()
        assert told[4]["metadata"] == counts(30, 30, 30)
        assert told[4]["attn"] == ["a"]
        await world.send(feed_step("Hi"), recipients=[ELLIE])
        assert (await page.event())[4]["metadata"] == counts(31, 31, 31)


async def test_an_item_is_news_when_its_window_opens(
    app: FastAPI, world: World, address: str, feed: str
) -> None:
    """Not when it is made, though the process has looked since."""
    step = feed_step("Later", send_windows=closed_for_now(world))
    async with open_page(address, world.environment.public_key) as page:
        await page.join(feed, {"a": {}})
        _, advanced = await world.send(step, recipients=[ELLIE])
        item = advanced.deliveries[0].message_id
        await app.state.hub.feeds.look()
        await world.send(feed_step("Now"), recipients=[ELLIE])
        assert (await page.event())[4]["metadata"] == counts(1, 1, 1)
        await world.change_delivery(item, "due_at = now()")
        assert await world.deliver(item) == "delivered"
        told = (await page.event())[4]
        assert (told["metadata"], told["attn"]) == (counts(2, 2, 2), ["a"])


async def test_an_opened_window_of_which_nobody_told_is_looked_for(
    app: FastAPI, world: World, address: str, feed: str
) -> None:
    """Whenever the item was made; and one that was deleted while it waited is no news."""
    step = feed_step("Later", send_windows=closed_for_now(world))
    async with open_page(address, world.environment.public_key) as page:
        await page.join(feed, {"a": {}})
        items = []
        for _ in range(2):
            _, advanced = await world.send(step, recipients=[ELLIE])
            items.append(advanced.deliveries[0].message_id)
        await world.make.rows(
            "UPDATE messages SET inserted_at = inserted_at - interval '1 day' WHERE id = ANY(%s)"
            " RETURNING 1",
            items,
        )
        await app.state.hub.feeds.look()
        # Both leave the line: one is delivered by a process whose news gets lost, one is deleted.
        await world.make.rows(
            "UPDATE messages SET delivery_status = 'delivered' WHERE id = %s RETURNING 1", items[0]
        )
        await world.make.rows("DELETE FROM messages WHERE id = %s RETURNING 1", items[1])
        await world.make.rows(
            "DELETE FROM deliveries WHERE message_id = ANY(%s) RETURNING 1", items
        )
        await app.state.hub.feeds.look()
        told = (await page.event())[4]
        assert (told["metadata"], told["attn"]) == (counts(1, 1, 1), ["a"])
        await app.state.hub.feeds.look()
        assert await page.has_nothing()


async def test_who_joins_a_feed_again_is_told_what_it_has_missed(
    app: FastAPI, world: World, address: str, feed: str
) -> None:
    """Also when another page has listened all the while, and was told of it."""
    key = world.environment.public_key
    async with open_page(address, key) as first:
        await first.join(feed, {"a": {}})
        await app.state.hub.feeds.look()
        at = utc_now() - timedelta(seconds=60)
        await world.make.message(world.environment, await channel_of(world), inserted_at=at)
        async with open_page(address, key) as second:
            await second.join(feed, {"a": {}})
            await app.state.hub.feeds.look()
            assert (await second.event())[4]["attn"] == ["a"]
            await app.state.hub.feeds.look()
            assert await second.has_nothing()


async def test_feeds_do_not_wait_for_guides(
    app: FastAPI, world: World, address: str, feed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit has guides shown anew to everybody who listens, one after the other."""
    never = asyncio.Event()

    async def shows(*_: object, **__: object) -> None:
        await never.wait()

    monkeypatch.setattr(guides, "show_guides", shows)
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    environment = world.environment.scope
    async with open_page(address, world.environment.public_key) as page:
        await page.join(feed, {"a": {}})
        for number in range(5):
            user: dict[str, Any] = {"user_id": f"user-{number}", "tenant_id": None, "data": {}}
            listener = guides.GuideListener(environment, channel, **user, tell=lambda _: None)
            await app.state.hub.guides.add(listener)
            app.state.hub.guides.hear(GuideNews(environment.id, listener.user_id, "tour"))
        await asyncio.sleep(0)
        await world.send(feed_step("Hi"), recipients=[ELLIE])
        assert (await page.event())[4]["attn"] == ["a"]


async def test_what_nobody_has_told_is_found(
    app: FastAPI, world: World, address: str, feed: str
) -> None:
    """A worker that dies after its commit tells nothing; so new items are looked for, too."""
    async with open_page(address, world.environment.public_key) as page:
        await page.join(feed, {"a": {}})
        channel = await channel_of(world)
        await world.make.message(world.environment, channel, inserted_at=utc_now())
        old = utc_now() - timedelta(minutes=10)
        await world.make.message(world.environment, channel, inserted_at=old)
        await app.state.hub.feeds.look()
        assert (await page.event())[4]["attn"] == ["a"]
        await app.state.hub.feeds.look()
        assert await page.has_nothing()
