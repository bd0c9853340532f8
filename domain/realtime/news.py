"""News that one process has for all others, as short texts: ids alone, nothing of a message.

News is a hint. It may come twice, or never when the process that had it dies; who hears of it
looks at what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

# PostgreSQL carries 7,999 bytes at a time.
_MOST_BYTES = 7_900
_FEED, _GUIDE = "feed", "guide"


@dataclass(frozen=True, slots=True)
class FeedTopic:
    """The feed of a user: the messages of one in-app channel."""

    environment_id: UUID
    channel_id: UUID
    user_id: str


@dataclass(frozen=True, slots=True)
class FeedNews:
    """That a feed has a new item."""

    topic: FeedTopic
    message_id: UUID


@dataclass(frozen=True, slots=True)
class GuideNews:
    """That a user may see a guide from now on."""

    environment_id: UUID
    user_id: str
    guide_key: str


News: TypeAlias = FeedNews | GuideNews


def pack(news: Iterable[News]) -> list[str]:
    """Write news as few texts, each short enough for PostgreSQL to carry."""
    texts: list[str] = []
    packed = ""
    for each in news:
        entry = json.dumps(_written(each), separators=(",", ":"))
        if packed and len(packed) + len(entry) + 2 > _MOST_BYTES:
            texts.append(f"[{packed}]")
            packed = ""
        packed = f"{packed},{entry}" if packed else entry
    if packed:
        texts.append(f"[{packed}]")
    return texts


def unpack(text: str) -> list[News]:
    """Read news; what a newer process tells that this one does not know is passed over."""
    try:
        entries = json.loads(text)
    except ValueError:
        return []
    return list(_read(entries if isinstance(entries, list) else ()))


def _written(news: News) -> list[str]:
    if isinstance(news, GuideNews):
        return [_GUIDE, str(news.environment_id), news.user_id, news.guide_key]
    topic = news.topic
    ids = (topic.environment_id, topic.channel_id, topic.user_id, news.message_id)
    return [_FEED, *map(str, ids)]


def _read(entries: Iterable[Any]) -> Iterator[News]:
    for entry in entries:
        try:
            match entry:
                case [kind, environment_id, channel_id, user_id, message_id] if kind == _FEED:
                    topic = FeedTopic(UUID(environment_id), UUID(channel_id), user_id)
                    yield FeedNews(topic, UUID(message_id))
                case [kind, environment_id, user_id, guide_key] if kind == _GUIDE:
                    yield GuideNews(UUID(environment_id), user_id, guide_key)
        except ValueError:
            continue
