"""What a socket is to be told next.

Of each thing only the newest is kept, so nothing grows for a page that reads slowly; and what it is
told at last is right.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from api.knock.realtime.schemas import NEW_MESSAGE, NewMessageOut, guide_events
from domain.kit.json_types import JsonObject
from domain.realtime.frames import Frame
from services.realtime.feeds import FeedTold
from services.realtime.guides import GuidesTold


class Outgoing:
    """What one join of a topic is to be told."""

    def __init__(self, topic: str, join_ref: str | None, has_more: asyncio.Event) -> None:
        self.join_ref = join_ref
        self._topic = topic
        self._has_more = has_more
        self._feed: FeedTold = {}
        self._guides: dict[str, tuple[str, JsonObject]] = {}

    def tell_feed(self, told: FeedTold) -> None:
        """Have it told of new items, beside those of which it was not told yet."""
        self._feed = {
            name: replace(each, has_news=True)
            if name in self._feed and self._feed[name].has_news
            else each
            for name, each in told.items()
        }
        self._has_more.set()

    def tell_guides(self, told: GuidesTold) -> None:
        """Have it told of changes of guides."""
        for key, event, payload in guide_events(self._topic, told):
            self._guides.pop(key, None)  # what comes last is told last
            self._guides[key] = (event, payload)
        self._has_more.set()

    def take(self) -> Frame | None:
        """Return what comes next, or None."""
        if self._feed:
            told, self._feed = self._feed, {}
            return self._frame(NEW_MESSAGE, NewMessageOut.of(told).model_dump(mode="json"))
        for key in self._guides:
            event, payload = self._guides.pop(key)
            return self._frame(event, payload)
        return None

    def _frame(self, event: str, payload: JsonObject) -> Frame:
        return Frame(self.join_ref, None, self._topic, event, payload)
