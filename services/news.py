"""Tells every API process of news, after the commit that made it.

It is told apart from that transaction, which would otherwise commit after all others that tell
something, and together with whatever else became news meanwhile. So it may be lost with its
process; API processes look for what they were not told of (`services/realtime/hub.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from domain.channels.kinds import READ_HERE
from domain.deliveries.claims import AddressedMessage
from domain.realtime.news import FeedNews, FeedTopic, News, pack
from domain.recipients.refs import USERS
from domain.runs.rows import NewMessage
from models.queries.realtime.news import tell
from runtime.logs import get_logger
from services.engine import Engine

_log = get_logger(__name__)

# How long news is gathered after some was told: ten statements a second at most.
_GATHER_SECONDS = 0.1
# While the database is away nothing is kept for it: those who listen will look.
_MOST_PENDING = 20_000


def news_of(delivered: Iterable[NewMessage | AddressedMessage]) -> Iterator[FeedNews]:
    """Yield what browsers want to hear of delivered messages: new items of users' feeds."""
    for message in delivered:
        if message.channel_type in READ_HERE and message.collection == USERS:
            topic = FeedTopic(message.environment_id, message.channel_id, message.recipient_id)
            yield FeedNews(topic, message.id)


def tell_soon(engine: Engine, news: Iterable[News]) -> None:
    """Tell all API processes of what was just committed: nobody waits for it, and it may fail."""
    under_way = engine.news_under_way
    for each in news:
        if len(under_way.pending) < _MOST_PENDING:
            under_way.pending[each] = None
    # A task that has ended leaves the set a turn of the loop later.
    if under_way.pending and all(task.done() for task in under_way.tasks):
        task = asyncio.create_task(_tell_all(engine))
        under_way.tasks.add(task)
        task.add_done_callback(under_way.tasks.discard)


async def _tell_all(engine: Engine) -> None:
    pending = engine.news_under_way.pending
    while pending:
        texts = pack(pending)
        pending.clear()
        try:
            async with engine.connection() as connection:
                await tell(connection, texts)
        except Exception as error:
            _log.warning("news_not_told", error=type(error).__name__)
        await asyncio.sleep(_GATHER_SECONDS)
