"""News that a process tells all others, after its commit."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest

from domain.kit.errors import Unavailable
from domain.realtime.news import FeedNews, FeedTopic, unpack
from models.queries.realtime.news import CHANNEL
from services.engine import Engine
from services.news import tell_soon
from tests.support.builders import Builder
from tests.support.send_windows import closed_for_now
from tests.support.world import World, channel_step


def feed_news(user_id: str = "ellie") -> FeedNews:
    """Make news of an item."""
    return FeedNews(FeedTopic(uuid4(), uuid4(), user_id), uuid4())


async def test_what_comes_together_is_told_together(engine: Engine) -> None:
    """Everything once, in order, in as few texts as it fits into."""
    news = [feed_news() for _ in range(60)]
    async with aclosing(engine.database.listen(CHANNEL)) as heard, asyncio.timeout(30):
        assert await anext(heard) is None
        for each in news:
            tell_soon(engine, [each, each])
        told: list[Any] = []
        texts = 0
        while len(told) < len(news):
            text = await anext(heard)
            mine = [each for each in unpack(text or "[]") if each in news]
            told += mine
            texts += bool(mine)
        assert told == news
        assert texts == 2
        tell_soon(engine, [])
        later = feed_news()
        tell_soon(engine, [later])  # while the task of before pauses, or after it
        while later not in unpack(await anext(heard) or "[]"):
            pass
    await asyncio.gather(*engine.news_under_way.tasks)
    assert not engine.news_under_way.pending


async def test_a_lost_answer_is_told_again(world: World) -> None:
    """A process that shows an item may die before it tells of that: the next one tells."""
    step = channel_step("feed", send_windows=closed_for_now(world))
    run_id, _ = await world.send(step, recipients=[{"id": "ellie"}])
    (item,) = await world.messages(run_id)
    news = FeedNews(FeedTopic(world.environment.id, item["channel_id"], "ellie"), item["id"])
    await world.change_delivery(item["id"], "due_at = now()")
    async with aclosing(world.engine.database.listen(CHANNEL)) as heard, asyncio.timeout(30):
        assert await anext(heard) is None
        for _ in range(2):
            assert await world.deliver(item["id"]) == "delivered"
            while news not in unpack(await anext(heard) or "[]"):
                pass


async def test_news_of_the_turn_in_which_a_task_ends_is_told(engine: Engine) -> None:
    """The task has ended and is still known; another one has to tell."""
    tell_soon(engine, [feed_news()])
    (task,) = engine.news_under_way.tasks
    told_in_time: list[bool] = []

    def at_its_end(_: object) -> None:
        tell_soon(engine, [feed_news()])
        told_in_time.append(not all(each.done() for each in engine.news_under_way.tasks))

    discard = engine.news_under_way.tasks.discard
    task.remove_done_callback(discard)
    task.add_done_callback(at_its_end)
    task.add_done_callback(discard)
    await task
    await asyncio.sleep(0)
    await asyncio.gather(*engine.news_under_way.tasks)
    assert told_in_time == [True]
    assert not engine.news_under_way.pending


async def test_what_cannot_be_told_is_dropped(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, and it is not kept for ever: those who listen look for it."""

    def away(_: Engine) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(Engine, "connection", away)
        tell_soon(engine, [feed_news()])
        await asyncio.gather(*engine.news_under_way.tasks)
    assert not engine.news_under_way.pending


async def test_who_listens_learns_that_the_connection_is_gone(
    engine: Engine, make: Builder
) -> None:
    """And comes again; nobody waits for a connection on which nothing is told."""
    name = f"channel_{uuid4().hex}"
    async with aclosing(engine.database.listen(name)) as heard:
        assert await anext(heard) is None
        await make.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s",
            f'LISTEN "{name}"',
        )
        with pytest.raises(Unavailable):
            await anext(heard)
