"""The feeds that browsers of this process listen to, and what they are told of new items.

Counts are made once for each feed and set of filters, however many sockets want them; and of many
items that come together they are made once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from domain.kit.errors import QueryTooSlow, Unavailable, Unprocessable
from domain.messages.filters import FeedFilters
from domain.messages.messages import FeedChange
from domain.realtime.news import FeedNews, FeedTopic
from domain.recipients.refs import RecipientRef
from models.queries.in_app.feeds import count_change
from models.queries.realtime.news import held_items, new_items
from runtime.logs import get_logger
from services.engine import Engine

_log = get_logger(__name__)

# For how long items are counted together; and how long none is told after that.
_GATHER_SECONDS, _PAUSE_SECONDS = 0.1, 0.4
_RETRY_SECONDS = 1.0
# A look begins this long before the last one: clocks differ, and what was stored first may be seen
# later.
_OVERLAP = timedelta(seconds=10)
# And this long before a socket came: it may come back from a server that was started again, and
# Knock's client does not fetch by itself what came meanwhile.
_MISSED = timedelta(minutes=2)
_LOOKED_FOR_AT_ONCE, _LOOKED_FOR_IN_EACH = 500, 20
_REMEMBERED = 200
_MOST_HELD = 100
_MOST_FILTERS = 100


# What a client calls an instance of a feed; None for the only one of a client that names none.
InstanceName: TypeAlias = str | None
# What each instance is told.
FeedTold: TypeAlias = Mapping[InstanceName, FeedChange]


@dataclass(eq=False, slots=True)
class FeedListener:
    """A socket that listens to a feed.

    Attributes:
        topic: which feed.
        filters: of each instance of the feed that the client shows, by the client's name for it.
        tell: takes what is told; it must not wait.
    """

    topic: FeedTopic
    filters: Mapping[InstanceName, FeedFilters]
    tell: Callable[[FeedTold], None]


@dataclass(slots=True)
class _Feed:
    """A feed that somebody listens to.

    Attributes:
        since: items are looked for that came after it.
        fresh: items that listeners were not told of.
        told: those that this process has heard of lately.
        held: those that waited for their send window at the last look.
    """

    topic: FeedTopic
    since: datetime
    listeners: set[FeedListener] = field(default_factory=set)
    fresh: set[UUID] = field(default_factory=set)
    told: deque[UUID] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    held: set[UUID] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    def distinct_filters(self) -> list[FeedFilters]:
        """Return each set of filters once."""
        found: list[FeedFilters] = []
        for listener in self.listeners:
            found += [each for each in listener.filters.values() if each not in found]
        return found


class Feeds:
    """The feeds that sockets of this process listen to.

    Args:
        engine: the parts of this process.
        slots: bounds how many connections to the database are used for counting.
    """

    def __init__(self, engine: Engine, slots: asyncio.Semaphore) -> None:
        self._engine = engine
        self._slots = slots
        self._feeds: dict[FeedTopic, _Feed] = {}

    def add(self, listener: FeedListener) -> None:
        """Begin to tell a socket of a feed. Raises Unprocessable when too many filters are used."""
        since = self._engine.clock() - _MISSED
        feed = self._feeds.get(listener.topic)
        if feed is None:
            feed = self._feeds[listener.topic] = _Feed(listener.topic, since)
        else:  # what the others were told of is told again: this one may have missed it
            feed.since = min(feed.since, since)
            feed.told.clear()
        feed.listeners.add(listener)
        if len(feed.distinct_filters()) > _MOST_FILTERS:
            self.remove(listener)
            raise Unprocessable("Too many different filters listen to this feed.")

    def remove(self, listener: FeedListener) -> None:
        """Tell a socket no more; doing it twice is harmless."""
        feed = self._feeds.get(listener.topic)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if not feed.listeners:
            del self._feeds[listener.topic]
            if feed.task is not None:
                feed.task.cancel()

    def hear(self, news: FeedNews) -> None:
        """Take in that a feed has a new item; to hear it twice is harmless."""
        feed = self._feeds.get(news.topic)
        if feed is None or news.message_id in feed.told:
            return
        feed.told.append(news.message_id)
        feed.fresh.add(news.message_id)
        if feed.task is None:
            feed.task = asyncio.create_task(self._tell(feed))

    async def look(self) -> None:
        """Find new items of which no process has told, because it died or the network failed."""
        now = self._engine.clock()
        for some in _in_pages(list(self._feeds.values())):
            since = [(feed.topic, feed.since) for feed in some]
            async with self._engine.connection() as connection:
                # First: what opens between the two waits here, and is missing at the next look.
                waiting = await held_items(
                    connection, [topic for topic, _ in since], limit=_MOST_HELD
                )
                found = await new_items(connection, since, limit=_LOOKED_FOR_IN_EACH)
            for news in (*_opened(some, waiting), *found):
                self.hear(news)
            for feed, (_, looked_from) in zip(some, since, strict=True):
                if feed.since == looked_from:  # or somebody has come on meanwhile
                    feed.since = now - _OVERLAP

    def close(self) -> None:
        """End what is under way."""
        for feed in self._feeds.values():
            if feed.task is not None:
                feed.task.cancel()
        self._feeds.clear()

    async def _tell(self, feed: _Feed) -> None:
        """Tell of new items until there are none."""
        try:
            while feed.fresh:
                await asyncio.sleep(_GATHER_SECONDS)
                fresh, feed.fresh = feed.fresh, set()
                try:
                    await self._tell_of(feed, fresh)
                except QueryTooSlow:  # the next item is another occasion
                    _log.warning("feed_not_told", error=QueryTooSlow.__name__)
                except Unavailable as error:
                    _log.warning("feed_not_told", error=type(error).__name__)
                    feed.fresh |= fresh
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:
                    _log.exception("feed_not_told")
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            feed.task = None

    async def _tell_of(self, feed: _Feed, fresh: set[UUID]) -> None:
        topic, filters = feed.topic, feed.distinct_filters()
        async with self._slots, self._engine.connection() as connection:
            changes = [
                await count_change(
                    connection,
                    topic.environment_id,
                    topic.channel_id,
                    RecipientRef.user(topic.user_id),
                    each,
                    new_ids=fresh,
                )
                for each in filters
            ]
        for listener in feed.listeners:
            told = {
                name: changes[filters.index(each)]
                for name, each in listener.filters.items()
                if each in filters  # or it came meanwhile
            }
            if told:
                listener.tell(told)


def _opened(feeds: Sequence[_Feed], waiting: Iterable[FeedNews]) -> list[FeedNews]:
    """Note which items of feeds wait for their window; return those that do not any more."""
    held: dict[FeedTopic, set[UUID]] = {feed.topic: set() for feed in feeds}
    for news in waiting:
        held[news.topic].add(news.message_id)
    opened = []
    for feed in feeds:
        still = held[feed.topic]
        # One that was deleted is heard of, too; the feed does not show it, so nobody is told.
        opened += [FeedNews(feed.topic, item) for item in feed.held - still]
        feed.held = still
    return opened


def _in_pages(feeds: list[_Feed]) -> Iterator[list[_Feed]]:
    for start in range(0, len(feeds), _LOOKED_FOR_AT_ONCE):
        yield feeds[start : start + _LOOKED_FOR_AT_ONCE]
