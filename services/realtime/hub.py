"""What one API process does for its sockets: hears news of other processes, and looks for it.

It listens on one connection of its own, whatever the number of sockets. News is a hint, and may be
lost with the process that had it or while this connection is away; so new items are also looked for
every few seconds, for all feeds together.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeAlias
from uuid import UUID

from domain.kit.errors import AppError, RateLimited, Unavailable
from domain.realtime.news import GuideNews, unpack
from models.queries.realtime.news import CHANNEL
from runtime.logs import get_logger
from services.engine import Engine
from services.realtime.feeds import Feeds
from services.realtime.guides import Guides

_log = get_logger(__name__)

LOOK_SECONDS = 10.0
COMPARE_SECONDS = 1.0
_RECONNECT_SECONDS = 1.0
# How many connections of the pool sockets use at the same time. Guides are shown to each by itself,
# and a commit changes them for all; feeds do not wait behind that.
_FEEDS_AT_ONCE, _GUIDES_AT_ONCE = 3, 1
# When a page may ask again that is one of too many: others have to be closed first.
_TOO_MANY_SECONDS = 30

# For whom a socket counts: the environment and the id of the user whom its token names, or the key
# by which pages come that prove no user.
SocketHolder: TypeAlias = tuple[UUID, str | None]


class Hub:
    """The feeds and guides that sockets of this process listen to.

    It begins to work with its first socket and goes on until it is closed.

    Attributes:
        feeds: those that are listened to.
        guides: those that are listened to.
        sockets: how many sockets are open.

    Args:
        engine: the parts of this process.
    """

    def __init__(self, engine: Engine) -> None:
        self.sockets = 0
        self._sockets_of: Counter[SocketHolder] = Counter()
        self.feeds = Feeds(engine, asyncio.Semaphore(_FEEDS_AT_ONCE))
        self.guides = Guides(engine, asyncio.Semaphore(_GUIDES_AT_ONCE))
        self._engine = engine
        self._is_listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def count_in(self, holder: SocketHolder) -> None:
        """Count a socket that is about to open; `count_out` takes it back once it is closed.

        Raises:
            Unavailable: this process has as many as it may have.
            RateLimited: this user has, or the pages without a token that have this key.
        """
        settings = self._engine.settings
        if self.sockets >= settings.sockets:
            raise Unavailable("This server has reached its limit of sockets.")
        _, user_id = holder
        most = settings.sockets_of_key if user_id is None else settings.sockets_of_user
        if self._sockets_of[holder] >= most:
            who = "Pages without a user token" if user_id is None else "A user"
            of = " for one key" if user_id is None else ""
            message = f"{who} may have at most {most} sockets{of}."
            raise RateLimited(message, retry_after=_TOO_MANY_SECONDS)
        self.sockets += 1
        self._sockets_of[holder] += 1

    def count_out(self, holder: SocketHolder) -> None:
        """Count a socket no more."""
        self.sockets -= 1
        self._sockets_of[holder] -= 1
        if not self._sockets_of[holder]:
            del self._sockets_of[holder]

    async def begin(self, *, within: float = 5.0) -> None:
        """Begin to hear news unless it does; waits until it hears, but not for ever.

        While PostgreSQL is away nothing is heard; what was missed is looked for afterwards.
        """
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen()),
                asyncio.create_task(_again(LOOK_SECONDS, self.feeds.look)),
                asyncio.create_task(_again(COMPARE_SECONDS, self.guides.compare)),
            ]
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._is_listening.wait()

    async def close(self) -> None:
        """Hear nothing more."""
        self.feeds.close()
        self.guides.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._is_listening.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with aclosing(self._engine.database.listen(CHANNEL)) as heard:
                    async for text in heard:
                        await self._take_in(text)
            except AppError as error:
                _log.warning("news_not_heard", error=type(error).__name__)
            except Exception:
                _log.exception("news_not_heard")
            self._is_listening.clear()
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _take_in(self, text: str | None) -> None:
        if text is None:  # it listens from now on, and may have missed something before
            self._is_listening.set()
            await self.feeds.look()
            return
        for news in unpack(text):
            if isinstance(news, GuideNews):
                self.guides.hear(news)
            else:
                self.feeds.hear(news)


async def _again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something every so often, whatever becomes of it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except AppError as error:  # of the database
            _log.warning("news_not_looked_for", error=type(error).__name__)
        except Exception:
            _log.exception("news_not_looked_for")
